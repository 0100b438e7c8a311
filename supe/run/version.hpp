// Which version of supe this is (CMakeLists.txt has it too).
#pragma once

namespace supe {

inline constexpr const char* version = "1.0.0";

}  // namespace supe
