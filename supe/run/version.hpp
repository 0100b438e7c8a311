// Which version of supe this is (CMakeLists.txt has it too).
#pragma once

#include <string>

namespace supe {

inline constexpr const char* version = "1.0.0";

/// As `--version` prints it.
inline std::string full_version() { return std::string("supe ") + version; }

}  // namespace supe
