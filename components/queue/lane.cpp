#include "components/queue/lane.hpp"

#include <algorithm>
#include <limits>

namespace components {
namespace {

constexpr std::size_t read_ahead = 2 << 20;  // bytes
constexpr unix_ms no_time = std::numeric_limits<unix_ms>::max();

}  // namespace

supe::time_point as_point(unix_ms at) {
    return supe::time_point(std::chrono::duration_cast<supe::duration>(milliseconds(at)));
}

lane::lane(webhook_store& store, std::int64_t number, lane_settings settings,
           std::optional<milliseconds> max_age, std::function<bool(const std::string&)> is_out)
    : health{patterns::circuit_breaker({.full = static_cast<unsigned>(settings.in_flight)})},
      store_(store), number_(number), settings_(std::move(settings)), max_age_(max_age),
      is_out_(std::move(is_out)) {}

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

/// Those that are damaged or too old are not handed out.
void lane::take_over(std::vector<stored_webhook> more, std::deque<stored_webhook>& line,
                     unix_ms now) {
    for (stored_webhook& w : more) {
        if (is_out_(w.id)) continue;
        if (!w.is_whole)
            unfit_.push_back(
                {std::move(w.id), "damaged on the disk: its checksum is wrong", false});
        else if (max_age_ && now - w.accepted_at > max_age_->count())
            unfit_.push_back({std::move(w.id), "older than max_age"});
        else
            line.push_back(std::move(w));
    }
}

bool lane::refill_fresh(unix_ms now) {
    while (fresh_.empty() && unfit_.empty()) {
        if (!may_wait_) return false;
        auto more = store_.waiting_after(number_, fresh_turn_, ahead());
        may_wait_ = !more.empty();
        if (!may_wait_) return false;
        fresh_turn_ = more.back().turn;
        take_over(std::move(more), fresh_, now);
    }
    return !fresh_.empty();
}

bool lane::refill_due(unix_ms now) {
    while (due_.empty() && unfit_.empty()) {
        if (now < next_due_) return false;
        auto more = store_.due_after(number_, due_at_, due_seq_, now, ahead());
        if (more.empty()) {
            next_due_ = store_.next_due(number_, now).value_or(no_time);
            return false;
        }
        due_at_ = more.back().due_at;
        due_seq_ = more.back().seq;
        take_over(std::move(more), due_, now);
    }
    return !due_.empty();
}

std::optional<stored_webhook> lane::next(unix_ms now) {
    if (!may_start(now)) return std::nullopt;
    fresh_comes_first_ = !fresh_comes_first_;
    const auto refill = [&](bool fresh) { return fresh ? refill_fresh(now) : refill_due(now); };
    if (!refill(fresh_comes_first_)) fresh_comes_first_ = !fresh_comes_first_;
    if (!refill(fresh_comes_first_)) return std::nullopt;
    auto& line = fresh_comes_first_ ? fresh_ : due_;
    stored_webhook first = std::move(line.front());
    line.pop_front();
    return first;
}

patterns::circuit_breaker::ticket lane::handed_over(std::size_t bytes, unix_ms now) {
    ++in_flight_;
    in_flight_bytes_ += bytes;
    return health.circuit.start(as_point(now));
}

void lane::came_back(std::size_t bytes) {
    --in_flight_;
    in_flight_bytes_ -= bytes;
}

void lane::failed_until(unix_ms at) {
    next_due_ = std::min(next_due_, at);
    if (at > due_at_) return;
    due_.clear();
    due_at_ = due_seq_ = 0;
}

void lane::forget(const std::string& id) {
    const auto it_is = [&](const stored_webhook& w) { return w.id == id; };
    std::erase_if(fresh_, it_is);
    std::erase_if(due_, it_is);
}

void lane::begin_anew() {
    fresh_.clear();
    due_.clear();
    fresh_turn_ = due_at_ = due_seq_ = next_due_ = 0;
    may_wait_ = true;
    rests_until_ = 0;
}

}  // namespace components
