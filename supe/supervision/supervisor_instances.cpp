// Children with instances: one name, one mailbox, several processes that take from it (contract §5
// `instances`).
#include "supe/supervision/supervisor.hpp"

#include <fmt/format.h>
#include <ranges>

namespace supe {
namespace {

constexpr unsigned most_instances = 10000;

std::string name_of_instance(const std::string& name, unsigned instance) {
    return fmt::format("{}.{}", name, instance);
}

}  // namespace

supervisor::group& supervisor::create_group(const child_spec& spec) {
    group& g = groups_[spec.name];
    g.id = ++last_group_;
    g.spec = spec;
    return g;
}

supervisor::place& supervisor::create_instance(group& g, unsigned instance) {
    child_spec spec = g.spec;
    spec.name = name_of_instance(g.spec.name, instance);
    std::shared_ptr<mailbox> shared;
    std::shared_ptr<listening_sockets_of_child> sockets;
    if (g.numbers.empty()) {
        shared = std::make_shared<mailbox>(spec.mail.mailbox());
    } else {
        const place& sibling = places_.at(g.numbers.begin()->second);
        shared = sibling.who.mail().shared;
        sockets = sibling.sockets;
    }
    mail_endpoint stop(++last_number_, spec.name, g.spec.name, std::move(shared), instance - 1);
    place& p = put(std::move(spec), std::move(stop));
    p.sockets = std::move(sockets);
    p.group = g.spec.name;
    p.instance = instance;
    g.numbers[instance] = p.who.number();
    return p;
}

/// The one that runs becomes the first of several. Its process goes on, and does not notice.
supervisor::group& supervisor::make_group(place& alone) {
    const std::string name = alone.who.spec().name;
    group& g = create_group(alone.who.spec());
    const std::string first = name_of_instance(name, 1);
    const int number = alone.who.number();
    numbers_.erase(name);
    numbers_[first] = number;
    alone.who.rename(first, fmt::format("{}/{}", address_, first));
    alone.group = name;
    alone.instance = 1;
    g.numbers[1] = number;
    restarter_.set_group(number, g.id);
    return g;
}

std::vector<child*> supervisor::members(std::string_view name) const {
    if (child* c = find(name)) return {c};
    std::vector<child*> all;
    const auto g = groups_.find(name);
    if (g == groups_.end()) return all;
    for (const auto& [instance, number] : g->second.numbers)
        all.push_back(&const_cast<place&>(places_.at(number)).who);
    return all;
}

/// All of them or none.
awaitable<std::string> supervisor::add_instances(
    child_spec spec, std::shared_ptr<listening_sockets_of_child> sockets, int behind) {
    const std::string name = spec.name;
    const unsigned wanted = spec.instances;
    create_group(spec);
    std::string problem;
    for (unsigned i = 1; i <= wanted && problem.empty(); ++i) {
        const auto g = groups_.find(name);
        if (g == groups_.end()) co_return fmt::format("{} left the tree", name);
        place& p = create_instance(g->second, i);
        p.sockets = sockets;
        const restarter::position where{behind, g->second.id};
        behind = p.who.number();
        problem = co_await first_start(p.who.number(), where);
    }
    if (!problem.empty() && !members(name).empty()) co_await remove_child(name);
    co_return problem;
}

awaitable<std::string> supervisor::scale(std::string name, unsigned n) {
    if (n < 1 || n > most_instances)
        co_return fmt::format("{} is not a number of instances from 1 to {}", n, most_instances);
    if (restarter_.is_ending()) co_return fmt::format("{}: its supervisor is ending", name);
    if (child* alone = find(name)) {
        const place& p = place_of(*alone);
        if (p.instance) co_return fmt::format("{} is an instance of {}; scale that", name, p.group);
        if (alone->is_supervisor())
            co_return fmt::format("{} is a supervisor, and has no instances", name);
        if (n > 1) make_group(place_of(*alone));
    } else if (!groups_.contains(name)) {
        co_return fmt::format("no such child: {}", name);
    }
    for (;;) {
        const auto g = groups_.find(name);
        if (g == groups_.end() || g->second.numbers.size() <= n) break;
        const std::string last = name_of_instance(name, g->second.numbers.rbegin()->first);
        co_await remove_child(last);
        if (find(last)) co_return fmt::format("{}: its supervisor is ending", name);
    }
    std::string problem;
    for (unsigned i = 1; i <= n && problem.empty(); ++i) {
        const auto found = groups_.find(name);
        if (found == groups_.end()) break;  // alone, and it stays so; or gone
        group& g = found->second;
        if (g.numbers.contains(i)) continue;
        if (g.numbers.size() >= n) break;
        const auto next = g.numbers.upper_bound(i);
        const int behind =
            next == g.numbers.begin() ? g.numbers.rbegin()->second : std::prev(next)->second;
        const restarter::position where{behind, g.id};
        problem = co_await first_start(create_instance(g, i).who.number(), where);
    }
    co_return problem;
}

}  // namespace supe
