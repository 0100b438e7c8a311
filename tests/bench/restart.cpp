// The time without a child after its death: from its SIGKILL to the first instruction of its
// replacement.
#include "tests/bench/bench.hpp"
#include "tests/bench/programs.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <csignal>
#include <deque>
#include <fstream>
#include <memory>

namespace {

constexpr int rounds = 101;

/// A child, and what starts it again whenever it ends.
class kept_child {
public:
    explicit kept_child(const std::filesystem::path& fifo) : births_(fifo) {}

    std::string fifo() const { return births_.path(); }
    void wait_for_first() { last_ = births_.next(); }
    const bench::birth& last() const { return last_; }

    double kill_ms() {
        const std::int64_t before = bench::monotonic_ns();
        ::kill(last_.pid, SIGKILL);
        last_ = births_.next();
        return static_cast<double>(last_.at_ns - before) / 1e6;
    }

private:
    bench::births births_;
    bench::birth last_{};
};

/// `supe run` of a tree with idle children, `others` in number, and then one child that is killed.
class under_supe : public kept_child {
public:
    under_supe(const bench::folder& where, int others)
        : kept_child(where / fmt::format("with-{}.fifo", others)) {
        const auto name = fmt::format("with-{}", others);
        const auto tree = where / (name + ".json");
        const std::string command = fmt::format(R"("command": ["{}"])", bench::child_program());
        std::string children;
        for (int i = 0; i < others; ++i)
            children += fmt::format("    {{\"name\": \"other-{}\", {}}},\n", i, command);
        std::ofstream(tree) << fmt::format(
            R"({{"supe": 1, "name": "bench", "max_restarts": 1000000, "within": "1s", "children": [
{}    {{"name": "killed", {}, "env": {{"BENCH_FIFO": "{}"}}, "max_restarts": 1000000, "within": "1s",
     "backoff": {{"first": "0ms", "max": "0ms"}}}}
]}})",
            children, command, fifo());
        supervisor_ = std::make_unique<bench::program>(
            std::vector<std::string>{SUPE_BINARY, "run", tree, "--state",
                                     where / (name + ".state")},
            where / (name + ".log"));
        wait_for_first();
    }

private:
    std::unique_ptr<bench::program> supervisor_;
};

/// waitpid and posix_spawn in a loop.
class under_loop : public kept_child {
public:
    explicit under_loop(const bench::folder& where)
        : kept_child(where / "loop.fifo"),
          loop_(std::vector<std::string>{bench::child_program(), "loop"}, where / "loop.log",
                std::map<std::string, std::string>{{"BENCH_FIFO", fifo()}}) {
        wait_for_first();
    }

private:
    bench::program loop_;
};

/// runit's supervisor of one service. It waits for a second before it restarts a service that ran
/// for less than a second. So there are several services, and each is killed only after that time.
class under_runsv {
public:
    under_runsv(const bench::folder& where, const std::string& runsv) {
        for (int i = 0; i < 12; ++i)
            services_.push_back(
                std::make_unique<service>(where / fmt::format("service-{}", i), runsv));
    }

    double kill_ms() {
        std::unique_ptr<service> next = std::move(services_.front());
        services_.pop_front();
        const std::int64_t age_ms = (bench::monotonic_ns() - next->last().at_ns) / 1'000'000;
        if (age_ms < of_age_ms) ::poll(nullptr, 0, static_cast<int>(of_age_ms - age_ms));
        const double ms = next->kill_ms();
        services_.push_back(std::move(next));
        return ms;
    }

private:
    static constexpr std::int64_t of_age_ms = 1200;

    struct service : kept_child {
        service(const std::filesystem::path& directory, const std::string& runsv)
            : kept_child((std::filesystem::create_directory(directory), directory / "fifo")) {
            std::filesystem::create_symlink(bench::child_program(), directory / "run");
            supervisor = std::make_unique<bench::program>(
                std::vector<std::string>{runsv, directory}, directory / "log-of-it",
                std::map<std::string, std::string>{{"BENCH_FIFO", fifo()}});
            wait_for_first();
        }
        std::unique_ptr<bench::program> supervisor;
    };
    std::deque<std::unique_ptr<service>> services_;
};

void measure(bench::table& figures) {
    const bench::folder where;
    under_loop loop(where);
    under_supe alone(where, 0), with_200(where, 200), with_2000(where, 2000);
    const std::string runsv = bench::installed("runsv");
    std::unique_ptr<under_runsv> runit;
    if (!runsv.empty()) runit = std::make_unique<under_runsv>(where, runsv);
    const auto times = bench::in_turn(
        rounds, {[&] { return alone.kill_ms(); }, [&] { return loop.kill_ms(); },
                 [&] { return with_200.kill_ms(); }, [&] { return with_2000.kill_ms(); },
                 [&] { return runit ? runit->kill_ms() : 0.0; }});
    const bench::contestant ours{"supe", times[0]};
    figures.add(
        {"SIGKILL to the replacement's main()", "ms", ours, {"waitpid, posix_spawn", times[1]}});
    figures.add(
        {"the same", "ms", ours, {runit ? "runsv" : "runsv: not installed (runit)", times[4]}});
    figures.add(
        {"the same, 200 other children", "ms", {"supe", times[2]}, {"supe, none", times[0]}});
    figures.add(
        {"the same, 2,000 other children", "ms", {"supe", times[3]}, {"supe, none", times[0]}});
}

const bench::benchmark registered("restart", measure);

}  // namespace
