#include "supe/supervision/restarter.hpp"

#include "supe/async/assertion.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {

using namespace std::chrono_literals;

restarter::restarter(const supervisor_spec& spec, std::function<double()> random,
                     std::function<bool(child_id)> mail_waits)
    : strategy_(spec.strategy), auto_shutdown_(spec.auto_shutdown), intensity_(spec.limit),
      random_(std::move(random)), mail_waits_(std::move(mail_waits)), still_up_(children_.end()) {}

// --- who there is ---

restarter::actions restarter::add(child_id id, const child_spec& spec, time_point now,
                                  position where) {
    using side = position::side;
    SUPE_ASSERT(!has(id));
    auto next = where.at == side::first ? children_.begin() : children_.end();
    if (where.at == side::behind && has(where.sibling)) next = std::next(index_.at(where.sibling));
    const auto c = children_.insert(next, {id, &spec, where.group, restart_intensity(spec.limit)});
    index_[id] = c;
    actions out;
    if (mode_ == mode::fresh) {
        ++unstarted_;
        return out;
    }
    c->first = first_start::of_added;
    want(*c);
    if (mode_ == mode::booting && batches_.contains(1))
        join(*c, 1);  // behind those that are still to come
    if (c->wanted) launch(*c, now);
    advance(now, out);
    return out;
}

restarter::actions restarter::remove(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    c.leaving = c.held = true;
    c.wanted = c.bounce = c.given_up = false;
    if (is_ending()) return out;
    if (c.state == process::down) {
        erase(c, out);
    } else {
        order_stop(c, out);
    }
    advance(now, out);
    return out;
}

void restarter::erase(child& c, actions& out) {
    SUPE_ASSERT(c.state == process::down && !is_ending());
    first_start_done(c);
    if (c.batch) touched_.insert(c.batch);
    out.push_back({kind::remove, c.id});
    const auto place = index_.extract(c.id);
    children_.erase(place.mapped());
}

void restarter::change(const supervisor_spec& spec) {
    strategy_ = spec.strategy;
    auto_shutdown_ = spec.auto_shutdown;
    intensity_.set_limit(spec.limit);
}

void restarter::change(child_id id) {
    child& c = at(id);
    c.intensity.set_limit(c.spec->limit);
    c.delay.reset();
}

void restarter::order(const std::vector<child_id>& ids) {
    for (auto id = ids.rbegin(); id != ids.rend(); ++id)
        children_.splice(children_.begin(), children_, index_.at(*id));
}

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
    return c.spec->demand && !c.held && !c.done && !is_ending() ? status::idle : status::stopped;
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
    touched_.insert(all);
    actions out;
    advance(now, out);
    return out;
}

restarter::actions restarter::ready(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    if (c.state == process::starting) {
        c.state = process::up;
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
    // One that would have been stopped in its turn, and ended before, is as good as stopped (OTP:
    // it counts nowhere).
    const bool its_turn = c.bounce && c.bounce_at <= now;
    const bool told = c.state == process::stopping || how.asked_for || its_turn;
    c.state = process::down;
    actions out;
    if (c.batch) touched_.insert(c.batch);
    if (!is_ending()) told ? ended_as_asked(c, out, now) : ended_of_itself(c, how, now, out);
    advance(now, out);
    return out;
}

restarter::actions restarter::tick(time_point now) {
    for (auto due = due_.begin(); due != due_.end() && due->first <= now; ++due)
        touched_.insert(due->second);
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

restarter::actions restarter::start(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    if (is_ending() || c.leaving || c.state == process::starting || c.state == process::up)
        return out;
    if (c.held || c.given_up || c.done) {
        c.intensity.reset();
        c.delay.reset();
        c.spared = false;
    }
    c.held = c.given_up = c.done = c.restarting = false;
    c.last_delay = 0ms;
    want(c);
    if (c.state == process::down) {
        hurry(c, now);
        if (c.wanted) launch(c, now);
    }
    advance(now, out);
    return out;
}

restarter::actions restarter::stop(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    const bool was_at_rest = c.held || c.done;
    c.held = true;
    c.given_up = c.done = c.wanted = c.bounce = false;
    if (is_ending()) return out;
    first_start_done(c);  // what a start by hand comes to later is no longer the tree's affair
    if (c.batch) touched_.insert(c.batch);
    if (c.state == process::down) {
        if (!was_at_rest) out.push_back({kind::stopped, id});
        if (c.spec->restart == restart_type::temporary) erase(c, out);
    } else {
        order_stop(c, out);
    }
    advance(now, out);
    return out;
}

restarter::actions restarter::restart(child_id id, time_point now) {
    child& c = at(id);
    if (c.state == process::down) return start(id, now);
    actions out;
    if (is_ending() || c.leaving) return out;
    c.held = c.bounce = c.restarting = false;
    want(c);
    hurry(c, now);
    order_stop(c, out);
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

// --- what an end leads to ---

/// A temporary child is never started again, whoever stopped it (OTP terminate_child, and in a
/// group restart).
void restarter::ended_as_asked(child& c, actions& out, time_point now) {
    const bool in_group = std::exchange(c.bounce, false);
    if (c.held && !c.leaving) out.push_back({kind::stopped, c.id});
    if (c.leaving || ((c.held || in_group) && c.spec->restart == restart_type::temporary))
        return erase(c, out);
    want(c);
    if (c.wanted) launch(c, now);
}

void restarter::ended_of_itself(child& c, const ending& how, time_point now, actions& out) {
    if (first_start_failed(c, how, out)) return;
    first_start_done(c);
    c.bounce = false;
    if (c.spec->demand && how.clean) return ended_idle(c, how, now, out);
    const bool again = c.spec->restart == restart_type::permanent ||
                       (c.spec->restart == restart_type::transient && !how.clean);
    if (!again) return not_restarted(c, out);
    if (!count(c, how, now, out)) return;
    back_off(c, how, now);
    if (c.wanted)
        restart_group(c, how.start_failed ? group_stop::at_next_try : group_stop::now, now);
}

/// A tree whose first start fails is no tree; a child that is added and cannot be started is not
/// kept (OTP start_child). One that ends cleanly before it is ready has nothing to do (OTP: init
/// returns `ignore`), unless it is permanent.
bool restarter::first_start_failed(child& c, const ending& how, actions& out) {
    const bool ignored = how.clean && c.spec->restart != restart_type::permanent;
    if (c.first == first_start::done || !how.start_failed || ignored) return false;
    if (c.first == first_start::of_added) {
        erase(c, out);
    } else {
        begin_end(mode::failing,
                  fmt::format("child {} could not be started: {}", c.spec->name, how.text));
    }
    return true;
}

/// The normal way of a demand child: it comes back with the next mail. One that left its mail lying
/// is no better than one that crashed: it would be started for ever.
void restarter::ended_idle(child& c, const ending& how, time_point now, actions& out) {
    if (how.took_mail) {
        c.delay.reset();
        want(c);
    } else if (count(c, how, now, out)) {
        back_off(c, how, now);
    }
    if (c.wanted) launch(c, now);
}

/// The first that is one too many passes where a mail is dead by it: what caused it is out of the
/// way.
bool restarter::within_own_limit(child& c, const ending& how, time_point now) {
    if (!c.spec->supervisor && !c.intensity.add(now))
        return how.poisoned && !std::exchange(c.spared, true);
    c.spared = false;
    return true;
}

/// Counts one end for the child and for the supervisor. False when there is nothing more to
/// restart.
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
    return within_own || give_up(c, how, out);
}

/// False, always. Of instances the last that goes is the name's end (contract §5 `instances`).
bool restarter::give_up(child& c, const ending& how, actions& out) {
    c.given_up = true;
    c.wanted = false;
    const bool others =
        c.group && std::ranges::any_of(children_, [&](const child& other) {
            return other.group == c.group && !other.held && !other.given_up && !other.done;
        });
    if (!others && c.spec->on_excessive == on_excessive_kind::escalate) {
        begin_end(mode::failing,
                  fmt::format("child {} passed its own limit: {}", c.spec->name, how.text));
    } else {
        out.push_back({.what = kind::give_up, .child = c.id, .whole = !others});
    }
    return false;
}

/// OTP 24: a significant child that ends of itself and is not restarted may take the supervisor
/// with it.
void restarter::not_restarted(child& c, actions& out) {
    const bool significant = c.spec->significant;
    c.done = true;
    c.wanted = false;
    if (c.spec->restart == restart_type::temporary) erase(c, out);
    if (!significant || auto_shutdown_ == auto_shutdown_kind::never) return;
    const bool others = std::ranges::any_of(children_, [](const child& other) {
        return other.spec->significant && (other.wanted || other.state != process::down);
    });
    if (auto_shutdown_ == auto_shutdown_kind::any_significant || !others)
        begin_end(mode::ending, {});
}

void restarter::back_off(child& c, const ending& how, time_point now) {
    const duration lasted =
        how.start_failed || c.up_since == time_point{} ? duration{} : now - c.up_since;
    c.up_since = {};
    c.last_delay = c.delay.next(c.spec->backoff, lasted, random_());
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
    }
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
