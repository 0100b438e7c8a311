// The lane of a route in the queue: which of its webhooks is next, and when. Nothing of one lane
// ever waits for another.
#pragma once

#include "components/queue/delivery_counts.hpp"
#include "components/queue/retry_policy.hpp"
#include "components/queue/webhook_line.hpp"
#include "patterns/circuit_breaker.hpp"

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace components {

struct lane_settings {
    std::string route = "default";
    std::string forwarder = "forwarder";     ///< our sibling that delivers
    std::size_t in_flight = 24;              ///< webhooks with the forwarder, without a result
    std::size_t connections = 4;             ///< of the forwarder; shown, and obeyed there
    std::size_t in_flight_bytes = 32 << 20;  ///< of all of these, but one always
    retry_settings retry{};
    bool ordered = false;                      ///< strictly one after the other per `order_key`
    std::optional<milliseconds> dedupe_for{};  ///< a `dedupe_key` comes once in this time
};

/// Unix time in ms, as the queue counts it.
using unix_ms = std::int64_t;

/// What is known of the destination. A value: a batch whose commit fails is undone by a copy.
struct lane_health {
    patterns::circuit_breaker circuit;
    std::vector<std::string> failed_in_a_row{};  ///< the latest, since the last success
};

/// One that has just been stored, to wait for its first delivery.
struct arrived_webhook {
    std::string id;
    std::string_view text;
    std::string order_key = {};    ///< empty: in no order
    std::int64_t accepted_at = 0;  ///< Unix time in ms
    std::int64_t turn = 0;         ///< its place in the lane
    std::int64_t before = 0;       ///< the last place that was given in the lane before
};

/// One that is not to be delivered, and why.
struct unfit_webhook {
    std::string id, reason;
    bool is_whole = true;  ///< false: what is stored is damaged
};

/// Decides, and reads ahead. No waiting, no clock.
class lane {
public:
    /// `most_arrived`: bytes of arrivals that are kept in memory. `is_out`: a webhook is with the
    /// forwarder.
    lane(webhook_store& store, std::int64_t number, lane_settings settings,
         std::optional<milliseconds> max_age, std::size_t most_arrived,
         std::function<bool(const std::string&)> is_out);

    const lane_settings& settings() const { return settings_; }
    std::int64_t number() const { return number_; }

    /// The next webhook for the forwarder; nothing when no webhook may be sent now. New
    /// ones and those to be tried again take turns, so that neither holds up the other. Of the
    /// probes of a circuit that is open every second one is the newest that was not a probe yet.
    /// Throws store_error, also where webhooks wait that no index leads to.
    std::optional<stored_webhook> next(unix_ms now);
    /// When next() may have something although nothing happens until then; nothing: never.
    std::optional<unix_ms> wake_at(unix_ms now) const;
    /// Those of next() that are older than `max_age`, or damaged: to be buried before next() is
    /// asked again.
    std::vector<unfit_webhook> take_unfit() { return std::exchange(unfit_, {}); }

    /// Its key is taken until it comes back, also where an operator drops it meanwhile.
    patterns::circuit_breaker::ticket handed_over(const stored_webhook& w, unix_ms now);
    /// One of that key and size has a result, or never reached the forwarder.
    void came_back(const std::string& order_key, std::size_t bytes);
    std::size_t in_flight() const { return in_flight_; }

    lane_health health;
    delivery_counts deliveries{};

    /// Where all that wait before it are here already, it is handed out from memory, within
    /// `most_arrived`. Else the store has it when its turn comes.
    void arrived(arrived_webhook w);
    /// A failed one is due at `at` from now on.
    void failed_until(unix_ms at);
    /// It is not to be handed out, whether it was read ahead or not.
    void forget(const std::string& id);
    /// Looks again at all that is in the store.
    void begin_anew();
    /// Nothing is sent before `at`: the forwarder could not be reached.
    void rest_until(unix_ms at) { rests_until_ = at; }
    bool is_paused() const { return row().paused; }

private:
    const route_row& row() const;
    bool may_start(unix_ms now) const;
    bool refill_fresh();
    bool refill_due(unix_ms now);
    void take_over(std::vector<stored_webhook> more, webhook_line& line) const;
    bool waits_for_its_key(const stored_webhook& w);
    void read_anew();
    std::optional<stored_webhook> newest_as_probe(unix_ms now);
    std::optional<stored_webhook> newest(unix_ms now);
    bool is_out_of_sight() const;
    bool is_too_old(const stored_webhook& w, unix_ms now) const;
    read_limit ahead() const;

    webhook_store& store_;
    std::int64_t number_;
    lane_settings settings_;
    std::optional<milliseconds> max_age_;
    std::size_t most_arrived_;
    std::function<bool(const std::string&)> is_out_;
    std::size_t in_flight_ = 0, in_flight_bytes_ = 0;
    std::unordered_map<std::string, bool> keys_out_;  // of those; true: another one waits for it
    webhook_line fresh_, due_;                        // read ahead
    std::int64_t fresh_turn_ = 0;                     // all that wait up to here were read
    unix_ms due_at_ = 0;                              // the same for failed ones
    std::int64_t due_seq_ = 0;
    unix_ms next_due_ = 0;  // no failed one behind these is due before
    bool fresh_comes_first_ = false;
    bool newest_was_probe_ = false;
    std::int64_t probed_ = 0;  // the failed one that was the latest such probe
    unix_ms rests_until_ = 0;
    std::vector<unfit_webhook> unfit_;
};

/// For the circuit, which counts in the time of a steady clock.
supe::time_point as_point(unix_ms at);

}  // namespace components
