// The order of starts and stops.
//
// A batch is a list of children that start and stop in order together: all children at boot, the
// group of a restart, or one child alone. A child is in one batch at most. After each event
// advance() checks the batches that the event touched:
//
// 1. advance_stops: members that are to bounce stop from the last to the first, each when all
//    behind it are down.
// 2. When no stop is left, advance_starts: wanted members start from the first to the last, each
//    when all before it are ready, and not before the delay of the batch and its own have passed.
// 3. When no start is left, the batch is dissolved.
//
// A start that succeeds changes nothing for the members before it. So the batch remembers how far
// it has come, and a start of many children looks at each once; any other event of a member lets
// it look at all again.
//
// A batch that waits for a delay is in due_, by its deadline. Shutdown and failure dissolve all
// batches: then advance_end() stops all children in strict reverse order.
#include "supe/async/assertion.hpp"
#include "supe/supervision/restarter.hpp"

#include <algorithm>

namespace supe {

using namespace std::chrono_literals;

/// A demand child is wanted only while mail waits for it.
void restarter::want(child& c) {
    c.wanted = !c.stopped && !c.given_up && !c.done && !is_ending() &&
               (!c.spec->demand || mail_waits_(c.id));
}

bool restarter::is_held_down(const child& c) {
    return c.state == process::down && (c.stopped || c.given_up);
}

void restarter::request_stop(child& c, actions& out) {
    if (c.state != process::starting && c.state != process::up) return;
    c.state = process::stopping;
    out.push_back({kind::stop, c.id});
}

void restarter::first_start_done(child& c) {
    if (c.first == first_start::of_tree) {
        SUPE_ASSERT(unstarted_ > 0);
        --unstarted_;
    }
    c.first = first_start::done;
}

/// Starts it in the order of its batch, or in a batch of its own.
void restarter::launch(child& c, time_point now) {
    SUPE_ASSERT(c.state == process::down);
    if (!c.batch) {
        join(c, ++last_batch_);
        batches_[c.batch].start_at = now;
    }
    look_again(c.batch);
}

/// A command of an operator ends the delay of the child and of its batch.
void restarter::skip_delays(child& c, time_point now) {
    c.not_before = now;
    if (!c.batch) return;
    batch& b = batches_.at(c.batch);
    b.start_at = std::min(b.start_at, now);
    for (const child_id id : b.members) {
        if (is_member(id, c.batch)) at(id).bounce_at = std::min(at(id).bounce_at, now);
    }
    look_again(c.batch);
}

void restarter::join(child& c, int number) {
    look_again(c.batch);  // its old batch goes on without it
    c.batch = number;
    batches_[number].members.push_back(c.id);
    look_again(number);
}

void restarter::look_again(int number) {
    const auto found = batches_.find(number);
    if (found == batches_.end()) return;
    found->second.may_stop = true;
    found->second.first_to_start = 0;
    touched_.insert(number);
}

bool restarter::is_member(child_id id, int number) const {
    return has(id) && at(id).batch == number;
}

/// The group of `cause` becomes one batch. Its members stop at once after a crash; after a failed
/// start they stop at the next try (OTP's try_again_restart). A member that had finished starts
/// again, as in OTP. Children that an operator stopped, or that are given up, stay down (contract
/// §5, a departure from OTP).
void restarter::restart_group(child& cause, group_stop when, time_point now) {
    const std::vector<child*> group = group_of(cause);
    for (child* member : group) {
        if (std::exchange(member->done, false)) {
            want(*member);
            member->restarting = true;
        }
        if (member->state != process::starting && member->state != process::up) continue;
        const time_point turn = when == group_stop::at_next_try ? cause.not_before : now;
        member->bounce_at = member->bounce ? std::min(member->bounce_at, turn) : turn;
        member->bounce = true;
        member->restarting = true;
    }
    // Batches that a member leaves are merged into this one: else their other members would no
    // longer wait for it.
    std::set<int> under_way;
    if (strategy_ != strategy_kind::one_for_one) {
        for (const child* member : group) {
            if (member->batch) under_way.insert(member->batch);
        }
    }
    const int number = ++last_batch_;
    for (child* member : group) join(*member, number);
    if (!under_way.empty()) {
        batches_.at(number).members.clear();
        for (child& c : children_) {
            if (c.batch == number || (under_way.contains(c.batch) && !is_held_down(c)))
                join(c, number);
        }
    }
    batches_.at(number).start_at = cause.not_before;
}

/// The children that restart with `cause`, in order of start. Instances of one name do not depend
/// on each other, so rest_for_one leaves them out.
std::vector<restarter::child*> restarter::group_of(child& cause) {
    if (strategy_ == strategy_kind::one_for_one) return {&cause};
    const bool all = strategy_ == strategy_kind::one_for_all;
    std::vector<child*> group;
    for (auto member = all ? children_.begin() : index_.at(cause.id); member != children_.end();
         ++member) {
        const bool sibling =
            member->id != cause.id && member->group && member->group == cause.group;
        if ((sibling && !all) || is_held_down(*member)) continue;
        group.push_back(&*member);
    }
    return group;
}

/// Appends all actions that are possible now.
void restarter::advance(time_point now, actions& out) {
    if (mode_ == mode::over || mode_ == mode::fresh) return;
    if (is_ending()) return advance_end(out);
    while (!touched_.empty()) {
        const int number = *touched_.begin();
        touched_.erase(touched_.begin());
        advance_batch(number, now, out);
    }
    if (mode_ == mode::booting && unstarted_ == 0) {
        mode_ = mode::running;
        out.push_back({kind::booted});
    }
}

void restarter::advance_batch(int number, time_point now, actions& out) {
    const auto found = batches_.find(number);
    if (found == batches_.end()) return;
    batch& b = found->second;
    due_.erase({b.due, number});
    time_point due = never;
    if (b.may_stop) b.may_stop = advance_stops(number, b, now, out, due);
    if (b.may_stop || advance_starts(number, b, now, out, due)) {
        b.due = due;
        if (due != never) due_.emplace(due, number);
        return;
    }
    for (const child_id id : b.members)
        if (is_member(id, number)) at(id).batch = 0;
    batches_.erase(found);
}

/// False when no member is left to stop.
bool restarter::advance_stops(int number, batch& b, time_point now, actions& out, time_point& due) {
    std::erase_if(b.members, [&](child_id id) { return !is_member(id, number); });
    bool busy = false;
    for (auto id = b.members.rbegin(); id != b.members.rend(); ++id) {
        child& c = at(*id);
        const bool to_stop = c.bounce && (c.state == process::starting || c.state == process::up);
        if (to_stop && now < c.bounce_at) due = std::min(due, c.bounce_at);
        if (to_stop && now >= c.bounce_at && !busy) request_stop(c, out);
        busy = busy || to_stop || c.state == process::stopping;
    }
    return busy;
}

/// False when no member is left to start.
bool restarter::advance_starts(int number, batch& b, time_point now, actions& out,
                               time_point& due) {
    for (; b.first_to_start < b.members.size(); ++b.first_to_start) {
        const child_id id = b.members[b.first_to_start];
        SUPE_ASSERT(is_member(id, number));  // a member that leaves lets the batch look again
        child& c = at(id);
        if (c.state == process::starting) return true;
        if (c.state == process::up) continue;
        if (c.spec->demand) want(c);
        if (!c.wanted) {
            c.by_operator = false;
            first_start_done(c);
            continue;
        }
        due = std::max(b.start_at, c.not_before);
        if (now < due) return true;
        due = never;
        SUPE_ASSERT(c.state == process::down);  // nothing of the batch is left to stop
        c.state = process::starting;
        badly_ended_.erase(id);
        const bool again = std::exchange(c.restarting, false);
        if (again) ++c.restarts;
        out.push_back({.what = kind::start,
                       .child = id,
                       .delay = std::exchange(c.last_delay, 0ms),
                       .restart = again});
        return true;
    }
    return false;
}

/// Stops all children in reverse order: each when all behind it are down. Demand children that
/// stand next to each other stop together: mail starts them, so that none depends on another.
void restarter::advance_end(actions& out) {
    for (; still_up_ != children_.begin(); --still_up_) {
        child& last = *std::prev(still_up_);
        request_stop(last, out);
        if (last.state == process::stopping) return stop_neighbours(out);
    }
    SUPE_ASSERT(
        std::ranges::all_of(children_, [](const child& c) { return c.state == process::down; }));
    out.push_back({mode_ == mode::failing ? kind::failed : kind::finished});
    mode_ = mode::over;
}

void restarter::stop_neighbours(actions& out) {
    for (auto next = std::prev(still_up_); next->spec->demand; --next) {
        request_stop(*next, out);
        if (next == children_.begin()) break;
    }
}

}  // namespace supe
