#include "supe/supervision/answer_room.hpp"

#include "supe/text/json_value.hpp"

namespace supe {

awaitable<std::optional<answer_room::place>> answer_room::enter(bool is_large) {
    if (!is_large) co_return place();
    if (taken_ >= most && waiting_ >= most_waiting) co_return std::nullopt;
    struct counted {
        std::size_t& all;
        explicit counted(std::size_t& a) : all(a) { ++all; }
        ~counted() { --all; }
    } const waits(waiting_);
    while (taken_ >= most) co_await left_.wait();
    ++taken_;
    co_return place(*this);
}

void answer_room::leave() {
    --taken_;
    left_.notify();
}

bool asks_for_a_letter(const boost::json::object& command) {
    return string_of(command, "do") == "dead" && string_of(command, "what") == "show";
}

}  // namespace supe
