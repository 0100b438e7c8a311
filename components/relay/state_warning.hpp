// What an operator should know about a relay's state directory.
#pragma once

#include <filesystem>
#include <string>

namespace components {

/// A line for the log at start where the directory may be gone at the next one; else empty.
std::string state_warning(const std::filesystem::path& state);

}  // namespace components
