// The instances of a child: how many they are, and the sockets that they share.
#include "supe/supervision/administration.hpp"

#include <ranges>

namespace supe {

/// False when the supervisor ends meanwhile.
awaitable<bool> administration::remove_instances_beyond(std::string name, unsigned n) {
    for (std::size_t removed = 1;; ++removed) {
        const child_group* const group = children_.find_group(name);
        if (!group || group->numbers.size() <= n) co_return true;
        const int number = group->numbers.rbegin()->second;
        const std::string last = children_.at(number).who.spec().name;
        co_await remove_now(last);
        if (children_.has(number)) co_return false;
        co_await pause_after(removed);
    }
}

awaitable<std::string> administration::scale_now(std::string name, unsigned n) {
    std::string problem = refusal_of_scale(name, n);
    if (!problem.empty()) co_return problem;
    if (child_entry* const alone = children_.find(name); alone && n > 1) {
        const child_group& group = children_.make_group(*alone);
        restarts_.set_group(alone->who.number(), group.id);
    }
    const bool removed = co_await remove_instances_beyond(name, n);
    if (!removed) co_return ending_text(name);
    for (unsigned i = 1; i <= n && problem.empty(); ++i) {
        child_group* const group = children_.find_group(name);
        if (!group) break;  // a child without instances that stays one, or removed
        if (group->numbers.contains(i)) continue;
        if (group->numbers.size() >= n) break;
        const auto next = group->numbers.upper_bound(i);
        const int before = next == group->numbers.begin() ? group->numbers.rbegin()->second
                                                          : std::prev(next)->second;
        auto where = restarter::position::behind(before);
        where.group = group->id;
        const int number = children_.add_instance(*group, i).who.number();
        problem = co_await first_start(number, where);
        co_await pause_after(i);
    }
    co_return problem;
}

/// Programs that remove the file of their socket at their end take it from the instances that were
/// restarted before them: all end before the first one starts. A temporary one would leave the
/// tree.
awaitable<std::string> administration::share_sockets(std::string name, failed_start then) {
    std::vector<int> up;
    bool is_needed = false;
    for (const child_entry* const one : children_.members(name)) {
        const int number = one->who.number();
        is_needed = is_needed || one->has_old_sockets();
        if (one->who.spec().restart != restart_type::temporary &&
            restarts_.status_of(number) == restarter::status::running)
            up.push_back(number);
    }
    if (!is_needed || up.size() < 2) co_return std::string();
    for (const int number : up | std::views::reverse)
        supervisor_.perform(restarts_.stop(number, time_.now()));
    for (const int number : up) co_await wait_while_stopping(number);
    if (is_ending()) co_return ending_text(name);
    std::vector<attempt> tries;
    for (const int number : up) {
        const child_entry* const entry = children_.find(number);
        if (!entry) continue;
        tries.push_back(attempt_at(*entry, wanted::new_life));
        supervisor_.perform(restarts_.start(number, time_.now(), then));
    }
    std::string problem;
    for (const attempt& one : tries) {
        const std::string own = co_await came_up(one);
        if (problem.empty()) problem = own;
    }
    co_return problem;
}

}  // namespace supe
