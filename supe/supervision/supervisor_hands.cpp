// What is asked of a supervisor by hand: start, stop, restart, add, remove.
#include "supe/supervision/supervisor.hpp"

#include <fmt/format.h>
#include <ranges>

namespace supe {
namespace {

std::string no_such(std::string_view name) { return fmt::format("no such child: {}", name); }

}  // namespace

supervisor::attempt supervisor::attempt_at(const child& c, bool new_life) const {
    const place& p = places_.at(c.number());
    return {c.number(), c.address(), new_life ? c.mail().life : 0, p.failures};
}

/// Waits until the child is up, or an end that nobody asked for shows that this try failed.
awaitable<std::string> supervisor::came_up(attempt tried) {
    using status = restarter::status;
    for (;; co_await changed_.wait()) {
        if (over_ || restarter_.is_ending())
            co_return fmt::format("{}: its supervisor is ending", tried.address);
        const auto found = places_.find(tried.number);
        if (found == places_.end()) co_return fmt::format("{} left the tree", tried.address);
        const place& p = found->second;
        const status s = restarter_.status_of(tried.number);
        if (s == status::idle || (s == status::running && p.who.mail().life > tried.life))
            co_return std::string();
        if (p.failures != tried.failures)
            co_return fmt::format("{} did not come up: {}", tried.address, p.deaths.back().text);
        if (s == status::stopped || s == status::given_up)
            co_return fmt::format("{} was stopped meanwhile", tried.address);
    }
}

awaitable<std::string> supervisor::start_child(std::string name) {
    std::vector<attempt> tries;
    for (const child* c : members(name)) tries.push_back(attempt_at(*c, false));
    if (tries.empty()) co_return no_such(name);
    for (const attempt& a : tries) {
        if (places_.contains(a.number)) perform(restarter_.start(a.number, env_.time.now()));
    }
    std::string problem;
    for (const attempt& a : tries) {
        const std::string own = co_await came_up(a);
        if (problem.empty()) problem = own;
    }
    co_return problem;
}

awaitable<std::string> supervisor::restart_child(std::string name) {
    std::vector<attempt> tries;
    for (const child* c : members(name)) tries.push_back(attempt_at(*c, true));
    if (tries.empty()) co_return no_such(name);
    std::string problem;
    for (const attempt& a :
         tries) {  // one after the other: of several instances never more than one is down by this
        if (!places_.contains(a.number)) continue;
        perform(restarter_.restart(a.number, env_.time.now()));
        const std::string own = co_await came_up(a);
        if (problem.empty()) problem = own;
    }
    co_return problem;
}

awaitable<std::string> supervisor::stop_child(std::string name) {
    std::vector<int> numbers;
    for (child* c : members(name)) numbers.push_back(c->number());
    if (numbers.empty()) co_return no_such(name);
    for (const int number : numbers | std::views::reverse) {
        const auto found = places_.find(number);
        if (found == places_.end()) continue;
        child& c = found->second.who;
        if (c.state().current() == lifecycle::state::stopping)
            c.stop();  // told twice: `infinity` gets its signal
        perform(restarter_.stop(number, env_.time.now()));
    }
    for (const int number : numbers) {
        while (!over_ && restarter_.has(number) &&
               restarter_.status_of(number) == restarter::status::stopping)
            co_await changed_.wait();
    }
    co_return std::string();
}

awaitable<std::string> supervisor::add_child(child_spec spec) {
    std::string problem = co_await add_behind(std::move(spec), restarter::none);
    co_return problem;
}

/// Why it cannot be added; empty: it can.
std::string supervisor::refusal_of(const child_spec& spec) const {
    if (restarter_.is_ending()) return fmt::format("{}: its supervisor is ending", spec.name);
    if (!members(spec.name).empty())
        return fmt::format("the name \"{}\" is taken by an earlier child", spec.name);
    if (spec.significant && spec_.auto_shutdown == auto_shutdown_kind::never)
        return fmt::format("{}: significant has no meaning while auto_shutdown is never",
                           spec.name);
    return {};
}

awaitable<std::string> supervisor::add_behind(child_spec spec, int behind) {
    std::string problem = refusal_of(spec);
    if (!problem.empty()) co_return problem;
    std::shared_ptr<listening_sockets_of_child> sockets;
    try {
        sockets = sockets_for(spec);
    } catch (const listen_error& e) {
        problem = e.what();
    }
    if (!problem.empty()) co_return problem;
    if (spec.instances > 1) {
        problem = co_await add_instances(std::move(spec), std::move(sockets), behind);
        co_return problem;
    }
    place& p = create(std::move(spec));
    p.sockets = std::move(sockets);
    const restarter::position where{behind, restarter::none};
    problem = co_await first_start(p.who.number(), where);
    co_return problem;
}

awaitable<std::string> supervisor::first_start(int number, restarter::position where) {
    place& p = places_.at(number);
    p.who.begin(p.tasks);
    publish_about(p.who.spec().name, "created");
    const attempt a = attempt_at(p.who, false);
    const adding note(*this, number);
    perform(restarter_.add(number, p.who.spec(), env_.time.now(), where));
    const std::string problem = co_await came_up(a);
    // Gone again with its first start (OTP start_child): it says why itself.
    co_return note.refusal().empty()
        ? problem
        : fmt::format("{} could not be started: {}", a.address, note.refusal());
}

awaitable<std::string> supervisor::remove_child(std::string name) {
    std::vector<int> numbers;
    for (child* c : members(name)) numbers.push_back(c->number());
    if (numbers.empty()) co_return no_such(name);
    for (const int number : numbers | std::views::reverse) {
        if (restarter_.has(number)) perform(restarter_.remove(number, env_.time.now()));
        while (!over_ && restarter_.has(number)) co_await changed_.wait();
    }
    co_return std::string();
}

}  // namespace supe
