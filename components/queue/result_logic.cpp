// The decisions of queue_logic on the results of deliveries.
#include "components/queue/queue_logic.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/object.hpp>

namespace components {
namespace {

namespace json = boost::json;

std::int64_t number_in(const json::object& o, const char* key) {
    const auto* v = o.if_contains(key);
    return v && v->is_int64() ? v->get_int64() : 0;
}

}  // namespace

void queue_logic::take_result(const json::value& text, unix_ms now, queue_events& events,
                              changes& later) {
    if (!text.is_object()) return;
    const json::object& o = text.get_object();
    const std::string id = supe::string_of(o, "id");
    if (id.empty()) return;
    delivery_result result{static_cast<int>(number_in(o, "status")), std::nullopt,
                           supe::string_of(o, "error")};
    if (o.contains("retry_after_ms"))
        result.retry_after =
            milliseconds(std::max<std::int64_t>(0, number_in(o, "retry_after_ms")));
    const auto attempt =
        static_cast<unsigned>(std::clamp<std::int64_t>(number_in(o, "attempt"), 1, 1000000));
    if (supe::flag_of(o, "not_tried", false)) {
        take_back(id, attempt, later);
    } else if (result.status < 200 || result.status > 299) {
        take_failure(id, attempt, result, number_in(o, "ms"), now, events, later);
    } else if (const auto number =
                   note_delivery(id, {attempt, now, number_in(o, "ms"), result.status})) {
        // It is over. Kept, it would begin anew where the clock is set back.
        route_row& route = store_.routes().at(*number);
        if (route.held_until <= now) route.held_until = 0;
        if (lane* l = lane_numbered(*number)) {
            note_health(*l, id, outcome::success, now, events, later);
            later.attempts.push_back({l, result.status, number_in(o, "ms")});
        }
        later.finished.push_back(id);
    } else {
        abandon(id, attempt, later);
    }
}

void queue_logic::take_failure(const std::string& id, unsigned attempt,
                               const delivery_result& result, std::int64_t ms, unix_ms now,
                               queue_events& events, changes& later) {
    using kind = verdict::kind;
    const auto known = store_.tries_of(id);
    if (!known) return abandon(id, attempt, later);
    // A second report of a failure (the queue crashed after its commit) must not end the try that
    // runs now.
    if (attempt <= known->attempt) return;
    lane* l = lane_numbered(known->lane);
    const retry_settings rules = l ? l->settings().retry : retry_settings();
    const attempt_note note{attempt, now, ms, result.status, result.error};
    verdict v =
        judge(result, {known->refused, known->delays, milliseconds(now - known->accepted_at)},
              rules, random_());
    route_row& route = store_.routes().at(known->lane);
    const auto hold = hold_after(result, rules);
    if (hold) route.held_until = std::max(route.held_until, now + hold->count());
    if (l) {
        note_health(*l, id, is_outage(result.status) ? outcome::failure : outcome::success, now,
                    events, later);
        later.attempts.push_back({l, result.status, ms});
    }
    later.finished.push_back(id);
    if (v.what == kind::dead) {
        store_.mark_dead(id, attempt, v.reason, now, &note);
        events.dead.push_back({id, route.name, v.reason});
        return;
    }
    // The destination's trouble is not the webhook's: its own delay does not grow.
    using phase = patterns::circuit_breaker::phase;
    const bool is_down = l && is_outage(result.status) &&
                         (l->health.circuit.current() == phase::open ||
                          l->health.circuit.current() == phase::half_open);
    const bool is_its_own = v.what == kind::retry && !hold && !is_down;
    failed_try failure{*known, is_its_own ? now + v.delay.count() : now};
    failure.tries.attempt = attempt;
    if (is_refusal(result.status)) ++failure.tries.refused;
    if (is_its_own) ++failure.tries.delays;
    store_.mark_failed(id, failure, note);
    if (l) later.failed.emplace_back(l, failure.due_at);
    if (v.what == kind::pause && !std::exchange(route.paused, true))
        events.paused.push_back(route.name);
}

/// What a result says of the destination. Where the circuit opens, those whose failures opened it
/// are due as soon as it closes.
void queue_logic::note_health(lane& l, const std::string& id, outcome how, unix_ms now,
                              queue_events& events, changes& later) {
    using change = patterns::circuit_breaker::change;
    later.health_before.try_emplace(&l, l.health);
    const auto out = in_flight_.find(id);
    const auto ticket =
        out == in_flight_.end() ? patterns::circuit_breaker::ticket{} : out->second.ticket;
    if (how == outcome::success) {
        l.health.failed_in_a_row.clear();
        if (l.health.circuit.succeeded(ticket) == change::closed)
            events.up.push_back(l.settings().route);
        return;
    }
    const auto what = l.health.circuit.failed(ticket, as_point(now));
    if (what == change::opened) {
        events.down.push_back(l.settings().route);
        for (const std::string& earlier : std::exchange(l.health.failed_in_a_row, {}))
            store_.reset_delay(earlier, now);
        later.failed.emplace_back(&l, now);
    } else if (l.health.circuit.current() == patterns::circuit_breaker::phase::closed ||
               l.health.circuit.current() == patterns::circuit_breaker::phase::ramp) {
        l.health.failed_in_a_row.push_back(id);
        if (l.health.failed_in_a_row.size() > 16)
            l.health.failed_in_a_row.erase(l.health.failed_in_a_row.begin());
    }
}

/// The forwarder has not tried it: it waits as before.
void queue_logic::take_back(const std::string& id, unsigned attempt, changes& later) {
    const auto out = in_flight_.find(id);
    if (out == in_flight_.end() || attempt != out->second.attempt) return;
    later.abandoned.push_back(id);
    later.begin_anew.push_back(out->second.of);
}

/// The store does not know it: it was dropped meanwhile, or this is a second report. That of an
/// earlier try must not end the one that runs now.
void queue_logic::abandon(const std::string& id, unsigned attempt, changes& later) {
    const auto out = in_flight_.find(id);
    if (out != in_flight_.end() && attempt < out->second.attempt) return;
    if (out != in_flight_.end() && store_.has_lost(out->second.seq, id))
        throw store_error(fmt::format("no webhook is where its id {} leads", id), true);
    later.abandoned.push_back(id);
}

}  // namespace components
