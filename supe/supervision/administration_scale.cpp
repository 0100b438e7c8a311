// The number of instances of a child.
#include "supe/supervision/administration.hpp"

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

}  // namespace supe
