// What an operator asks for: children come and go, start, stop and restart. It counts nowhere, and
// no other child is touched. A start that fails is the operator's: the child is stopped.
#include "supe/async/assertion.hpp"
#include "supe/supervision/restarter.hpp"

#include <algorithm>

namespace supe {

using namespace std::chrono_literals;

// --- children ---

restarter::actions restarter::add(child_id id, const child_spec& spec, time_point now,
                                  position where) {
    using side = position::side;
    SUPE_ASSERT(!has(id));
    auto next = where.at == side::first ? children_.begin() : children_.end();
    if (where.at == side::behind && has(where.sibling)) next = std::next(index_.at(where.sibling));
    const auto c = children_.insert(next, {id, &spec, where.group, restart_intensity(spec.limit)});
    index_[id] = c;
    set_common_limit();
    actions out;
    if (mode_ == mode::fresh) {
        ++unstarted_;
        return out;
    }
    c->first = first_start::of_added;
    want(*c);
    if (mode_ == mode::booting && batches_.contains(1))
        join(*c, 1);  // behind the children of the tree that have not started yet
    if (c->wanted) launch(*c, now);
    advance(now, out);
    return out;
}

restarter::actions restarter::remove(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    c.leaving = c.stopped = true;
    c.wanted = c.bounce = c.given_up = c.by_operator = false;
    forget_retry(c);
    badly_ended_.erase(id);
    if (is_ending()) return out;
    look_again(c.batch);
    if (c.state == process::down) {
        erase(c, out);
    } else {
        request_stop(c, out);
    }
    advance(now, out);
    return out;
}

void restarter::erase(child& c, actions& out) {
    SUPE_ASSERT(c.state == process::down && !is_ending());
    first_start_done(c);
    look_again(c.batch);
    out.push_back({kind::remove, c.id});
    const auto entry = index_.extract(c.id);
    children_.erase(entry.mapped());
    set_common_limit();
}

void restarter::change(const supervisor_spec& spec) {
    strategy_ = spec.strategy;
    auto_shutdown_ = spec.auto_shutdown;
    limit_ = spec.limit;
    set_common_limit();
}

void restarter::change(child_id id) {
    child& c = at(id);
    c.intensity.set_limit(c.spec->limit);
    c.delay.reset();
}

void restarter::order(const std::vector<child_id>& ids) {
    if (is_ending()) return;  // the stops go through the list
    for (auto id = ids.rbegin(); id != ids.rend(); ++id)
        children_.splice(children_.begin(), children_, index_.at(*id));
}

// --- commands ---

restarter::actions restarter::start(child_id id, time_point now, failed_start then) {
    child& c = at(id);
    actions out;
    if (is_ending() || c.leaving || c.state == process::starting || c.state == process::up)
        return out;
    const bool at_rest = c.stopped || c.given_up || c.done;
    const bool waits_for_delay = c.state == process::down && c.wanted && c.restarting;
    if (at_rest) begin_counting(c);
    forget_retry(c);
    c.stopped = c.given_up = c.done = c.restarting = false;
    c.last_delay = 0ms;
    want(c);
    // A start that is to come without the operator stays one of the tree.
    if (at_rest || waits_for_delay)
        c.by_operator = c.wanted && then == failed_start::leaves_it_stopped;
    if (c.state == process::down) {
        skip_delays(c, now);
        if (c.wanted) launch(c, now);
    }
    advance(now, out);
    return out;
}

restarter::actions restarter::stop(child_id id, time_point now) {
    child& c = at(id);
    actions out;
    const bool was_at_rest = c.stopped || c.done;
    c.stopped = true;
    c.given_up = c.done = c.wanted = c.bounce = c.by_operator = false;
    forget_retry(c);
    if (is_ending()) return out;
    first_start_done(c);  // a later start by an operator cannot fail the tree
    look_again(c.batch);
    if (c.state == process::down) {
        if (!was_at_rest) out.push_back({kind::stopped, id});
        if (c.spec->restart == restart_type::temporary) erase(c, out);
    } else {
        request_stop(c, out);
    }
    advance(now, out);
    return out;
}

restarter::actions restarter::restart(child_id id, time_point now, failed_start then) {
    child& c = at(id);
    if (c.state == process::down) return start(id, now, then);
    actions out;
    if (is_ending() || c.leaving) return out;
    c.stopped = c.bounce = c.restarting = false;
    want(c);
    c.by_operator = c.wanted && then == failed_start::leaves_it_stopped;
    skip_delays(c, now);
    request_stop(c, out);
    advance(now, out);
    return out;
}

}  // namespace supe
