#include "supe/text/names.hpp"

#include <algorithm>
#include <array>

namespace supe {

bool is_valid_name(std::string_view name) {
    constexpr std::array taken{"supe", "component", "citizen", "supervisor", "mail"};
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, allowed) &&
           std::ranges::find(taken, name) == taken.end();
}

}  // namespace supe
