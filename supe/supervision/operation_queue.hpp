// What operators ask of one supervisor: one operation after the other, first come, first served.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

/// What an operator asked for: `restart web`.
struct operation {
    enum class kind { start, stop, restart, add, remove, scale, reload } what;
    std::string name{};      ///< of the child, of one instance, or of all instances; reload: empty
    unsigned instances = 0;  ///< scale

    std::string text() const;
};

/// The operations that are under way or wait for their turn. Pure.
class operation_queue {
public:
    static constexpr std::size_t limit = 64;
    static constexpr std::size_t stop_limit = 128;  ///< of stops: they free the queue
    using ticket = std::uint64_t;

    /// Nothing when the queue is full.
    std::optional<ticket> enter(operation what);
    void leave(ticket number);
    bool is_turn_of(ticket number) const {
        return !entries_.empty() && entries_.front().number == number;
    }
    /// The one under way; null when there is none.
    const operation* current() const { return entries_.empty() ? nullptr : &entries_.front().what; }
    /// How many wait behind it.
    std::size_t waiting() const { return entries_.empty() ? 0 : entries_.size() - 1; }
    /// How many stops of this child wait. `name`: its own one; `group`: that of all instances, or
    /// empty.
    std::size_t stops_of(std::string_view name, std::string_view group) const;
    /// A stop or a removal of this child waits: nobody has to wait for its start any more.
    bool is_unwanted(std::string_view name, std::string_view group) const;

private:
    struct entry {
        ticket number;
        operation what;
        bool is_about(operation::kind kind, std::string_view name, std::string_view group) const;
    };
    std::size_t count(operation::kind kind, std::string_view name, std::string_view group) const;

    std::deque<entry> entries_;  // the first one is under way
    ticket last_ = 0;
};

}  // namespace supe
