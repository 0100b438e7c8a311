#include "supe/text/json_pointer.hpp"

#include "supe/text/json_text.hpp"

#include <algorithm>
#include <string>

namespace supe {
namespace {

bool is_index(std::string_view step) {
    const bool digits = std::ranges::all_of(step, [](char c) { return c >= '0' && c <= '9'; });
    return digits && !step.empty() && step.size() < 9 && (step.size() == 1 || step[0] != '0');
}

/// One step of a pointer: `~1` is `/`, and `~0` is `~`.
std::string pointed_name(std::string_view step) {
    std::string name;
    for (std::size_t i = 0; i < step.size(); ++i) {
        const bool escaped = step[i] == '~';
        if (escaped) ++i;
        name += !escaped ? step[i] : step[i] == '1' ? '/' : '~';
    }
    return name;
}

std::optional<std::string_view> step_into(std::string_view value, std::string_view step) {
    if (!value.starts_with('[')) {
        const std::string_view found = member_of(value, pointed_name(step));
        return found.empty() ? std::nullopt : std::optional(found);
    }
    const auto all = is_index(step) ? elements_of(value, value.size()) : std::nullopt;
    const std::size_t n = all ? std::stoul(std::string(step)) : 0;
    return all && n < all->size() ? std::optional((*all)[n]) : std::nullopt;
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

}  // namespace

bool is_json_pointer(std::string_view text) {
    for (auto at = text.find('~'); at != text.npos; at = text.find('~', at + 1))
        if (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1')) return false;
    return text.empty() || text.front() == '/';
}

std::optional<std::string_view> value_at(std::string_view text, std::string_view pointer) {
    if (!is_json(text)) return std::nullopt;
    std::optional<std::string_view> value = without_blanks(text);
    while (value && !pointer.empty()) {
        pointer.remove_prefix(1);
        const auto end = std::min(pointer.find('/'), pointer.size());
        value = step_into(*value, pointer.substr(0, end));
        pointer.remove_prefix(end);
    }
    return value;
}

}  // namespace supe
