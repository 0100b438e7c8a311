// Coroutines that wait for an answer, each known by a key.
#pragma once

#include "supe/async/assertion.hpp"
#include "supe/async/clock.hpp"

#include <optional>
#include <unordered_map>
#include <utility>

namespace supe {

/// Who waits for which answer. Belongs to one thread; outlives its waiters.
///
///     answers::waiter waiter(questions_, id);  // in the table for as long as it lives
///     waiter.expires_at(time.now() + 10s);
///     ask(id);
///     while (waiter.is_waiting()) co_await waiter.changed();
///     const std::optional<int> answer = waiter.take();
///
/// A coroutine that waits for more than the answer looks at that too (`while (waiter.is_waiting()
/// && lives())`) and is resumed by wake_all().
template <class Key, class Value>
class waiter_table {
public:
    class waiter;

    explicit waiter_table(clock& c) : clock_(c) {}
    waiter_table(const waiter_table&) = delete;
    waiter_table& operator=(const waiter_table&) = delete;

    /// Ends the wait of the waiter with this key. False where there is none, or it has its answer:
    /// the first one counts.
    bool answer(const Key& key, Value value) {
        const auto found = waiters_.find(key);
        return found != waiters_.end() && found->second->accept(std::move(value));
    }
    /// The same answer for all who have none yet.
    void answer_all(const Value& value) {
        for (const auto& [key, w] : waiters_) w->accept(value);
    }
    /// Gives the waiter with this key another deadline. False where there is none.
    bool set_deadline(const Key& key, time_point deadline) {
        const auto found = waiters_.find(key);
        if (found == waiters_.end()) return false;
        found->second->expires_at(deadline);
        return true;
    }
    /// Resumes all; they look at their conditions again.
    void wake_all() {
        for (const auto& [key, w] : waiters_) w->changed_.notify();
    }
    std::size_t size() const { return waiters_.size(); }

private:
    clock& clock_;
    std::unordered_map<Key, waiter*> waiters_;
};

/// In the table for as long as it lives. Starts without a deadline.
template <class Key, class Value>
class waiter_table<Key, Value>::waiter {
public:
    /// Precondition: no other waiter of the table has this key.
    waiter(waiter_table& table, Key key)
        : table_(table), changed_(table.clock_), key_(std::move(key)) {
        add(key_);
    }
    ~waiter() {
        table_.waiters_.erase(key_);
        if (second_key_) table_.waiters_.erase(*second_key_);
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    /// From now on it is known by this key as well. Precondition: it has one key, and no other
    /// waiter has this one.
    void add_key(Key key) {
        SUPE_ASSERT(!second_key_);
        second_key_ = std::move(key);
        add(*second_key_);
    }
    void expires_at(time_point deadline) { changed_.expires_at(deadline); }

    /// There is no answer yet, and the deadline has not passed.
    bool is_waiting() const { return !value_ && table_.clock_.now() < changed_.expiry(); }
    /// `co_await w.changed()` resumes with the answer, at the deadline, and when somebody wakes
    /// all.
    auto changed() { return changed_.wait(); }
    /// The answer, where it has come.
    const std::optional<Value>& answer() const { return value_; }
    /// The same, taken out.
    std::optional<Value> take() { return std::exchange(value_, std::nullopt); }

private:
    friend class waiter_table;
    void add(const Key& key) {
        const bool is_new = table_.waiters_.emplace(key, this).second;
        SUPE_ASSERT(is_new);
    }
    bool accept(Value value) {
        if (value_) return false;
        value_ = std::move(value);
        changed_.notify();
        return true;
    }

    waiter_table& table_;
    timer changed_;
    Key key_;
    std::optional<Key> second_key_;
    std::optional<Value> value_;
};

}  // namespace supe
