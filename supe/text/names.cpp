#include "supe/text/names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>

namespace supe {
namespace {

constexpr std::array taken{"supe", "component", "citizen", "supervisor", "mail"};

}  // namespace

std::string valid_names(std::size_t longest) {
    return fmt::format("1 to {} of A-Z a-z 0-9 _ - and none of {}", longest,
                       fmt::join(taken, ", "));
}

bool is_valid_name(std::string_view name, std::size_t longest) {
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= longest && std::ranges::all_of(name, allowed) &&
           std::ranges::find(taken, name) == taken.end();
}

}  // namespace supe
