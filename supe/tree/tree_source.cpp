// Trees and children read from files, from stdin and from pipes.
#include "supe/text/config.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>

namespace supe {
namespace {

std::filesystem::path source_named(const std::filesystem::path& file) {
    return file == "-" ? "/dev/stdin" : file;
}

/// A name of an open file, which may be a regular one: `supe run - < tree.json`.
bool is_descriptor(const std::filesystem::path& source) {
    const std::string name = source.string();
    return name == "/dev/stdin" || name.starts_with("/dev/fd/") ||
           name.starts_with("/proc/self/fd/");
}

/// What relative directories are relative to (contract §5, `directory`).
std::filesystem::path base_of(const std::filesystem::path& source) {
    std::error_code none;
    const bool is_file = !is_descriptor(source) && std::filesystem::is_regular_file(source, none);
    return is_file ? std::filesystem::absolute(source).parent_path()
                   : std::filesystem::current_path();
}

}  // namespace

supervisor_spec read_tree_file(const std::filesystem::path& file,
                               const std::vector<std::string>& roles) {
    const auto source = source_named(file);
    return parse_tree(text_of_file(source), source.string(), base_of(source), roles);
}

child_spec read_child_file(const std::filesystem::path& file,
                           const std::vector<std::string>& roles) {
    const auto source = source_named(file);
    return parse_child(text_of_file(source), source.string(), base_of(source), roles);
}

std::function<supervisor_spec()> tree_file_again(const std::filesystem::path& file,
                                                 std::vector<std::string> roles) {
    const auto source = source_named(file);
    const bool is_read_once = is_descriptor(source);
    return [source = std::filesystem::absolute(source), roles = std::move(roles), is_read_once] {
        std::error_code none;
        // A pipe without a writer would hold up whoever opens it.
        if (is_read_once || (std::filesystem::exists(source, none) &&
                             !std::filesystem::is_regular_file(source, none)))
            throw config_error(
                fmt::format("{} is no regular file: it was read once, and cannot be read again",
                            source.string()));
        return read_tree_file(source, roles);
    };
}

}  // namespace supe
