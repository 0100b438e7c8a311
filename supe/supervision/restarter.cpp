// What an event leads to: which children are wanted, what counts against which limit, and when the
// next try comes. restarter_commands.cpp has what an operator asks for, restarter_order.cpp the
// order of starts and stops.
//
// An end that was requested (a stop, a removal, a group restart) counts nowhere. Any other end, in
// ended_of_itself():
//
// 1. A start by an operator that failed: the child is stopped, and nothing counts.
// 2. A first start that failed: the tree fails, or the added child is removed.
// 3. A demand child that ended cleanly is idle until the next mail. If it took no mail, its end
//    counts.
// 4. A child that had nothing to do (it ended cleanly before it was ready) is done.
// 5. A child that is not to be restarted (temporary; transient, after a clean end) is done. A
//    significant one may end the supervisor.
// 6. All others count once in the child's own window, and once in the supervisor's
//    (restart_intensity). Past the supervisor's limit all children stop and the supervisor fails.
//    Past its own limit the child is given up, or the supervisor fails (`escalate`). Given up is
//    an end too: a significant child may end the supervisor by it; with `retry` the child begins
//    anew later. A nested supervisor has no limit of its own as a child. One end past the own
//    limit is let pass when a mail went to the dead letters by it: the cause of the crashes is
//    gone then.
// 7. The delay of the next try is chosen, and the group of the child (strategy) is restarted.
#include "supe/supervision/restarter.hpp"

#include "supe/async/assertion.hpp"
#include "supe/supervision/child_end.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {

using namespace std::chrono_literals;

restarter::restarter(const supervisor_spec& spec, std::function<double()> random,
                     std::function<bool(child_id)> mail_waits)
    : strategy_(spec.strategy), auto_shutdown_(spec.auto_shutdown), limit_(spec.limit),
      intensity_(limit_.of(0)), random_(std::move(random)), mail_waits_(std::move(mail_waits)),
      still_up_(children_.end()) {}

std::vector<restarter::child_id> restarter::in_order() const {
    std::vector<child_id> ids;
    for (const child& c : children_) ids.push_back(c.id);
    return ids;
}

restarter::status restarter::status_of(child_id id) const {
    const child& c = at(id);
    switch (c.state) {
        case process::starting: return status::starting;
        case process::up: return status::running;
        case process::stopping: return status::stopping;
        case process::down: break;
    }
    if (c.given_up) return status::given_up;
    if (c.wanted) return c.restarting ? status::backing_off : status::starting;
    return c.spec->demand && !c.stopped && !c.done && !is_ending() ? status::idle : status::stopped;
}

time_point restarter::deadline() const {
    const time_point batch = due_.empty() ? never : due_.begin()->first;
    return retries_.empty() ? batch : std::min(batch, retries_.begin()->first);
}

// --- events ---

restarter::actions restarter::boot(time_point now) {
    SUPE_ASSERT(mode_ == mode::fresh);
    mode_ = mode::booting;
    const int all = ++last_batch_;
    for (child& c : children_) {
        join(c, all);
        want(c);
    }
    actions out;
    advance(now, out);
    return out;
}

restarter::actions restarter::ready(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    if (c.state == process::starting) {
        c.state = process::up;
        c.by_operator = false;
        c.up_since = now;
        first_start_done(c);
        if (c.batch) touched_.insert(c.batch);
    }
    advance(now, out);
    return out;
}

restarter::actions restarter::ended(child_id id, const ending& how, time_point now) {
    child& c = at(id);
    SUPE_ASSERT(c.state != process::down);
    // A child that ends just before its stop in a group restart counts as stopped (OTP: it counts
    // nowhere).
    const bool its_turn = c.bounce && c.bounce_at <= now;
    const bool requested = c.state == process::stopping || how.asked_for || its_turn;
    c.state = process::down;
    actions out;
    look_again(c.batch);
    if (!is_ending()) requested ? ended_as_asked(c, out, now) : ended_of_itself(c, how, now, out);
    advance(now, out);
    return out;
}

restarter::actions restarter::tick(time_point now) {
    for (auto due = due_.begin(); due != due_.end() && due->first <= now; ++due)
        touched_.insert(due->second);
    while (!retries_.empty() && retries_.begin()->first <= now)
        retry(at(retries_.begin()->second), now);
    actions out;
    advance(now, out);
    return out;
}

restarter::actions restarter::demanded(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    if (!c.spec->demand || c.wanted || mode_ == mode::fresh || is_ending()) return out;
    want(c);
    if (c.wanted && c.state == process::down) launch(c, now);
    advance(now, out);
    return out;
}

restarter::actions restarter::shutdown(time_point now) {
    actions out;
    if (!is_ending()) begin_end(mode::ending, {});
    advance(now, out);
    return out;
}

restarter::actions restarter::fail(std::string why, time_point now) {
    actions out;
    if (!is_ending()) begin_end(mode::failing, std::move(why));
    advance(now, out);
    return out;
}

// --- ends ---

/// A temporary child is not started again after a stop by an operator, and not in a group restart
/// (OTP terminate_child).
void restarter::ended_as_asked(child& c, actions& out, time_point now) {
    const bool in_group = std::exchange(c.bounce, false);
    if (c.stopped && !c.leaving) out.push_back({kind::stopped, c.id});
    if (c.leaving || ((c.stopped || in_group) && c.spec->restart == restart_type::temporary))
        return erase(c, out);
    want(c);
    if (c.wanted) launch(c, now);
    if (!c.wanted) c.by_operator = false;  // a demand child: idle
}

void restarter::ended_of_itself(child& c, const ending& how, time_point now, actions& out) {
    const bool nothing_to_do = had_nothing_to_do(*c.spec, how.clean, !how.start_failed);
    const bool failed_to_start = how.start_failed && !nothing_to_do;
    c.bounce = false;
    if (std::exchange(c.by_operator, false) && failed_to_start) return start_by_operator_failed(c);
    if (failed_to_start && first_start_failed(c, how, out)) return;
    first_start_done(c);
    if (c.spec->demand && how.clean) return ended_idle(c, how, now, out);
    if (nothing_to_do) return finish(c, out);
    const bool again = c.spec->restart == restart_type::permanent ||
                       (c.spec->restart == restart_type::transient && !how.clean);
    if (!again) return not_restarted(c, how, out);
    if (!count(c, how, now, out)) return;
    back_off(c, how, now);
    if (c.wanted)
        restart_group(c, how.start_failed ? group_stop::at_next_try : group_stop::now, now);
}

/// OTP restart_child: the operator gets the reason, and decides what follows. The others of its
/// batch go on.
void restarter::start_by_operator_failed(child& c) {
    first_start_done(c);
    c.stopped = true;
    c.wanted = false;
}

/// A first start that fails: the tree fails, or the added child is removed (OTP start_child). False
/// when it was not its first start.
bool restarter::first_start_failed(child& c, const ending& how, actions& out) {
    if (c.first == first_start::done) return false;
    if (c.first == first_start::of_added) {
        erase(c, out);
    } else {
        begin_end(mode::failing,
                  fmt::format("child {} could not be started: {}", c.spec->name, how.text));
    }
    return true;
}

/// A demand child starts again with the next mail. If it took no mail, its end counts: else it
/// would be started for ever.
void restarter::ended_idle(child& c, const ending& how, time_point now, actions& out) {
    if (how.took_mail) {
        c.delay.reset();
        want(c);
    } else if (count(c, how, now, out)) {
        back_off(c, how, now);
    }
    if (c.wanted) launch(c, now);
}

/// Counts an end in the child's own window. True within the limit. The first end past it is let
/// pass when a mail went to the dead letters by it.
bool restarter::within_own_limit(child& c, const ending& how, time_point now) {
    if (!c.spec->supervisor && !c.intensity.add(now))
        return how.poisoned && !std::exchange(c.spared, true);
    c.spared = false;
    return true;
}

/// Counts one end for the child and for the supervisor. False when the child is not restarted: a
/// limit was passed.
bool restarter::count(child& c, const ending& how, time_point now, actions& out) {
    const bool within_own = within_own_limit(c, how, now);
    if (!intensity_.add(now)) {
        const auto& limit = intensity_.limit();
        begin_end(mode::failing,
                  fmt::format("more than {} restarts within {:g} s; the last was {}: {}",
                              limit.count, std::chrono::duration<double>(limit.within).count(),
                              c.spec->name, how.text));
        return false;
    }
    return within_own || give_up(c, how, now, out);
}

/// Returns false. The whole name is given up with its last instance (contract §5 `instances`).
bool restarter::give_up(child& c, const ending& how, time_point now, actions& out) {
    c.given_up = true;
    c.wanted = false;
    const bool others =
        c.group && std::ranges::any_of(children_, [&](const child& other) {
            return other.group == c.group && !other.stopped && !other.given_up && !other.done;
        });
    if (!others && c.spec->on_excessive == on_excessive_kind::escalate) {
        begin_end(mode::failing,
                  fmt::format("child {} passed its own limit: {}", c.spec->name, how.text));
    } else {
        out.push_back({.what = kind::give_up, .child = c.id, .whole = !others});
        if (c.spec->on_excessive == on_excessive_kind::retry) {
            c.retry_at = now + c.spec->retry_after;
            retries_.emplace(c.retry_at, c.id);
        } else if (c.spec->significant) {
            significant_ended(c.id, c.spec->name, how, out);
        }
    }
    return false;
}

/// A child that is given up begins anew (`retry`). As with `supe start`, no other child is touched.
void restarter::retry(child& c, time_point now) {
    forget_retry(c);
    begin_counting(c);
    c.given_up = false;
    c.restarting = true;
    c.last_delay = c.spec->retry_after;
    c.not_before = now;
    want(c);
    if (c.wanted) launch(c, now);
}

void restarter::forget_retry(child& c) { retries_.erase({std::exchange(c.retry_at, never), c.id}); }

/// With an empty count and the first delay.
void restarter::begin_counting(child& c) {
    c.intensity.reset();
    c.delay.reset();
    c.spared = false;
}

/// It stays down until an operator or its group starts it again. A temporary one leaves the tree.
void restarter::finish(child& c, actions& out) {
    c.done = true;
    c.wanted = false;
    if (c.spec->restart == restart_type::temporary) erase(c, out);
}

void restarter::not_restarted(child& c, const ending& how, actions& out) {
    const child_id id = c.id;
    const bool significant = c.spec->significant;
    const std::string name = c.spec->name;
    finish(c, out);  // `c` may have left the tree
    if (significant) significant_ended(id, name, how, out);
}

/// OTP 24: a significant child that ends by itself and is not restarted may end the supervisor
/// (`auto_shutdown`).
void restarter::significant_ended(child_id id, const std::string& name, const ending& how,
                                  actions& out) {
    if (!how.clean) badly_ended_.insert(id);
    if (auto_shutdown_ == auto_shutdown_kind::never) return;
    const bool others = std::ranges::any_of(children_, [](const child& other) {
        return other.spec->significant &&
               (other.wanted || other.state != process::down || other.retry_at != never);
    });
    if (auto_shutdown_ == auto_shutdown_kind::all_significant && others) return;
    begin_end(mode::ending, fmt::format("its significant child {} ended: {}", name, how.text));
    out.push_back({.what = kind::shut_down, .clean = badly_ended_.empty()});
}

void restarter::back_off(child& c, const ending& how, time_point now) {
    const duration lasted =
        how.start_failed || c.up_since == time_point{} ? duration{} : now - c.up_since;
    c.up_since = {};
    c.last_delay = c.delay.next(*c.spec->backoff, lasted, random_());
    c.not_before = now + c.last_delay;
    c.restarting = true;
    want(c);
}

void restarter::begin_end(mode how, std::string why) {
    mode_ = how;
    why_ = std::move(why);
    for (child& c : children_) {
        c.wanted = c.bounce = false;
        c.batch = 0;
        c.retry_at = never;
    }
    retries_.clear();
    batches_.clear();
    due_.clear();
    touched_.clear();
    still_up_ = children_.end();
}

const char* name_of(restarter::status s) {
    switch (s) {
        case restarter::status::starting: return "starting";
        case restarter::status::running: return "running";
        case restarter::status::stopping: return "stopping";
        case restarter::status::stopped: return "stopped";
        case restarter::status::backing_off: return "backing_off";
        case restarter::status::given_up: return "given_up";
        case restarter::status::idle: return "idle";
    }
    return "unknown";
}

}  // namespace supe
