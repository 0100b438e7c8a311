// What the queue decides with each mail, one transaction a batch. No waiting and no channel: the
// loop is in queue.cpp.
#pragma once

#include "components/queue/retry_policy.hpp"
#include "components/queue/webhook_store.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace components {

struct queue_limits {
    std::size_t in_flight = 24;              ///< webhooks with the forwarder, without a result
    std::size_t in_flight_bytes = 64 << 20;  ///< of all of these, but one always
    std::uint64_t bytes = std::uint64_t(10) << 30;
    std::uint64_t disk_reserve = std::uint64_t(256)
                                 << 20;  ///< free bytes below which the file does not grow
    retry_settings retry{};
};

/// What to publish after a commit.
struct queue_events {
    std::vector<std::pair<std::string, std::string>> dead;  ///< id, reason
    bool paused = false;
};

/// What becomes of a mail: acknowledged, refused for `reason`, or (only after a failed commit)
/// taken again later.
struct mail_decision {
    enum class kind { done, refuse, later } what = kind::done;
    std::string reason;
    std::string answer = {};  ///< where the mail is a call: JSON text; else empty
};

class queue_logic {
public:
    using clock_type = std::chrono::system_clock;
    /// `random` gives numbers in [0,1); `free_bytes` what the disk has left.
    queue_logic(webhook_store& store, queue_limits limits, std::function<double()> random,
                std::function<std::uint64_t()> free_bytes);

    /// At the start of a life: the clock may have been set back since the last one, and no webhook
    /// waits longer than a try can make it wait. Throws store_error.
    void bound_waits(clock_type::time_point now);

    /// Takes a batch of mail bodies into one transaction; a decision for each. When the transaction
    /// fails nothing has happened: webhooks are refused, since their senders can send again;
    /// results and the like must be taken later.
    std::vector<mail_decision> take(const std::vector<std::string_view>& bodies,
                                    clock_type::time_point now, queue_events& events);

    /// The next webhook for the forwarder; nothing when there is none, when enough are in flight,
    /// or while paused. New ones and those to be tried again take turns, so that neither holds up
    /// the other. Throws store_error.
    std::optional<stored_webhook> next();
    /// It did not reach the forwarder.
    void put_back(const std::string& id);
    /// To the dead letters: the forwarder has crashed with this one time and again, or refused it.
    /// Throws store_error.
    void set_aside(const std::string& id, const std::string& reason, clock_type::time_point now);

    std::size_t in_flight() const { return in_flight_.size(); }
    const webhook_store& store() const { return store_; }

private:
    struct delivery {
        unsigned attempt;
        std::size_t bytes;
    };
    /// What a batch changes in memory, once it is committed.
    struct changes {
        std::vector<std::string> finished;
        bool retry = false;
    };
    mail_decision take_one(std::string_view body, clock_type::time_point now, queue_events& events,
                           changes& after);
    mail_decision take_webhook(std::string_view id, std::string_view body);
    void take_result(std::string_view result, clock_type::time_point now, queue_events& events,
                     changes& after);
    void finish(const std::string& id);
    bool refill_fresh();
    bool refill_due();
    read_limit ahead() const;

    webhook_store& store_;
    queue_limits limits_;
    std::function<double()> random_;
    std::function<std::uint64_t()> free_bytes_;
    std::uint64_t disk_left_ = 0;                          // asked once a batch
    std::unordered_map<std::string, delivery> in_flight_;  // with the forwarder, without a result
    std::size_t in_flight_bytes_ = 0;
    std::deque<stored_webhook> fresh_,
        due_;                     // read ahead: pending ones, and failed ones that are due
    std::int64_t fresh_seq_ = 0;  // all pending up to here are in in_flight_ or fresh_
    std::int64_t due_at_ = 0, due_seq_ = 0;  // the same for failed ones
    std::int64_t tick_ms_ =
        0;  // the last tick of the retrier: what was due before it is tried again
    bool fresh_turn_ = false;
};

}  // namespace components
