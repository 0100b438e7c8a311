// A bounded queue between coroutines of one thread that loses nothing when a waiter is cancelled.
#pragma once

#include "supe/async/assertion.hpp"
#include "supe/async/clock.hpp"

#include <deque>
#include <optional>

namespace supe {

/// First in, first out. A waiter only notices that something arrived; the item is taken
/// synchronously after, so a cancelled wait never takes an item with it.
template <class T>
class queue {
public:
    /// Precondition: `limit` is more than 0.
    queue(clock& c, std::size_t limit) : clock_(c), limit_(limit), arrived_(c), space_(c) {
        SUPE_ASSERT(limit > 0);
    }

    /// False when full or closed.
    bool try_push(T item) {
        if (closed_ || items_.size() >= limit_) return false;
        items_.push_back(std::move(item));
        arrived_.notify();
        return true;
    }

    /// Waits for room. False when closed.
    awaitable<bool> push(T item) {
        while (!closed_ && items_.size() >= limit_) co_await space_.wait();
        co_return try_push(std::move(item));
    }

    std::optional<T> try_pop() {
        if (items_.empty()) return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        space_.notify();
        return item;
    }

    /// The next item; nothing when the queue is closed and empty, or at the deadline.
    awaitable<std::optional<T>> pop_until(time_point deadline) {
        while (items_.empty() && !closed_ && clock_.now() < deadline)
            co_await arrived_.wait_until(deadline);
        co_return try_pop();
    }
    awaitable<std::optional<T>> pop() { return pop_until(never); }

    /// What is inside can still be taken; nothing more can be added.
    void close() {
        closed_ = true;
        arrived_.notify();
        space_.notify();
    }

    bool closed() const { return closed_; }
    bool empty() const { return items_.empty(); }
    std::size_t size() const { return items_.size(); }

private:
    clock& clock_;
    std::size_t limit_;
    std::deque<T> items_;
    bool closed_ = false;
    condition arrived_;
    condition space_;
};

}  // namespace supe
