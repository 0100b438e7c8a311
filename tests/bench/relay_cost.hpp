// What a webhook costs the processes of a relay, and the disk under it.
#pragma once

#include "tests/bench/bench.hpp"
#include "tests/bench/call_counts.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace bench {

/// Of a running relay, since its start.
struct relay_cost {
    std::map<std::string, double> cpu_us{};  ///< by process: `queue`, `forwarder`, `relay`, `dam` …
    std::map<std::string, call_counts> calls{};  ///< the same; empty where they are not counted
    std::uint64_t switches = 0;    ///< of the processes' threads: waits, and turns of others
    std::uint64_t file_calls = 0;  ///< reads and writes of files
    std::uint64_t file_bytes = 0;  ///< read and written
    std::uint64_t commits = 0;     ///< transactions of the queue's file
    double memory = 0;             ///< MiB of all processes together (PSS)

    double cpu() const;
};

/// The environment with which a relay is started whose calls are counted in this directory.
std::map<std::string, std::string> counting_in(const std::filesystem::path& directory);

/// `root`: the process of `supe relay`; `state` its state directory; `counts` that of
/// counting_in(), where it was started so.
relay_cost cost_of(pid_t root, const std::filesystem::path& state,
                   const std::filesystem::path& counts = {});

/// Rows for `n` webhooks: CPU by process, rows a commit, and so on.
void add_costs(table& figures, const relay_cost& from, const relay_cost& to, double n);
/// Rows of the same for what is counted of calls. To count makes a relay slower: none of its other
/// figures holds.
void add_calls(table& figures, const relay_cost& from, const relay_cost& to, double n);

/// An append of 4 KiB and its fdatasync in this directory, in ms.
struct sync_times {
    double p50 = 0, p99 = 0;
};
sync_times time_syncs(const std::filesystem::path& directory);

}  // namespace bench
