// A new tree file for a running supervisor: what differs is done, the rest is not touched.
#include "supe/supervision/supervisor.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <ranges>

namespace supe {
namespace {

template <class Named>
const Named* find_named(const std::vector<Named>& all, const std::string& name) {
    const auto found = std::ranges::find(all, name, &Named::name);
    return found == all.end() ? nullptr : &*found;
}

std::string text_of(const child_spec& spec) { return boost::json::serialize(to_json(spec)); }

/// A config whose keys stand in another order is the same.
bool same(const std::string& a, const std::string& b) {
    return a == b || boost::json::parse(a) == boost::json::parse(b);
}

bool same(const child_spec& a, const child_spec& b) { return to_json(a) == to_json(b); }

/// What only its supervisor acts on: it holds from now on, without a new process.
void copy_policy(const child_spec& from, child_spec& to) {
    to.restart = from.restart;
    to.significant = from.significant;
    to.limit = from.limit;
    to.on_excessive = from.on_excessive;
    to.backoff = from.backoff;
    to.clean_exits = from.clean_exits;
}

/// Its process would not be another one: all that differs is policy, or the tree of a nested
/// supervisor. An instance has a name of its own.
bool same_process(const child_spec& a, child_spec b) {
    copy_policy(a, b);
    b.name = a.name;
    b.instances = a.instances;
    if (a.supervisor && b.supervisor) b.supervisor = a.supervisor;
    return same(a, b);
}

bool same_sockets(const child_spec& a, const child_spec& b) {
    return a.listen == b.listen && (a.listen.empty() || a.directory == b.directory);
}

}  // namespace

std::vector<supervisor::written_child> supervisor::written(
    const std::vector<child_spec>& children) {
    std::vector<written_child> all;
    all.reserve(children.size());
    for (const child_spec& c : children) {
        all.push_back({c.name, text_of(c), c.instances});
        all.back().spec.shrink_to_fit();  // kept for a long time
    }
    return all;
}

awaitable<std::string> supervisor::reload(supervisor_spec tree) {
    const std::vector<child_spec> now = std::exchange(tree.children, {});
    const std::vector<written_child> before = std::exchange(written_, written(now));
    std::string problems;
    const auto note = [&problems](const std::string& problem) {
        if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + problem;
    };
    if (std::exchange(tree.name, spec_.name) != tree.name)
        note(fmt::format("the name stays {} until the tree is started again", tree.name));
    if (tree.journal != spec_.journal) note("mail.journal holds from the next start on");
    spec_ = std::move(tree);
    restarter_.change(spec_);
    for (const written_child& old : before | std::views::reverse) {
        if (find_named(now, old.name) || members(old.name).empty()) continue;
        const std::string problem = co_await remove_child(old.name);
        note(problem);
    }
    int behind = restarter::front;
    for (const child_spec& spec : now) {
        const written_child* old = find_named(before, spec.name);
        if (!old || !same(old->spec, text_of(spec))) {
            const unsigned instances_before = old ? old->instances : 0;
            const std::string problem = co_await reload_child(spec, instances_before, behind);
            note(problem);
        }
        const auto here = members(spec.name);
        if (!here.empty()) behind = here.back()->number();
    }
    std::vector<int> order;
    for (const child_spec& spec : now) {
        for (const child* c : members(spec.name)) order.push_back(c->number());
    }
    restarter_.order(order);
    co_return problems;
}

awaitable<std::string> supervisor::reload_child(child_spec spec, unsigned instances_before,
                                                int behind) {
    const std::string name = spec.name;
    const auto here = members(name);
    const bool another_kind =
        !here.empty() && here.front()->is_supervisor() != (spec.supervisor != nullptr);
    std::vector<int> numbers;
    for (const child* c : here) numbers.push_back(c->number());
    std::string problem;
    if (another_kind) co_await remove_child(name);
    if (another_kind || here.empty()) {
        problem = co_await add_behind(std::move(spec), behind);
        co_return problem;
    }
    const unsigned instances = spec.instances;
    if (const auto g = groups_.find(name); g != groups_.end()) g->second.spec = spec;
    if (!same_sockets(here.front()->spec(), spec)) {
        problem = co_await reopen_sockets(std::move(spec));
    } else {
        for (const int number : numbers) {
            const std::string own = co_await reload_one(number, spec);
            if (problem.empty()) problem = own;
        }
    }
    if (problem.empty() && instances != instances_before && !members(name).empty())
        problem = co_await scale(name, instances);
    co_return problem;
}

/// What its supervisor keeps of a child's spec, all at once.
void supervisor::change(place& p, const child_spec& spec) {
    child_spec own = as_child(spec);
    own.name = p.who.spec().name;
    p.who.change(std::move(own));
    restarter_.change(p.who.number());
}

awaitable<std::string> supervisor::reload_one(int number, child_spec spec) {
    const auto found = places_.find(number);
    if (found == places_.end()) co_return std::string();
    place& p = found->second;
    const child_spec old = p.who.spec();
    const auto state = status_of(p.who);
    const bool down = state == restarter::status::stopped || state == restarter::status::given_up;
    const bool other_process = !same_process(old, as_child(spec));
    const bool other_tree =
        spec.supervisor && !(to_json(*old.supervisor) == to_json(*spec.supervisor));
    change(p, spec);
    std::string problem;
    if (down) co_return problem;
    if (other_process) {
        problem = co_await restart_child(old.name);
    } else if (other_tree) {
        problem = co_await reload_below(old.name, *spec.supervisor);
    }
    co_return problem;
}

/// The old ones must be free before the new ones are opened: addresses may be the same. What cannot
/// have its sockets stays down.
awaitable<std::string> supervisor::reopen_sockets(child_spec spec) {
    using status = restarter::status;
    std::vector<std::string> were_up;
    for (const child* c : members(spec.name)) {
        if (status_of(*c) != status::stopped && status_of(*c) != status::given_up)
            were_up.push_back(c->spec().name);
    }
    co_await stop_child(spec.name);
    for (const child* c : members(spec.name)) place_of(*c).sockets.reset();
    std::shared_ptr<listening_sockets_of_child> sockets;
    std::string problem;
    try {
        sockets = sockets_for(spec);
    } catch (const listen_error& e) {
        problem = fmt::format("{}; it is stopped", e.what());
    }
    for (const child* c : members(spec.name)) {
        place_of(*c).sockets = sockets;
        change(place_of(*c), spec);
    }
    if (!problem.empty()) co_return problem;
    for (const std::string& name : were_up) {
        const std::string own = co_await start_child(name);
        if (problem.empty()) problem = own;
    }
    co_return problem;
}

awaitable<std::string> supervisor::reload_below(std::string nested, supervisor_spec tree) {
    boost::json::object request{{"do", "reload"},
                                {"address", fmt::format("{}/{}", address_, nested)},
                                {"tree", to_json(tree)}};
    const boost::json::value answer = co_await ask_below(nested, std::move(request));
    if (answer.is_null()) co_return std::string();  // it is down: it begins with the new tree
    const auto* error = answer.is_object() ? answer.get_object().if_contains("error") : nullptr;
    co_return error && error->is_string() ? std::string(error->get_string()) : std::string();
}

}  // namespace supe
