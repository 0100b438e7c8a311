#include "supe/tree/orders.hpp"

#include <algorithm>

namespace supe {

const char* order_word(order_kind kind) {
    static constexpr const char* words[] = {"start", "stop", "restart", "scale"};
    return words[static_cast<unsigned>(kind)];
}

std::optional<order_kind> order_named(std::string_view word) {
    const auto found = std::ranges::find(
        all_orders, word, [](order_kind k) { return std::string_view(order_word(k)); });
    if (found == all_orders.end()) return std::nullopt;
    return *found;
}

}  // namespace supe
