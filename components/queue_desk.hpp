// What the queue decides with each mail, one transaction a batch. No waiting and no channel: the loop is in queue.cpp.
#pragma once

#include "components/queue_store.hpp"
#include "components/retry_policy.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace components {

struct queue_limits {
    std::size_t in_flight = 24;
    std::uint64_t bytes = std::uint64_t(10) << 30;
    std::uint64_t disk_reserve = std::uint64_t(256) << 20;  ///< free bytes below which nothing more is stored
    retry_settings retry;
};

/// What to tell others after a commit.
struct queue_news {
    std::vector<std::pair<std::string, std::string>> dead;  ///< id, reason
    bool paused = false;
};

class queue_desk {
public:
    using clock_type = std::chrono::system_clock;
    /// `random` gives numbers in [0,1); `free_bytes` what the disk has left.
    queue_desk(queue_store& store, queue_limits limits, std::function<double()> random,
               std::function<std::uint64_t()> free_bytes);

    /// Takes a batch of mail bodies into one transaction. For each: empty where it may be acknowledged, or why it is
    /// refused. When the transaction fails, all are refused with its error.
    std::vector<std::string> take(const std::vector<std::string_view>& bodies, clock_type::time_point now, queue_news& news);

    /// The next webhook to hand to the forwarder; nothing when there is none, when enough are out, or while paused.
    std::optional<stored_webhook> next(clock_type::time_point now);
    /// It could not be handed over after all.
    void put_back(stored_webhook webhook);
    /// The forwarder died of this one time and again: aside with it.
    void set_aside(const std::string& id, const std::string& reason);

    std::size_t handed() const { return handed_.size(); }
    const queue_store& store() const { return store_; }

private:
    struct handed_out {
        unsigned attempt;
        clock_type::time_point at;
    };
    std::string take_one(std::string_view body, clock_type::time_point now, queue_news& news);
    std::string take_webhook(std::string_view id, std::string_view body);
    void take_result(std::string_view result, clock_type::time_point now, queue_news& news);
    void revive(clock_type::time_point now);
    void forget(const std::string& id);

    queue_store& store_;
    queue_limits limits_;
    std::function<double()> random_;
    std::function<std::uint64_t()> free_bytes_;
    std::uint64_t disk_left_ = 0;                            // asked once a batch
    std::map<std::string, handed_out, std::less<>> handed_;  // with the forwarder, its result not yet heard
    std::deque<stored_webhook> ready_;                       // read ahead from the store
    std::int64_t cursor_ = 0;                                // everything pending up to here is in handed_ or ready_
};

}  // namespace components
