// A second and simpler model of what a supervisor should do. It follows the notices of the
// supervisor and knows the commands of the operator. It does not predict the order of events; it
// decides which ends count, and which children may run.
#pragma once

#include "supe/simulation/world.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace simulation_tests {

using supe::duration;
using supe::milliseconds;
using supe::time_point;

inline bool is_down(const supe::child& c) {
    return c.state().current() == supe::lifecycle::state::down;
}

/// Ends that count, in a sliding window (OTP add_restart: an end exactly `within` ago still
/// counts).
struct window {
    supe::restart_limit limit;
    std::deque<time_point> ends;
    bool passed_by(time_point now) {
        ends.push_back(now);
        std::size_t recent = 0;
        for (const time_point t : ends) recent += now - t <= limit.within ? 1 : 0;
        return recent > limit.count;
    }
};

struct model_child {
    supe::child_spec spec;
    std::string name;  // the common name of instances
    window own;
    bool process = false, ready = false;  // by the notices
    bool first = true, added = false;     // its first start has not succeeded yet
    bool held = false, given_up = false, done = false, leaving = false;
    bool asked = false;        // its next end was requested by an operator
    bool by_operator = false;  // so was its next start: if it fails, the child is stopped
    bool stopping_already =
        false;  // it is stopped for an earlier group restart than its present one
    bool nested() const { return spec.supervisor != nullptr; }
    bool wanted() const { return !held && !given_up && !done && !leaving; }

    // contract §5 `backoff`, without jitter
    unsigned tries = 0;
    milliseconds base{};
    time_point up_since{}, not_before{};
    void back_off(time_point now, duration lasted) {
        if (lasted >= spec.backoff->reset_after) tries = 0;
        base = tries++ == 0 ? spec.backoff->first
               : base == milliseconds(0)
                   ? milliseconds(100)
                   : milliseconds(static_cast<int>(static_cast<double>(base.count()) *
                                                   spec.backoff->factor));
        base = std::min(base, spec.backoff->max);
        not_before = now + base;
    }
};

class supervisor_model {
public:
    supervisor_model(supe::supervisor& real, const supe::supervisor_spec& spec, std::string address,
                     std::vector<std::string>& faults)
        : real_(real), spec_(spec), address_(std::move(address)), faults_(faults),
          all_{spec.limit.of(0), {}} {
        for (const supe::child_spec& c : spec.children) enter(c);
        listener_ = real_.notices().listen({}, [this](const supe::published& n) { on_notice(n); });
    }
    ~supervisor_model() { real_.notices().stop_listening(listener_); }
    supervisor_model(const supervisor_model&) = delete;

    supe::supervisor& real() { return real_; }
    const std::vector<std::string>& order() const { return order_; }
    const model_child* find(const std::string& name) const {
        const auto found = children_.find(name);
        return found == children_.end() ? nullptr : &found->second;
    }
    bool ending() const { return ending_ || real_.is_stopping(); }

    // Commands of the operator, just before the supervisor gets them.
    void stopped(const std::string& name) {
        model_child* c = asked_about(name);
        if (!c) return;
        const bool active = in_flight(name);
        c->asked = c->asked || active;
        c->held = true;
        c->by_operator = false;
        c->given_up = c->done = c->first = false;
        doomed_.erase(name);
        next_try_.erase(name);
        if (!active && !ending() && c->spec.restart == supe::restart_type::temporary) gone(name);
    }
    void started(const std::string& name) {
        model_child* c = asked_about(name);
        if (!c || ending() || c->leaving) return;
        const auto state = status(name);
        if (state == supe::restarter::status::running ||
            state == supe::restarter::status::starting) {
            if (in_flight(name)) return;
        }
        c->by_operator = !c->wanted() || state == supe::restarter::status::backing_off;
        if (!c->wanted()) c->own.ends.clear(), c->tries = 0, c->base = milliseconds(0);
        c->held = c->given_up = c->done = false;
        if (state == supe::restarter::status::stopping) return;
        hurry(*c, name);
    }
    void restarted(const std::string& name) {
        model_child* c = asked_about(name);
        if (!c || ending() || c->leaving) return;
        if (!in_flight(name)) return started(name);
        c->held = false;
        c->asked = c->by_operator = true;
        doomed_.erase(name);
        hurry(*c, name);
        next_try_.erase(name);
    }
    void removed(const std::string& name) {
        model_child* c = asked_about(name);
        if (!c) return;
        const bool active = in_flight(name);
        c->leaving = c->held = true;
        c->asked = active;
        doomed_.erase(name);
        next_try_.erase(name);
        if (!active && !ending()) gone(name);
    }
    void added(const supe::child_spec& spec) {
        if (ending() || children_.contains(spec.name)) return;
        enter(spec);
        children_.at(spec.name).added = true;
    }

    /// Call it when everything that needs no time has happened.
    void check() {
        pass();
        if (ending() != real_.is_ending())
            fault(ending() ? "should end" : "should not end: " + real_.why());
        for (const auto& [name, c] : children_) {
            const supe::child* there = real_.find(name);
            if (!there) {
                if (!ending()) fault(name + " should be there");
                continue;
            }
            if (!ending() && c.given_up != (status(name) == supe::restarter::status::given_up))
                fault(name + (c.given_up ? " should be given up" : " should not be given up"));
            if (c.process == is_down(*there))
                fault(name + " has " + (c.process ? "no process" : "a process"));
        }
        for (const supe::child* c : real_.children()) {
            if (!children_.contains(c->spec().name) && !ending())
                fault(c->spec().name + " should be gone");
        }
    }
    /// After a long time without faults: exactly the wanted children run.
    void check_rest() {
        check();
        if (ending()) return;
        for (const auto& [name, c] : children_) {
            if (c.wanted() != c.ready)
                fault(fmt::format("{} is {}", name, c.ready ? "up" : "down"));
        }
    }

private:
    using status_kind = supe::restarter::status;

    void enter(const supe::child_spec& spec) {
        for (unsigned i = 1; i <= spec.instances; ++i) {
            supe::child_spec own = spec;
            if (spec.instances > 1) own.name = fmt::format("{}.{}", spec.name, i);
            children_[own.name] =
                model_child{.spec = own, .name = spec.name, .own = {spec.limit, {}}};
            order_.push_back(own.name);
        }
    }
    /// True when another instance of its name is not down for good.
    bool has_siblings(const model_child& c) const {
        for (const auto& [name, o] : children_) {
            if (o.name == c.name && name != c.spec.name && o.wanted()) return true;
        }
        return false;
    }
    void gone(const std::string& name) {
        children_.erase(name);
        std::erase(order_, name);
        doomed_.erase(name);
        next_try_.erase(name);
    }
    model_child* asked_about(const std::string& name) {
        pass();
        const auto found = children_.find(name);
        return found == children_.end() ? nullptr : &found->second;
    }
    status_kind status(const std::string& name) const { return real_.status_of(*real_.find(name)); }
    /// True when it has a process, or its start is under way.
    bool in_flight(const std::string& name) const {
        const auto s = status(name);
        if (s == status_kind::running || s == status_kind::stopping) return true;
        return s == status_kind::starting &&
               (real_.find(name)->pid() != 0 || !is_down(*real_.find(name)));
    }
    void hurry(model_child& c, const std::string& name) {
        c.not_before = now();
        group_.erase(name);  // after a command it waits for no other child
        if (!next_try_.empty() && trying_.contains(name)) next_try_at_ = now(), pass();
    }
    time_point now() const { return real_.time().now(); }
    void fault(const std::string& what) {
        faults_.push_back(fmt::format("{}: {}", address_.empty() ? "/" : address_, what));
    }

    /// When the next try of a group is due, the members that are still up are to be stopped.
    void pass() {
        if (next_try_.empty() || now() < next_try_at_) return;
        for (const std::string& name : next_try_) {
            if (children_.at(name).process && !children_.at(name).asked) doomed_.insert(name);
        }
        next_try_.clear();
    }

    void on_notice(const supe::published& n) {
        if (!n.name.starts_with("component-") || n.source.empty()) return;
        pass();
        const std::string what = n.name.substr(10);
        const auto found = children_.find(n.source);
        if (found == children_.end()) {
            if (what == "started") fault(n.source + " started, and is not there");
            return;
        }
        model_child& c = found->second;
        if (what == "started") on_started(c);
        if (what == "ready") c.ready = true, c.first = c.by_operator = false, c.up_since = now();
        if (what == "excessive-crash" && !c.given_up)
            fault(c.spec.name + " was given up too early");
        if (what == "crashed" || what == "start-failed" || what == "shutdown")
            on_end(c, what, n.message);
    }

    void on_started(model_child& c) {
        if (c.process) fault(c.spec.name + " started twice");
        if (!c.wanted() && !c.asked) fault(c.spec.name + " should not run");
        if (ending_ && now() > ended_at_) fault(c.spec.name + " started after the end began");
        if (now() < c.not_before) fault(c.spec.name + " started before its delay was over");
        c.process = true;
        c.ready = false;
        if (!group_.contains(c.spec.name)) return;
        // In its group all members that were to be stopped are down, and all before it are ready
        // again.
        for (const std::string& other : doomed_) {
            if (group_.contains(other))
                fault(
                    fmt::format("{} started while {} is still to be stopped", c.spec.name, other));
        }
        for (const std::string& earlier : order_) {
            if (earlier == c.spec.name) break;
            const model_child& e = children_.at(earlier);
            if (e.spec.instances > 1) continue;  // one instance is sufficient
            if (e.not_before > now() && group_at_ == now())
                continue;  // both starts were due, and the earlier one failed
            if (group_.contains(earlier) && e.wanted() && !e.ready && !e.asked)
                fault(fmt::format("{} started before {} was ready", c.spec.name, earlier));
        }
    }

    void on_end(model_child& c, const std::string& what, const std::string& message) {
        const std::string name = c.spec.name;
        const bool was_ready = std::exchange(c.ready, false);
        c.process = false;
        if (ending()) return ended_at_the_end(name, c.asked || doomed_.contains(name));
        if (std::exchange(c.asked, false)) {
            if (c.leaving || (c.held && c.spec.restart == supe::restart_type::temporary))
                gone(name);
            return;
        }
        if (doomed_.erase(name) > 0) return ended_in_its_turn(c);
        next_try_.erase(name);
        const bool clean = what == "shutdown";
        const bool ignored = clean && !was_ready && c.spec.restart != supe::restart_type::permanent;
        if (std::exchange(c.by_operator, false) && !was_ready && !ignored) {
            c.held = true;
            c.first = false;
            return;
        }
        if (c.first && !was_ready && !ignored) return first_start_failed(c);
        c.first = false;
        if (ignored) return finished(c);
        const bool again = c.spec.restart == supe::restart_type::permanent ||
                           (c.spec.restart == supe::restart_type::transient && !clean);
        if (!again) return not_restarted(c);
        count(c, was_ready, message);
    }

    /// `before`: it was being stopped before the end of the supervisor began.
    void ended_at_the_end(const std::string& name, bool before) {
        if (before || status(name) != status_kind::stopping) return;
        for (auto later = std::find(order_.begin(), order_.end(), name); later != order_.end();
             ++later) {
            if (*later != name && children_.at(*later).process &&
                status(*later) != status_kind::stopping)
                fault(fmt::format("{} was stopped before {}", name, *later));
        }
    }
    void ended_in_its_turn(model_child& c) {
        const std::string name = c.spec.name;
        // Otherwise it ended by itself.
        const bool was_stopped =
            status(name) == status_kind::stopping && !std::exchange(c.stopping_already, false);
        for (auto later = std::find(order_.begin(), order_.end(), name);
             was_stopped && later != order_.end(); ++later) {
            if (doomed_.contains(*later) && children_.at(*later).process)
                fault(fmt::format("{} was stopped before {}", name, *later));
        }
        if (c.spec.restart == supe::restart_type::temporary) gone(name);
    }
    void end() {
        ending_ = true;
        ended_at_ = now();
    }
    void first_start_failed(model_child& c) {
        if (c.added) return gone(c.spec.name);
        end();
    }
    void finished(model_child& c) {
        c.done = true;
        if (c.spec.restart == supe::restart_type::temporary) gone(c.spec.name);
    }
    void not_restarted(model_child& c) {
        const bool significant = c.spec.significant;
        finished(c);
        if (significant) significant_ended();
    }
    void significant_ended() {
        if (spec_.auto_shutdown == supe::auto_shutdown_kind::never) return;
        bool others = false;
        for (const auto& [name, o] : children_)
            others = others || (o.spec.significant && (o.wanted() || o.process));
        if (spec_.auto_shutdown == supe::auto_shutdown_kind::any_significant || !others) end();
    }
    void count(model_child& c, bool was_ready, const std::string&) {
        const bool own = !c.nested() && c.own.passed_by(now());
        if (all_.passed_by(now())) return end();
        if (own) c.given_up = true;
        if (own && !has_siblings(c) && c.spec.on_excessive == supe::on_excessive_kind::escalate)
            end();
        else if (own && c.spec.significant)
            significant_ended();
        if (own) return;
        c.back_off(now(), was_ready ? now() - c.up_since : duration{});
        const std::string name = c.spec.name;
        std::set<std::string> group;
        bool from_here = spec_.strategy == supe::strategy_kind::one_for_all;
        for (const std::string& member : order_) {
            if (member == name) from_here = true;
            model_child& m = children_.at(member);
            const bool sibling = m.name == c.name && member != name &&
                                 spec_.strategy != supe::strategy_kind::one_for_all;
            if (!from_here || sibling) continue;
            if (spec_.strategy != supe::strategy_kind::one_for_one) m.done = false;
            if (m.wanted() || m.process) group.insert(member);
        }
        if (spec_.strategy == supe::strategy_kind::one_for_one) return;
        const std::set<std::string> to_stop_already = doomed_;
        for (const std::string& member : group) doomed_.erase(member), next_try_.erase(member);
        group_ = group;
        group_at_ = now();
        for (const std::string& member : group) {
            model_child& m = children_.at(member);
            if (!m.process || m.asked) continue;
            m.stopping_already = status(member) == status_kind::stopping;
            const bool now_already =
                was_ready || m.stopping_already || to_stop_already.contains(member);
            (now_already ? doomed_ : next_try_).insert(member);
        }
        if (!was_ready) {
            next_try_at_ = c.not_before;
            trying_ = group;
        }
    }

private:
    supe::supervisor& real_;
    const supe::supervisor_spec spec_;
    std::string address_;
    std::vector<std::string>& faults_;
    std::map<std::string, model_child> children_;
    std::vector<std::string> order_;
    window all_;
    bool ending_ = false;
    time_point ended_at_{};
    std::set<std::string> group_;  // of the last group restart
    time_point group_at_{};
    std::set<std::string>
        doomed_;  // to be stopped in the group restart, in their turn: such an end counts nowhere
    std::set<std::string> trying_;    // the group that waits for its next try
    std::set<std::string> next_try_;  // up, and to be stopped by the next try
    time_point next_try_at_{};
    std::uint64_t listener_ = 0;
};

}  // namespace simulation_tests
