// A test bench for restarter: children by name, actions as text.
#pragma once

#include "supe/supervision/restarter.hpp"

#include <fmt/format.h>
#include <list>
#include <map>
#include <ostream>
#include <set>
#include <string>

namespace restarter_bench {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;
using supe::milliseconds;
using rules = supe::restarter;
using status = rules::status;

inline supe::child_spec spec_of(const std::string& name,
                                supe::restart_type restart = supe::restart_type::permanent) {
    supe::child_spec c;
    c.name = name;
    c.restart = restart;
    c.limit = {100, 60s};
    c.backoff.edit().jitter = 0;
    c.backoff.edit().first = 0ms;
    return c;
}

inline supe::supervisor_spec tree_of(supe::strategy_kind strategy,
                                     std::vector<supe::child_spec> children) {
    supe::supervisor_spec s;
    s.strategy = strategy;
    s.limit = {100, 60s};
    s.children = std::move(children);
    return s;
}

/// A restarter with children by name and actions as text: `start a`, `restart a`, `restart a +100`
/// (after 100 ms), `stop a`, `stopped a`, `give_up a`, `remove a`, `booted`, `shut_down` (`badly`),
/// `finished`, `failed`.
struct bench {
    bench(const bench&) = delete;
    explicit bench(supe::supervisor_spec s)
        : spec(std::move(s)),
          r(spec, [] { return 0.5; }, [this](int id) { return mail.contains(names[id]); }) {
        for (const supe::child_spec& c : spec.children) r.add(enter(c.name), c, now);
    }

    int enter(const std::string& name) {
        const int id = static_cast<int>(names.size());
        names[id] = name;
        ids[name] = id;
        return id;
    }

    std::string add(supe::child_spec c, rules::position where = {}) {
        added.push_back(std::move(c));
        const int id = enter(added.back().name);
        return text(r.add(id, added.back(), now, where));
    }

    std::string text(const rules::actions& actions) {
        std::string all;
        for (const rules::action& a : actions) all += (all.empty() ? "" : ", ") + text(a);
        return all;
    }

    std::string text(const rules::action& a) {
        using kind = rules::kind;
        const std::string name = a.child ? names.at(*a.child) : "";
        switch (a.what) {
            case kind::start:
                return (a.restart ? "restart " : "start ") + name +
                       (a.delay > 0ms ? fmt::format(" +{}", a.delay.count()) : "");
            case kind::stop: return "stop " + name;
            case kind::stopped: return "stopped " + name;
            case kind::give_up: return (a.whole ? "give_up " : "give_up instance ") + name;
            case kind::remove: return "remove " + name;
            case kind::booted: return "booted";
            case kind::shut_down: return a.clean ? "shut_down" : "shut_down badly";
            case kind::finished: return "finished";
            case kind::failed: return "failed";
        }
        return "?";
    }

    std::string boot() { return text(r.boot(now)); }
    std::string ready(const std::string& n) { return text(r.ready(ids[n], now)); }
    std::string crash(const std::string& n) {
        return text(r.ended(ids[n], {.text = "exit code 1"}, now));
    }
    std::string exit(const std::string& n) {
        return text(r.ended(ids[n], {.clean = true, .text = "exit code 0"}, now));
    }
    std::string fail(const std::string& n) {
        return text(r.ended(ids[n], {.start_failed = true, .text = "No such file"}, now));
    }
    /// The child ended as a stop requested.
    std::string stopped(const std::string& n) {
        return text(r.ended(ids[n], {.clean = true, .asked_for = true, .text = "SIGTERM"}, now));
    }
    std::string pass(milliseconds d) {
        now += d;
        return text(r.tick(now));
    }
    status of(const std::string& n) { return r.status_of(ids[n]); }
    milliseconds left() { return std::chrono::duration_cast<milliseconds>(r.deadline() - now); }

    /// Boots, and reports each child as ready.
    void up() {
        boot();
        for (const auto& [id, name] : names) ready(name);
    }

    supe::supervisor_spec spec;
    std::list<supe::child_spec> added;
    supe::time_point now = supe::time_point{} + 1h;
    std::map<int, std::string> names;
    std::map<std::string, int> ids;
    std::set<std::string> mail;  // children for which mail waits
    rules r;
};

inline constexpr auto one_for_one = supe::strategy_kind::one_for_one;
inline constexpr auto one_for_all = supe::strategy_kind::one_for_all;
inline constexpr auto rest_for_one = supe::strategy_kind::rest_for_one;
inline constexpr auto transient = supe::restart_type::transient;
inline constexpr auto temporary = supe::restart_type::temporary;

inline supe::supervisor_spec three(supe::strategy_kind strategy) {
    return tree_of(strategy, {spec_of("a"), spec_of("b"), spec_of("c")});
}

}  // namespace restarter_bench

namespace supe {
inline std::ostream& operator<<(std::ostream& out, restarter::status s) {
    return out << name_of(s);
}
}  // namespace supe
