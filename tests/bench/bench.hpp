// A benchmark, and the table of its figures. A new benchmark is a source in tests/bench/ with a
// `benchmark` in it.
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

/// A figure of ours beside that of a floor or a peer, both of this run: figures of different runs
/// cannot be compared.
struct figure {
    std::string what;
    std::string unit;
    contestant ours;
    contestant other;  ///< floor or peer
};

class table {
public:
    /// Prints the row at once, because a benchmark may take long.
    void add(const figure&);

private:
    bool begun_ = false;
};

/// Registers itself; `./run bench NAME` runs those whose name contains NAME.
struct benchmark {
    benchmark(std::string name, std::function<void(table&)> measure);
};

/// Runs each of `ways` once a round, in turn, so that a slow minute affects all alike. Each returns
/// its figure. The first round is a warm-up and does not count. Returns the medians.
std::vector<double> in_turn(int rounds, const std::vector<std::function<double()>>& ways);

/// Precondition: at least one value.
double median(std::vector<double> values);

/// What go_on() throws. It is no std::exception, so that it is not handled as a failure.
struct interrupted {};

/// Throws `interrupted` after SIGINT, SIGTERM, SIGHUP or SIGPIPE, so that destructors end what a
/// benchmark started, and remove its files. Every wait calls it: the signal interrupts the wait
/// (EINTR). A second signal ends us.
void go_on();

/// Checks every 10 ms until `so` is true. Throws std::runtime_error(`otherwise`) after `seconds`.
void wait_until(const std::function<bool()>& so, const std::string& otherwise, int seconds = 30);

/// The time of `work` in milliseconds.
template <class F>
double milliseconds_of(F work) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
        .count();
}

}  // namespace bench
