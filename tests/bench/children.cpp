// The cost of 1,000 idle children for their supervisor: memory for each, also after requests for
// their status, and the time until all of them run.
#include "supe/control/client.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/programs.hpp"

#include <fmt/format.h>
#include <fstream>
#include <memory>

namespace {

constexpr int many = 1000;
constexpr int questions = 100;

/// KiB of a field of /proc/PID/smaps_rollup: `Rss` or `Pss`.
double kib(pid_t pid, const std::string& field) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string word; file >> word;)
        if (double value = 0; word == field + ":" && file >> value) return value;
    throw std::runtime_error(fmt::format("no {} of process {}", field, pid));
}

std::filesystem::path tree_of(int children, const bench::folder& where) {
    std::string list;
    for (int i = 0; i < children; ++i)
        list += fmt::format("    {{\"name\": \"child-{}\", \"command\": [\"{}\"]}}{}\n", i,
                            bench::child_program(), i + 1 < children ? "," : "");
    const auto tree = where / fmt::format("{}.json", children);
    std::ofstream(tree) << fmt::format(
        "{{\"supe\": 1, \"name\": \"bench\", \"children\": [\n{}]}}\n", list);
    return tree;
}

/// Writes supervisord's file for this number of programs, whose output is dropped.
std::filesystem::path programs_of(int children, const bench::folder& where) {
    const auto file = where / fmt::format("{}.conf", children);
    std::ofstream(file) << fmt::format(
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\nminfds={}\n"
        "pidfile={}\n[program:child]\ncommand={}\nnumprocs={}\n"
        "process_name=%(process_num)d\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
        4 * many + 100, (where / "supervisord.pid").string(), bench::child_program(), children);
    return file;
}

/// One run: the time until all children are up, and the memory of their supervisor then (KiB).
struct run {
    double ms = 0;
    double rss = 0, pss = 0;
    double rss_after_status = 0;  // `supe status` was asked a hundred times; of supe alone
};

void ask_status(const std::filesystem::path& state) {
    for (int i = 0; i < questions; ++i) {
        auto tree = supe::control::client::connect(state);
        if (!tree || !tree->ask({{"do", "status"}, {"address", "/"}}).at("ok").is_object())
            throw std::runtime_error("no status");
    }
}

/// `state`: of a tree of supe's.
run run_of(const std::vector<std::string>& command, int children, const bench::folder& where,
           const std::filesystem::path& state = {}) {
    const auto fifo = where / "births";
    std::filesystem::remove(fifo);
    bench::births births(fifo);
    const std::int64_t before = bench::monotonic_ns();
    const bench::program supervisor(command, where / "log", {{"BENCH_FIFO", births.path()}});
    std::int64_t last = before;
    for (int i = 0; i < children; ++i) last = std::max(last, births.next().at_ns);
    run r{static_cast<double>(last - before) / 1e6, kib(supervisor.pid(), "Rss"),
          kib(supervisor.pid(), "Pss")};
    if (state.empty()) return r;
    ask_status(state);
    r.rss_after_status = kib(supervisor.pid(), "Rss");
    return r;
}

void measure(bench::table& figures) {
    const bench::folder where;
    const auto supe = [&](int children) {
        const auto state = where / fmt::format("state-{}", children);  // it belongs to one tree
        return run_of({SUPE_BINARY, "run", tree_of(children, where), "--state", state}, children,
                      where, state);
    };
    const auto loop = [&] {
        return run_of({bench::child_program(), "many", std::to_string(many)}, many, where);
    };
    const std::string python = bench::installed("supervisord");
    const auto supervisord = [&](int children) {
        return python.empty()
                   ? run()
                   : run_of({python, "-c", programs_of(children, where)}, children, where);
    };
    std::vector<double> rss, pss, rss_after_status;
    const auto times = bench::in_turn(5, {[&] {
                                              const run r = supe(many);
                                              rss.push_back(r.rss);
                                              pss.push_back(r.pss);
                                              rss_after_status.push_back(r.rss_after_status);
                                              return r.ms;
                                          },
                                          [&] { return loop().ms; }});
    const run base = supe(1), peer = supervisord(many), peer_base = supervisord(1);
    const std::string named = python.empty() ? "supervisord: not installed" : "supervisord";
    const double all = bench::median(rss), of_each = (all - base.rss) / (many - 1),
                 peer_of_each = (peer.rss - peer_base.rss) / (many - 1);
    figures.add({"1,000 children, until all run",
                 "ms",
                 {"supe", times[0]},
                 {"posix_spawn loop", times[1]}});
    figures.add({"memory for each (Rss)", "KiB", {"supe", of_each}, {named, peer_of_each}});
    figures.add({fmt::format("… after {} times `supe status`", questions),
                 "KiB",
                 {"supe", (bench::median(rss_after_status) - base.rss_after_status) / (many - 1)},
                 {"before", of_each}});
    figures.add({"the same (Pss)",
                 "KiB",
                 {"supe", (bench::median(pss) - base.pss) / (many - 1)},
                 {named, (peer.pss - peer_base.pss) / (many - 1)}});
    figures.add({"memory in all (Rss)", "MiB", {"supe", all / 1024}, {named, peer.rss / 1024}});
}

const bench::benchmark registered("children", measure);

}  // namespace
