// Trees and children read from files, from stdin and from pipes.
#include "supe/text/config.hpp"
#include "supe/tree/tree_file.hpp"

namespace supe {
namespace {

std::filesystem::path source_named(const std::filesystem::path& file) {
    return file == "-" ? "/dev/stdin" : file;
}

/// What relative directories are relative to (contract §5, `directory`).
std::filesystem::path base_of(const std::filesystem::path& source) {
    const auto file = own_file(source);
    return file.empty() ? std::filesystem::current_path() : file.parent_path();
}

supervisor_spec read_tree(const std::filesystem::path& source,
                          const std::vector<std::string>& roles, tree_use use, source_read when) {
    return parse_tree(text_of_source(source, when), source.string(), base_of(source), roles, use);
}

}  // namespace

std::filesystem::path own_file(const std::filesystem::path& file) {
    std::error_code none;
    const bool is_file = !names_descriptor(file) && std::filesystem::is_regular_file(file, none);
    return is_file ? std::filesystem::absolute(file).lexically_normal() : std::filesystem::path();
}

supervisor_spec read_tree_file(const std::filesystem::path& file,
                               const std::vector<std::string>& roles, tree_use use) {
    return read_tree(source_named(file), roles, use, source_read::first);
}

child_spec read_child_file(const std::filesystem::path& file,
                           const std::vector<std::string>& roles) {
    const auto source = source_named(file);
    return parse_child(text_of_source(source, source_read::first), source.string(), base_of(source),
                       roles);
}

std::function<supervisor_spec()> tree_file_again(const std::filesystem::path& file,
                                                 std::vector<std::string> roles) {
    const auto source = std::filesystem::absolute(source_named(file));
    return [source, roles = std::move(roles)] {
        return read_tree(source, roles, tree_use::here, source_read::again);
    };
}

}  // namespace supe
