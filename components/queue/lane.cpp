#include "components/queue/lane.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <limits>
#include <numeric>

namespace components {
namespace {

constexpr std::size_t read_ahead = 2 << 20;  // bytes
constexpr unix_ms no_time = std::numeric_limits<unix_ms>::max();

}  // namespace

supe::time_point as_point(unix_ms at) {
    return supe::time_point(std::chrono::duration_cast<supe::duration>(milliseconds(at)));
}

lane::lane(webhook_store& store, std::int64_t number, lane_settings settings,
           std::optional<milliseconds> max_age, std::size_t most_arrived,
           std::function<bool(const std::string&)> is_out)
    : health{patterns::circuit_breaker({.full = static_cast<unsigned>(settings.in_flight)})},
      store_(store), number_(number), settings_(std::move(settings)), max_age_(max_age),
      most_arrived_(most_arrived), is_out_(std::move(is_out)) {}

const route_row& lane::row() const { return store_.routes().all()[std::size_t(number_ - 1)]; }

bool lane::may_start(unix_ms now) const {
    const bool has_room = in_flight_ < settings_.in_flight &&
                          (in_flight_ == 0 || in_flight_bytes_ < settings_.in_flight_bytes);
    return has_room && !row().paused && now >= std::max(row().held_until, rests_until_) &&
           health.circuit.may_start(as_point(now));
}

std::optional<unix_ms> lane::wake_at(unix_ms now) const {
    if (row().paused) return std::nullopt;
    unix_ms at = std::max(row().held_until, rests_until_);
    if (const auto probe = health.circuit.next_start(); probe != supe::never)
        at = std::max(at, std::chrono::ceil<milliseconds>(probe.time_since_epoch()).count());
    if (at <= now) at = next_due_;
    if (at == no_time || at <= now) return std::nullopt;  // a report, or a webhook, comes first
    return at;
}

read_limit lane::ahead() const { return {2 * settings_.in_flight, read_ahead}; }

void lane::take_over(std::vector<stored_webhook> more, webhook_line& line) const {
    for (stored_webhook& w : more)
        if (!is_out_(w.id)) line.push(std::move(w));
}

void lane::arrived(arrived_webhook w) {
    const bool has_all_before = w.before <= fresh_turn_;
    if (!has_all_before || fresh_.bytes() + w.text.size() > most_arrived_) return;
    stored_webhook s;
    s.seq = s.turn = fresh_turn_ = w.turn;
    s.id = std::move(w.id);
    s.order_key = std::move(w.order_key);
    s.accepted_at = w.accepted_at;
    s.text = w.text;
    fresh_.push(std::move(s));
}

bool lane::refill_fresh() {
    while (fresh_.empty() && fresh_turn_ < store_.last_place(number_)) {
        const read_limit most = ahead();
        auto more = store_.waiting_after(number_, fresh_turn_, most);
        const std::size_t bytes = std::accumulate(
            more.begin(), more.end(), std::size_t(0),
            [](std::size_t sum, const stored_webhook& w) { return sum + w.text.size(); });
        const bool are_all = more.size() < most.count && bytes < most.bytes;
        fresh_turn_ = are_all ? store_.last_place(number_) : more.back().turn;
        take_over(std::move(more), fresh_);
    }
    return !fresh_.empty();
}

bool lane::refill_due(unix_ms now) {
    while (due_.empty()) {
        if (now < next_due_) return false;
        auto more = store_.due_after(number_, due_at_, due_seq_, now, ahead());
        if (more.empty()) {
            next_due_ = store_.next_due(number_, now).value_or(no_time);
            return false;
        }
        due_at_ = more.back().due_at;
        due_seq_ = more.back().seq;
        take_over(std::move(more), due_);
    }
    return !due_.empty();
}

bool lane::is_too_old(const stored_webhook& w, unix_ms now) const {
    return max_age_ && now - w.accepted_at > max_age_->count();
}

/// The next ones in order may be what the destination cannot take, and it may be well otherwise:
/// then all others would wait until each of these was a probe.
std::optional<stored_webhook> lane::newest_as_probe(unix_ms now) {
    using phase = patterns::circuit_breaker::phase;
    if (health.circuit.current() != phase::open) return std::nullopt;
    newest_was_probe_ = !newest_was_probe_;
    if (!newest_was_probe_) return std::nullopt;
    auto probe = newest(now);
    if (!probe || !probe->is_whole || is_too_old(*probe, now)) return std::nullopt;
    forget(probe->id);
    return probe;
}

/// Of those that were not tried yet; where there are none, of those that have failed, one after the
/// other from the newest to the oldest, and again.
std::optional<stored_webhook> lane::newest(unix_ms now) {
    for (stored_webhook& w : store_.newest_waiting(number_, in_flight_ + 1))
        if (!is_out_(w.id) && !waits_for_its_key(w)) return std::move(w);
    for (int looked_at = 0; looked_at < 16; ++looked_at) {
        auto found = store_.failed_before(number_, probed_);
        if (found.empty()) found = store_.failed_before(number_, no_time);
        if (found.empty()) break;
        stored_webhook& w = found.front();
        probed_ = w.seq;
        if (w.due_at <= now && !is_out_(w.id) && !waits_for_its_key(w)) return std::move(w);
    }
    return std::nullopt;
}

/// The ledger has webhooks that wait, and nothing leads to them: a damaged index. (One that is
/// behind another of its key waits for that one, which is out, waits itself, or has failed.)
bool lane::is_out_of_sight() const {
    const bool all_are_seen =
        fresh_.empty() && unfit_.empty() && fresh_turn_ >= store_.last_place(number_);
    return all_are_seen && in_flight_ == 0 && row().counts.failed == 0 && row().counts.pending > 0;
}

std::optional<stored_webhook> lane::next(unix_ms now) {
    if (!may_start(now)) return std::nullopt;
    if (auto newest = newest_as_probe(now)) return newest;
    fresh_comes_first_ = !fresh_comes_first_;
    const auto refill = [&](bool fresh) { return fresh ? refill_fresh() : refill_due(now); };
    while (unfit_.size() < ahead().count) {
        if (!refill(fresh_comes_first_)) fresh_comes_first_ = !fresh_comes_first_;
        if (!refill(fresh_comes_first_)) break;
        stored_webhook first = (fresh_comes_first_ ? fresh_ : due_).pop();
        // Here, and not where it was read: it may have lain in memory since then.
        if (waits_for_its_key(first)) continue;
        if (!first.is_whole)
            unfit_.push_back(
                {std::move(first.id), "damaged on the disk: its checksum is wrong", false});
        else if (is_too_old(first, now))
            unfit_.push_back({std::move(first.id), "older than max_age"});
        else
            return first;
    }
    if (is_out_of_sight())
        throw store_error(fmt::format("{} webhooks of route {} wait, and no index leads to them",
                                      row().counts.pending, settings_.route),
                          true);
    return std::nullopt;
}

patterns::circuit_breaker::ticket lane::handed_over(const stored_webhook& w, unix_ms now) {
    ++in_flight_;
    in_flight_bytes_ += w.text.size();
    if (!w.order_key.empty()) keys_out_.emplace(w.order_key, false);
    return health.circuit.start(as_point(now));
}

void lane::came_back(const std::string& order_key, std::size_t bytes) {
    --in_flight_;
    in_flight_bytes_ -= bytes;
    const auto key = keys_out_.extract(order_key);
    if (key && key.mapped()) read_anew();
}

/// The store puts one of a key behind the other. It does not know of one that was dropped, and is
/// with the forwarder all the same.
bool lane::waits_for_its_key(const stored_webhook& w) {
    const auto out = keys_out_.find(w.order_key);
    if (out == keys_out_.end()) return false;
    out->second = true;
    return true;
}

void lane::failed_until(unix_ms at) {
    next_due_ = std::min(next_due_, at);
    if (at > due_at_) return;
    due_.clear();
    due_at_ = due_seq_ = 0;
}

void lane::forget(const std::string& id) {
    fresh_.forget(id);
    due_.forget(id);
}

void lane::read_anew() {
    fresh_.clear();
    due_.clear();
    fresh_turn_ = due_at_ = due_seq_ = next_due_ = 0;
}

void lane::begin_anew() {
    read_anew();
    rests_until_ = 0;
}

}  // namespace components
