#include "supe/supervision/restarter.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace supe {

restarter::restarter(const supervisor_spec& spec, std::function<double()> random,
                     std::function<bool(child_id)> mail_waits)
    : strategy_(spec.strategy), auto_shutdown_(spec.auto_shutdown), intensity_(spec.limit), random_(std::move(random)),
      mail_waits_(std::move(mail_waits)) {}

restarter::child_id restarter::add(const child_spec& spec) {
    children_.push_back({next_id_, &spec, restart_intensity(spec.limit), restart_delay(spec.backoff)});
    return next_id_++;
}

restarter::child& restarter::at(child_id id) {
    return *std::find_if(children_.begin(), children_.end(), [id](const child& c) { return c.id == id; });
}

const restarter::child& restarter::at(child_id id) const { return const_cast<restarter*>(this)->at(id); }

/// A demand child is wanted only while mail waits for it.
void restarter::want(child& c) {
    c.wanted = !c.held && !c.given_up && !is_ending() && (!c.spec->demand || mail_waits_(c.id));
}

// --- events -------------------------------------------------------------------------------------------------------

restarter::actions restarter::boot(time_point now) {
    mode_ = mode::booting;
    ++last_batch_;
    for (child& c : children_) {
        c.batch = last_batch_;
        want(c);
    }
    actions out;
    settle(now, out);
    return out;
}

restarter::actions restarter::ready(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    if (c.state == process::starting) {
        c.state = process::up;
        c.up_since = now;
    }
    settle(now, out);
    return out;
}

restarter::actions restarter::ended(child_id id, const ending& how, time_point now) {
    child& c = at(id);
    const bool was_stopping = c.state == process::stopping || how.asked_for;
    c.state = process::down;
    c.bounce = false;
    actions out;
    if (c.leaving) {
        out.push_back({kind::remove, id});
        std::erase_if(children_, [id](const child& other) { return other.id == id; });
    } else if (was_stopping || is_ending()) {
        want(c);
    } else if (mode_ == mode::booting && how.start_failed) {
        begin_end(mode::failing, fmt::format("child {} could not be started: {}", c.spec->name, how.text));
    } else {
        const bool again = c.spec->restart == restart_type::permanent ||
                           (c.spec->restart == restart_type::transient && !how.clean);
        const bool by_itself_done = c.spec->demand && how.clean;  // its normal way: it comes back with the next mail
        if (by_itself_done) {
            c.delay.reset();
            want(c);
        } else if (!again) {
            not_restarted(c, out);
        } else if (count(c, how, now, out)) {
            restart_after(c, how, now);
        }
    }
    settle(now, out);
    return out;
}

restarter::actions restarter::tick(time_point now) {
    actions out;
    settle(now, out);
    return out;
}

restarter::actions restarter::demanded(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    if (!c.spec->demand || c.wanted || mode_ == mode::fresh) return out;
    if (c.state == process::down && mode_ == mode::running) c.batch = ++last_batch_;
    want(c);
    settle(now, out);
    return out;
}

restarter::actions restarter::start(child_id id, time_point now) {
    child& c = at(id);
    c.held = c.given_up = false;
    c.intensity.reset();
    c.delay.reset();
    c.not_before = now;
    if (c.state == process::down && mode_ == mode::running) c.batch = ++last_batch_;
    want(c);
    actions out;
    settle(now, out);
    return out;
}

restarter::actions restarter::stop(child_id id, time_point now) {
    child& c = at(id);
    c.held = true;
    c.given_up = c.wanted = c.bounce = false;
    actions out;
    settle(now, out);
    return out;
}

restarter::actions restarter::restart(child_id id, time_point now) {
    child& c = at(id);
    if (c.state == process::down) return start(id, now);
    c.batch = ++last_batch_;
    c.bounce = c.state != process::stopping;
    c.bounce_at = now;
    c.held = false;
    c.not_before = now;
    want(c);
    actions out;
    settle(now, out);
    return out;
}

restarter::actions restarter::shutdown(time_point now) {
    actions out;
    if (!is_ending() && mode_ != mode::over) begin_end(mode::ending, {});
    settle(now, out);
    return out;
}

// --- what an end leads to -----------------------------------------------------------------------------------------

/// Counts one end for the child and for the supervisor. False when there is nothing more to restart.
bool restarter::count(child& c, const ending& how, time_point now, actions& out) {
    const bool within_own = c.spec->supervisor != nullptr || c.intensity.add(now);
    if (!intensity_.add(now)) {
        const auto& limit = intensity_.limit();
        begin_end(mode::failing, fmt::format("more than {} restarts within {} s; the last was {}: {}", limit.count,
                                             std::chrono::duration<double>(limit.within).count(), c.spec->name, how.text));
        return false;
    }
    if (within_own) return true;
    if (c.spec->on_excessive == on_excessive_kind::escalate) {
        begin_end(mode::failing, fmt::format("child {} passed its own limit: {}", c.spec->name, how.text));
        return false;
    }
    c.given_up = true;
    c.wanted = false;
    out.push_back({kind::give_up, c.id});
    return false;
}

/// OTP 24: a significant child that ends of itself and is not restarted may take the supervisor with it.
void restarter::not_restarted(child& c, actions& out) {
    const bool significant = c.spec->significant;
    c.wanted = false;
    if (c.spec->restart == restart_type::temporary) {
        const child_id id = c.id;
        out.push_back({kind::remove, id});
        std::erase_if(children_, [id](const child& other) { return other.id == id; });
    }
    if (!significant || auto_shutdown_ == auto_shutdown_kind::never) return;
    const bool others = std::any_of(children_.begin(), children_.end(),
                                    [](const child& other) { return other.spec->significant && other.wanted; });
    if (auto_shutdown_ == auto_shutdown_kind::any_significant || !others) begin_end(mode::ending, {});
}

void restarter::restart_after(child& c, const ending& how, time_point now) {
    const duration lasted = c.up_since == time_point{} ? duration{} : now - c.up_since;
    c.last_delay = c.delay.next(how.start_failed ? duration{} : lasted, random_());
    c.up_since = {};
    c.not_before = now + c.last_delay;
    c.restarting = true;
    ++c.restarts;
    want(c);
    restart_group(c, how.start_failed, now);
}

bool restarter::in_restart_group(const child& member, const child& cause) const {
    switch (strategy_) {
        case strategy_kind::one_for_one: return member.id == cause.id;
        case strategy_kind::one_for_all: return true;
        case strategy_kind::rest_for_one: return &member >= &cause;
    }
    return false;
}

/// The children that share the fate of `cause` get a number of their own, and stop: at once after a crash; after a
/// start that failed only with the next try (OTP's try_again_restart). Those that are down by intent stay down
/// (contract §5, a departure from OTP).
void restarter::restart_group(child& cause, bool at_next_try, time_point now) {
    ++last_batch_;
    for (child& member : children_) {
        if (!in_restart_group(member, cause)) continue;
        member.batch = last_batch_;
        if (member.id != cause.id) {
            member.not_before = std::max(member.not_before, cause.not_before);
            if (member.state == process::starting || member.state == process::up) {
                member.bounce = true;
                member.bounce_at = at_next_try ? cause.not_before : now;
                member.leaving = member.spec->restart == restart_type::temporary;
                member.restarting = true;
                ++member.restarts;
            }
        }
    }
}

void restarter::begin_end(mode how, std::string why) {
    mode_ = how;
    if (why_.empty()) why_ = std::move(why);
    for (child& c : children_) {
        c.wanted = false;
        c.bounce = false;
    }
}

// --- order --------------------------------------------------------------------------------------------------------

bool restarter::must_stop(const child& c, time_point now) const {
    if (c.state != process::starting && c.state != process::up) return false;
    if (is_ending() || c.held || c.given_up) return true;
    return c.bounce && now >= c.bounce_at;
}

bool restarter::may_stop(std::size_t index, time_point now) const {
    const child& c = children_[index];
    if (!must_stop(c, now)) return false;
    for (std::size_t later = index + 1; later < children_.size(); ++later) {
        const child& other = children_[later];
        const bool together = is_ending() || (other.batch == c.batch && c.bounce);
        if (together && (must_stop(other, now) || other.state == process::stopping)) return false;
    }
    return true;
}

bool restarter::may_start(std::size_t index, time_point now) const {
    const child& c = children_[index];
    if (!c.wanted || c.state != process::down || now < c.not_before) return false;
    for (std::size_t other = 0; other < children_.size(); ++other) {
        const child& o = children_[other];
        if (o.batch != c.batch || o.id == c.id) continue;
        if (o.bounce || o.state == process::stopping) return false;
        if (other < index && o.wanted && o.state != process::up) return false;
    }
    return true;
}

void restarter::settle_stops(time_point now, actions& out) {
    for (std::size_t i = children_.size(); i-- > 0;) {
        if (!may_stop(i, now)) continue;
        children_[i].state = process::stopping;
        out.push_back({kind::stop, children_[i].id});
    }
}

void restarter::settle_starts(time_point now, actions& out) {
    for (std::size_t i = 0; i < children_.size(); ++i) {
        if (!may_start(i, now)) continue;
        child& c = children_[i];
        c.state = process::starting;
        out.push_back({kind::start, c.id, std::exchange(c.last_delay, 0ms), std::exchange(c.restarting, false)});
    }
}

void restarter::settle(time_point now, actions& out) {
    if (mode_ == mode::over || mode_ == mode::fresh) return;
    settle_stops(now, out);
    if (is_ending()) {
        const bool all_down = std::all_of(children_.begin(), children_.end(),
                                          [](const child& c) { return c.state == process::down; });
        if (!all_down) return;
        out.push_back({mode_ == mode::failing ? kind::failed : kind::finished});
        mode_ = mode::over;
        return;
    }
    settle_starts(now, out);
    const bool up = std::all_of(children_.begin(), children_.end(),
                                [](const child& c) { return !c.wanted || c.state == process::up; });
    if (mode_ == mode::booting && up) {
        mode_ = mode::running;
        out.push_back({kind::booted});
    }
}

time_point restarter::deadline(time_point now) const {
    time_point earliest = never;
    const auto consider = [&](time_point t) {
        if (t > now) earliest = std::min(earliest, t);
    };
    for (const child& c : children_) {
        if (c.wanted && c.state == process::down) consider(c.not_before);
        if (c.bounce && (c.state == process::up || c.state == process::starting)) consider(c.bounce_at);
    }
    return mode_ == mode::over ? never : earliest;
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
    return c.spec->demand && !c.held && !is_ending() ? status::idle : status::stopped;
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
