// What the order of starts costs in a large supervisor: deciding alone, without processes. A rule
// that looks at all children at each start would cost ten times as much for each of ten times as
// many.
#include "supe/supervision/restarter.hpp"
#include "tests/bench/bench.hpp"

#include <list>
#include <stdexcept>

namespace {

/// Microseconds for each of `children` that start one after the other.
double of_each(int children) {
    std::list<supe::child_spec> specs;
    supe::restarter rules({}, [] { return 0.5; }, [](int) { return false; });
    const supe::time_point now{};
    for (int id = 0; id < children; ++id) rules.add(id, specs.emplace_back(), now);
    const double ms = bench::milliseconds_of([&] {
        auto actions = rules.boot(now);
        for (int id = 0; id < children; ++id) {
            if (actions.empty() || actions.front().child != id)
                throw std::runtime_error("the order of starts is not the order of the tree");
            actions = rules.ready(id, now);
        }
    });
    return 1000 * ms / children;
}

void measure(bench::table& figures) {
    const auto times =
        bench::in_turn(11, {[] { return of_each(10000); }, [] { return of_each(1000); }});
    figures.add({"order of start, for each child",
                 "us",
                 {"10,000 children", times[0]},
                 {"1,000 children", times[1]}});
}

const bench::benchmark registered("order", measure);

}  // namespace
