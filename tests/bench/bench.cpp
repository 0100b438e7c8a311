// Runs the registered benchmarks and prints their figures.
#include "tests/bench/bench.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <algorithm>
#include <csignal>
#include <exception>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace bench {

namespace {

auto& registered() {
    static std::map<std::string, std::function<void(table&)>> all;
    return all;
}

constexpr auto row = "{:<44} {:>26} {:>52} {:>7}\n";

volatile std::sig_atomic_t signalled = 0;

/// Only notes the signal: it interrupts each wait, which calls go_on().
void end_in_order_on(int number) {
    struct sigaction action{};
    action.sa_handler = [](int which) { signalled = which; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // and no SA_RESTART
    ::sigaction(number, &action, nullptr);
}

/// Three significant digits, or all digits of a whole number: 0.644, 13.1, 21000. Without a figure
/// the name alone.
std::string print(const contestant& c, const std::string& unit) {
    if (c.value <= 0) return c.name;
    const int decimals = c.value >= 100 ? 0 : c.value >= 10 ? 1 : c.value >= 1 ? 2 : 3;
    return fmt::format("{} {:.{}f} {}", c.name, c.value, decimals, unit);
}

}  // namespace

benchmark::benchmark(std::string name, std::function<void(table&)> measure) {
    registered().emplace(std::move(name), std::move(measure));
}

void table::add(const figure& f) {
    if (!std::exchange(begun_, true))
        fmt::print(row, "figure", "ours", "floor or peer, same run", "ratio");
    const auto ratio =
        f.other.value > 0 ? fmt::format("{:.2f}", f.ours.value / f.other.value) : "-";
    fmt::print(row, f.what, print(f.ours, f.unit), print(f.other, f.unit), ratio);
    std::fflush(stdout);
    go_on();
}

std::vector<double> in_turn(int rounds, const std::vector<std::function<double()>>& ways) {
    std::vector<std::vector<double>> values(ways.size());
    for (int round = 0; round <= rounds; ++round)
        for (std::size_t way = 0; way < ways.size(); ++way, go_on())
            if (const double value = ways[way](); round > 0) values[way].push_back(value);
    std::vector<double> medians;
    for (auto& of_one : values) medians.push_back(median(std::move(of_one)));
    return medians;
}

void go_on() {
    if (signalled) throw interrupted{};
}

void wait_until(const std::function<bool()>& so, const std::string& otherwise, int seconds) {
    for (int tries = 100 * seconds; !so(); --tries) {
        if (tries == 0) throw std::runtime_error(otherwise);
        ::poll(nullptr, 0, 10);
        go_on();
    }
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

namespace {

/// The processes that the programs of a benchmark leave behind become our children (main), and end
/// soon: Erlang's helpers, Node's citizens.
void await_orphans() {
    pid_t ended = 0;
    for (int tries = 500; tries > 0 && (ended = ::waitpid(-1, nullptr, WNOHANG)) >= 0; --tries)
        if (ended == 0) ::poll(nullptr, 0, 10);
    if (ended == 0) fmt::print(stderr, "bench: a process is left running\n");
}

/// True when the benchmark was measured to its end.
bool run(const std::string& name, const std::function<void(table&)>& measure, table& figures) {
    bool done = false;
    try {
        measure(figures);
        go_on();
        done = true;
    } catch (const interrupted&) {
    } catch (const std::exception& error) {
        if (!signalled) fmt::print(stderr, "bench: {}: {}\n", name, error.what());
    }
    await_orphans();
    return done;
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
    const std::vector<std::string_view> wanted(argv + 1, argv + argc);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) bench::end_in_order_on(number);
    bench::table figures;
    bool any = false;
    for (const auto& [name, measure] : bench::registered()) {
        const auto names_it = [&name = name](std::string_view w) {
            return name.find(w) != name.npos;
        };
        if (!wanted.empty() && std::ranges::none_of(wanted, names_it)) continue;
        any = true;
        if (bench::run(name, measure, figures)) continue;
        if (bench::signalled) ::raise(bench::signalled);  // all is cleaned up: ends by the signal
        return 1;
    }
    if (any) return 0;
    fmt::print(stderr, "bench: no benchmark of that name; there are:");
    for (const auto& [name, measure] : bench::registered()) fmt::print(stderr, " {}", name);
    fmt::print(stderr, "\n");
    return 2;
}
