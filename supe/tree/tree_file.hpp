// Reads and writes tree files (contract §5). Bad ones are refused whole, with place, value and
// choices.
#pragma once

#include "supe/text/field_reader.hpp"
#include "supe/tree/child_spec.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace supe {

/// What a tree is read for. To run it here, users and groups must be known, and changeable.
enum class tree_use { anywhere, here };

/// Reads a tree from text. `file` is its name in errors; `directory` what relative directories are
/// relative to; `roles` the built-in components there are (empty: any name will do). Throws
/// config_error.
supervisor_spec parse_tree(std::string_view text, const std::string& file,
                           const std::filesystem::path& directory,
                           const std::vector<std::string>& roles = {},
                           tree_use use = tree_use::anywhere);

/// Reads one child (`supe add`), in the same form as a member of `children`.
child_spec parse_child(std::string_view text, const std::string& file,
                       const std::filesystem::path& directory,
                       const std::vector<std::string>& roles = {});

/// Reads the file; one that cannot be opened is a config_error too. `-` is stdin. Relative
/// directories are relative to the file, or, where it is no regular file (`<(…)`), to the current
/// directory.
supervisor_spec read_tree_file(const std::filesystem::path& file,
                               const std::vector<std::string>& roles = {},
                               tree_use use = tree_use::anywhere);
child_spec read_child_file(const std::filesystem::path& file,
                           const std::vector<std::string>& roles = {});

/// The absolute path of a tree's file; empty where the tree came through a pipe or stdin and so has
/// none.
std::filesystem::path own_file(const std::filesystem::path& file);

/// Reads the file once more at each call (SIGHUP), to run it here. Throws config_error also where
/// it is no regular file.
std::function<supervisor_spec()> tree_file_again(const std::filesystem::path& file,
                                                 std::vector<std::string> roles = {});

/// A tree as JSON that parse_tree reads back to the same; values at their defaults are left out.
/// This is also how a nested supervisor is told its tree (its SUPE-START config).
boost::json::value to_json(const supervisor_spec&);
boost::json::value to_json(const child_spec&);

}  // namespace supe
