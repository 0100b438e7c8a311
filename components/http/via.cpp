#include "components/http/via.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace components {
namespace {

/// FNV-1a.
std::uint32_t hash_of_name(std::string_view text) {
    std::uint32_t hash = 2166136261u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

std::string name_of_this_relay() {
    const char* state = std::getenv("SUPE_STATE");
    if (!state) return "supe";
    std::array<char, 256> machine{};
    ::gethostname(machine.data(), machine.size() - 1);
    return via_name(machine.data(), state);
}

/// `mark TREE` of `mark TREE DEVICE INODE`: the root writes the same TREE again into a file that
/// was deleted, and then device and inode are others. Empty where it cannot be read.
std::string tree_mark_of(const std::filesystem::path& state) {
    std::ifstream file(state / "processes.lock");
    std::string word, tree;
    file >> word >> tree;
    return tree;
}

/// A comment is anybody's text, and may have commas and names of proxies (RFC 9110 §5.6.5).
std::string without_comments(std::string_view value) {
    std::string rest;
    int depth = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '(') ++depth;
        if (depth == 0) rest += value[i];
        if (depth > 0 && value[i] == '\\')
            ++i;
        else if (depth > 0 && value[i] == ')')
            --depth;
    }
    return depth == 0 ? rest : std::string(value);
}

/// `1.1 name`: the second word.
std::string_view proxy_in(std::string_view entry) {
    constexpr std::string_view blanks = " \t";
    const auto skip = [&] {
        entry.remove_prefix(std::min(entry.find_first_not_of(blanks), entry.size()));
    };
    skip();
    entry.remove_prefix(std::min(entry.find_first_of(blanks), entry.size()));
    skip();
    return entry.substr(0, entry.find_first_of(" \t("));
}

}  // namespace

std::string via_name(std::string_view machine, const std::filesystem::path& state) {
    return fmt::format("supe-{:08x}", hash_of_name(fmt::format("{}:{}:{}", machine, state.string(),
                                                               tree_mark_of(state))));
}

const std::string& own_via() {
    static const std::string name = name_of_this_relay();
    return name;
}

bool went_through(const http_fields& headers, std::string_view name) {
    for (const auto& [field, value] : headers) {
        if (!same_field(field, "Via")) continue;
        const std::string entries = without_comments(value);
        for (std::string_view left = entries; !left.empty();) {
            const auto comma = std::min(left.find(','), left.size());
            if (same_field(proxy_in(left.substr(0, comma)), name)) return true;
            left.remove_prefix(std::min(comma + 1, left.size()));
        }
    }
    return false;
}

}  // namespace components
