// The files of a project of one's own, as `supe new` writes them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace components {

/// What is wrong with the name of a project; empty where nothing is.
std::string objection_to_project(const std::string& name);

/// By file name: a component with its tree, its simulated test, CMakeLists.txt and README.md.
/// Precondition: objection_to_project(name) is empty.
std::map<std::string, std::string> project_files(const std::string& name);

/// Writes `files` into `folder`, which is made where it is missing. Throws std::runtime_error where
/// it is no folder, or not empty; std::system_error where it cannot be written.
void write_project(const std::filesystem::path& folder,
                   const std::map<std::string, std::string>& files);

}  // namespace components
