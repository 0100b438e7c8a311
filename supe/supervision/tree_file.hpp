// Reads and writes tree files (contract §5). Bad ones are refused whole, with place, value and choices.
#pragma once

#include "supe/supervision/child_spec.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace supe {

/// what() is one line: `tree.json:12:20: children[2].restart: "always" is not one of permanent, transient, temporary`.
class tree_file_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Reads a tree from text. `file` is its name in errors; `directory` what relative directories are relative to; `roles` the
/// built-in components there are (empty: any name will do). Throws tree_file_error.
supervisor_spec parse_tree(std::string_view text, const std::string& file, const std::filesystem::path& directory,
                           const std::vector<std::string>& roles = {});

/// Reads one child (`supe add`), in the same form as a member of `children`.
child_spec parse_child(std::string_view text, const std::string& file, const std::filesystem::path& directory,
                       const std::vector<std::string>& roles = {});

/// Reads the file; one that cannot be opened is a tree_file_error too.
supervisor_spec read_tree_file(const std::filesystem::path& file, const std::vector<std::string>& roles = {});
child_spec read_child_file(const std::filesystem::path& file, const std::vector<std::string>& roles = {});

/// A tree as JSON that parse_tree reads back to the same; values at their defaults are left out.
/// This is also how a nested supervisor is told its tree (its SUPE-START config).
boost::json::value to_json(const supervisor_spec&);
boost::json::value to_json(const child_spec&);

/// "250ms", "8s", "5m", "1h", up to ten years; also "0". Nothing for what is none. Used by the command line too.
std::optional<milliseconds> parse_duration(std::string_view text);
/// The shortest form that parse_duration reads back.
std::string print_duration(milliseconds d);
/// "64KiB", "256MiB", "10GiB", "512B", or a plain number of bytes, up to 1 PiB. Nothing for what is none.
std::optional<std::size_t> parse_bytes(std::string_view text);
std::string print_bytes(std::size_t n);

}  // namespace supe
