// What a benchmark is, and the table its figures go into. A new one: a source in tests/bench/ with
// a `benchmark` in it.
//
//     void measure(bench::table& figures) {
//         const auto times = bench::in_turn(51, {[] { return ours(); }, [] { return floor(); }});
//         figures.add({"what it is", "ms", {"ours", times[0]}, {"the floor", times[1]}});
//     }
//     const bench::benchmark registered("name", measure);
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace bench {

struct contestant {
    std::string name;
    double value = 0;
};

/// One figure of ours beside one of a floor or a peer, both from this run: figures of different
/// runs compare nothing.
struct figure {
    std::string what;
    std::string unit;
    contestant ours;
    contestant other;  ///< floor or peer
};

class table {
public:
    /// Prints the row at once: a benchmark may take long.
    void add(const figure&);

private:
    bool begun_ = false;
};

/// Registers itself; `./run bench NAME` runs those whose name contains NAME.
struct benchmark {
    benchmark(std::string name, std::function<void(table&)> measure);
};

/// Runs each of `ways` once a round, in turn, so that a slow minute hits all alike. Each returns
/// its figure. The first round warms up and does not count. Gives the medians.
std::vector<double> in_turn(int rounds, const std::vector<std::function<double()>>& ways);

/// Of at least one value.
double median(std::vector<double> values);

/// What go_on() throws. No std::exception: nobody takes it for a failure and goes on.
struct interrupted {};

/// Throws `interrupted` once SIGINT, SIGTERM, SIGHUP or SIGPIPE came, so that what a benchmark
/// started ends with its owners, and its files go. Whatever waits asks it now and then: a wait is
/// cut short by the signal (EINTR). A second one ends us.
void go_on();

/// Asks every 10 ms until it is so. Throws std::runtime_error(`otherwise`) after so many seconds.
void wait_until(const std::function<bool()>& so, const std::string& otherwise, int seconds = 30);

/// Milliseconds that `work` takes.
template <class F>
double milliseconds_of(F work) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
        .count();
}

}  // namespace bench
