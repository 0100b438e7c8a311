// A new tree file for a running supervisor: what differs is done, the rest is not touched.
#include "supe/supervision/supervisor.hpp"
#include "supe/supervision/tree_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace supe {
namespace {

using specs = std::vector<child_spec>;

const child_spec* find_spec(const specs& all, const std::string& name) {
    const auto found = std::ranges::find(all, name, &child_spec::name);
    return found == all.end() ? nullptr : &*found;
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

/// Its process would not be another one: all that differs is policy, or the tree of a nested supervisor.
bool same_process(const child_spec& a, child_spec b) {
    copy_policy(a, b);
    if (a.supervisor && b.supervisor) b.supervisor = a.supervisor;
    return same(a, b);
}

bool same_sockets(const child_spec& a, const child_spec& b) {
    return a.listen == b.listen && (a.listen.empty() || a.directory == b.directory);
}

}  // namespace

awaitable<std::string> supervisor::reload(supervisor_spec tree) {
    tree.name = spec_.name;
    const specs before = std::exchange(spec_, std::move(tree)).children;
    const specs now = spec_.children;
    restarter_.change(spec_);
    std::string problems;
    const auto note = [&problems](const std::string& problem) {
        if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + problem;
    };
    for (const child_spec& old : before | std::views::reverse) {
        if (find_spec(now, old.name) || members(old.name).empty()) continue;
        const std::string problem = co_await remove_child(old.name);
        note(problem);
    }
    int behind = restarter::front;
    for (const child_spec& spec : now) {
        const child_spec* old = find_spec(before, spec.name);
        if (!old || !same(*old, spec)) {
            const std::string problem = co_await reload_child(spec, behind);
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

awaitable<std::string> supervisor::reload_child(child_spec spec, int behind) {
    child* c = find(spec.name);
    const bool another_kind = c && c->is_supervisor() != (spec.supervisor != nullptr);
    if (another_kind) co_await remove_child(spec.name);
    if (another_kind || !c) {
        const std::string problem = co_await add_behind(std::move(spec), behind);
        co_return problem;
    }
    const child_spec old = c->spec();
    const int number = c->number();
    const std::string name = spec.name;
    const auto state = status_of(*c);
    const bool down = state == restarter::status::stopped || state == restarter::status::given_up;
    const bool new_tree = spec.supervisor && !(to_json(*old.supervisor) == to_json(*spec.supervisor));
    const supervisor_spec below = spec.supervisor ? *spec.supervisor : supervisor_spec();
    const bool other_sockets = !same_sockets(old, spec);
    const bool other_process = !same_process(old, as_child(spec));
    std::string problem;
    if (other_sockets) {  // the old ones must be free before the new ones are opened: addresses may be the same
        co_await stop_child(name);
        if (!places_.contains(number)) co_return fmt::format("{} left the tree", name);
        place& p = places_.at(number);
        p.sockets = {};
        try {
            p.sockets = sockets_for(spec);
        } catch (const listen_error& e) {
            problem = fmt::format("{}; it is stopped", e.what());
        }
    }
    place& p = places_.at(number);
    p.who.change(as_child(std::move(spec)));
    restarter_.change(number);
    if (!problem.empty() || down) co_return problem;
    if (other_sockets) problem = co_await start_child(name);
    if (!other_sockets && other_process) problem = co_await restart_child(name);
    if (!other_process && new_tree) problem = co_await reload_below(name, below);
    co_return problem;
}

awaitable<std::string> supervisor::reload_below(std::string nested, supervisor_spec tree) {
    boost::json::object request{{"do", "reload"}, {"address", fmt::format("{}/{}", address_, nested)}, {"tree", to_json(tree)}};
    const boost::json::value answer = co_await ask_below(nested, std::move(request));
    if (answer.is_null()) co_return std::string();  // it is down: it begins with the new tree
    const auto* error = answer.is_object() ? answer.get_object().if_contains("error") : nullptr;
    co_return error && error->is_string() ? std::string(error->get_string()) : std::string();
}

}  // namespace supe
