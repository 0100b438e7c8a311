// What a component may order its supervisor to do with its siblings (contract §5 `may`).
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace supe {

enum class order_kind : unsigned char { start, stop, restart, scale };
inline constexpr std::array all_orders{order_kind::start, order_kind::stop, order_kind::restart,
                                       order_kind::scale};

/// As in the tree file and on the channel: `scale`.
const char* order_word(order_kind kind);
std::optional<order_kind> order_named(std::string_view word);

/// One byte: a supervisor has one a child.
class order_set {
public:
    void add(order_kind k) { bits_ = static_cast<unsigned char>(bits_ | bit(k)); }
    bool has(order_kind k) const { return (bits_ & bit(k)) != 0; }
    bool empty() const { return bits_ == 0; }
    bool operator==(const order_set&) const = default;

private:
    static constexpr unsigned bit(order_kind k) { return 1u << static_cast<unsigned>(k); }
    unsigned char bits_ = 0;
};

}  // namespace supe
