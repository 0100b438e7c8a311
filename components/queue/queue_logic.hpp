// What the queue decides with each mail, one transaction a batch. No waiting and no channel: the
// loop is in queue.cpp.
#pragma once

#include "components/queue/lane.hpp"
#include "components/queue/leading_members.hpp"

#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace components {

struct queue_limits {
    std::uint64_t bytes = std::uint64_t(10) << 30;
    std::uint64_t disk_reserve = std::uint64_t(256)
                                 << 20;     ///< free bytes below which the file does not grow
    std::optional<milliseconds> max_age{};  ///< older ones are not delivered any more
    milliseconds keep_delivered{};  ///< for so long they can be looked at and replayed; 0: not kept
    std::vector<lane_settings> lanes = std::vector<lane_settings>(1);  ///< one a route

    /// What one route fills at most. Where there are several, a destination that is down leaves
    /// room for the others.
    std::uint64_t bytes_of_route() const { return lanes.size() > 1 ? bytes / 2 : bytes; }
    /// A replay leaves new webhooks half of what its route may fill, and a quarter of the queue.
    bool has_room_for_replay(const route_counts& route, const route_counts& all) const {
        return route.bytes < bytes_of_route() / 2 && all.bytes < bytes - bytes / 4;
    }
};

/// What to publish after a commit.
struct queue_events {
    struct death {
        std::string id, route, reason;
    };
    std::vector<death> dead{};
    std::vector<std::string> paused{};      ///< routes that answered 410
    std::vector<std::string> down{}, up{};  ///< routes whose circuit opened, or closed
};

/// What becomes of a mail: acknowledged, refused for `reason`, or (only after a failed commit)
/// taken again later.
struct mail_decision {
    enum class kind { done, refuse, later } what = kind::done;
    std::string reason{};
    std::string answer{};  ///< where the mail is a call: JSON text; else empty
};

/// One for the forwarder of its lane.
struct handover {
    std::string forwarder;
    stored_webhook webhook;
};

class queue_logic {
public:
    using clock_type = std::chrono::system_clock;
    using time_point = clock_type::time_point;
    /// `random` gives numbers in [0,1); `free_bytes` what the disk has left. The routes that are
    /// new become known to the store; throws store_error.
    queue_logic(webhook_store& store, queue_limits limits, std::function<double()> random,
                std::function<std::uint64_t()> free_bytes);

    /// At the start of a life: the clock may have been set back since the last one, and no webhook
    /// waits longer than a try can make it wait. Throws store_error.
    void bound_waits(time_point now);
    /// After a failure of the store, which may be a full disk.
    void make_room() noexcept { store_.make_room(); }

    /// Takes a batch of mail bodies into one transaction; a decision for each. A body that is an
    /// array of webhooks is taken as a whole, or not at all. When the transaction
    /// fails nothing has happened: webhooks are refused, since their senders can send again;
    /// results and the like must be taken later.
    std::vector<mail_decision> take(const std::vector<std::string_view>& bodies, time_point now,
                                    queue_events& events);

    /// The next webhook for a forwarder, the lanes in turn; nothing when none can be sent now.
    /// Those that are too old, or damaged, are buried. Throws store_error.
    std::optional<handover> next(time_point now, queue_events& events);
    /// When next() may have something although nothing happens until then; nothing: never.
    std::optional<time_point> wake_at(time_point now) const;
    /// It did not reach the forwarder, and its lane rests until then.
    void put_back(const std::string& id, time_point now, time_point until);
    /// To the dead letters: the forwarder has crashed with this one time and again, or refused it.
    /// Throws store_error.
    void set_aside(const std::string& id, const std::string& reason, time_point now,
                   queue_events& events);

    /// Deletes some of the delivered ones that were kept long enough, or that take the room of new
    /// ones: few enough that nothing waits for it. False where no such webhook is left. Throws
    /// store_error.
    bool forget_delivered(time_point now);
    /// False: there will be nothing to forget.
    bool keeps_delivered() const;

    std::size_t in_flight() const { return in_flight_.size(); }
    /// Bytes that the disk had left after the last batch.
    std::uint64_t disk_left() const { return disk_left_; }
    /// Looks whether the store's file is where a next life looks for it. Else why not, and no
    /// webhook is taken; empty: it is there. take() looks too.
    const std::string& look_for_file();
    bool has_lost_file() const { return !lost_file_.empty(); }
    /// Where the file is lost: to end, and to begin with the file that is there then, loses
    /// nothing.
    bool may_begin_anew();
    /// Why no webhook of any route can be kept now; empty where it can.
    std::string objection_to_any(std::size_t bytes) const;
    const queue_limits& limits() const { return limits_; }
    const webhook_store& store() const { return store_; }
    const std::vector<std::unique_ptr<lane>>& lanes() const { return lanes_; }

private:
    struct delivery {
        lane* of;
        std::int64_t seq;
        unsigned attempt;
        std::string order_key;
        std::size_t bytes;
        patterns::circuit_breaker::ticket ticket;
    };
    enum class outcome { success, failure, none };
    struct tried {
        lane* of;
        int status;
        std::int64_t ms;
    };
    /// What a batch changes in memory, or undoes.
    struct changes {
        std::vector<std::string> finished{}, abandoned{};
        std::vector<std::pair<lane*, arrived_webhook>> arrived{};  // views into the batch
        std::vector<lane*> begin_anew{};
        std::vector<std::pair<lane*, unix_ms>> failed{};
        std::map<lane*, lane_health> health_before{};
        std::vector<tried> attempts{};
    };
    mail_decision take_one(std::string_view body, unix_ms now, queue_events& events,
                           changes& later);
    mail_decision take_webhooks(const std::vector<std::string_view>& texts, unix_ms now,
                                changes& later);
    std::string objection_to(const leading_members& given, std::string_view route);
    void keep(lane& l, leading_members given, std::string_view text, unix_ms now, changes& later);
    std::string objection_to_size(lane& l, std::size_t bytes);
    mail_decision resume(std::string_view body, unix_ms now, changes& later);
    mail_decision drop_route(std::string_view name, changes& later);
    mail_decision about_webhooks(std::string_view request, unix_ms now, changes& later);
    mail_decision about_metrics(unix_ms now);
    std::optional<std::int64_t> note_delivery(const std::string& id, const attempt_note& last);
    void take_result(const boost::json::value& result, unix_ms now, queue_events& events,
                     changes& later);
    void take_failure(const std::string& id, unsigned attempt, const delivery_result& result,
                      std::int64_t ms, unix_ms now, queue_events& events, changes& later);
    void note_health(lane& l, const std::string& id, outcome how, unix_ms now, queue_events& events,
                     changes& later);
    void apply(changes& later, unix_ms now);
    void take_back(const std::string& id, unsigned attempt, changes& later);
    void abandon(const std::string& id, unsigned attempt, changes& later);
    void finish(const std::string& id, bool abandoned, unix_ms now);
    void bury(lane& l, std::vector<unfit_webhook> unfit, unix_ms now, queue_events& events);
    lane* lane_named(std::string_view route);
    lane* lane_numbered(std::int64_t number);
    std::string names_of_lanes() const;

    webhook_store& store_;
    queue_limits limits_;
    std::function<double()> random_;
    std::function<std::uint64_t()> free_bytes_;
    std::uint64_t disk_left_ = 0;                          // asked once a batch
    std::string lost_file_;                                // the same: why it is lost
    std::unordered_map<std::string, delivery> in_flight_;  // with a forwarder, without a result
    std::vector<std::unique_ptr<lane>> lanes_;             // those of the settings
    std::size_t turn_ = 0;                                 // whose lane is asked first
};

}  // namespace components
