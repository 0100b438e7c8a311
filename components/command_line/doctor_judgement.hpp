// What a machine is worth to a relay: measured values in, findings out. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace components {

/// What doctor_measures.cpp found. What could not be read is not there.
struct machine_measures {
    std::string directory;         ///< where it was measured
    std::string disk_problem;      ///< why nothing could be written there; empty: it could
    std::error_code disk_fault{};  ///< the same as the system said it; none: it did not
    std::string file_system;       ///< `ext4`
    std::string mount_options;     ///< `rw,relatime`
    std::vector<std::chrono::microseconds> syncs;    ///< an append of 4 KiB and its fdatasync
    std::vector<std::chrono::microseconds> commits;  ///< of 1 KiB in a file as the queue's
    std::uint64_t free_bytes = 0;

    std::uint64_t descriptors = 0;  ///< the hard limit
    std::optional<std::uint64_t> memory_of_machine{};
    std::string cgroup;  ///< its path; empty: none could be read
    std::optional<std::uint64_t> memory_of_cgroup{};
    std::optional<std::uint64_t> processes_of_cgroup{};
    std::optional<double> cpus_of_cgroup{};
    double cpus = 1;

    bool clock_is_synchronised = false;
    std::chrono::system_clock::time_point now{};
    bool has_sock_diag = false;
    bool counts_resets = false;  ///< TCPAbortOnClose, TCPAbortOnData
};

struct finding {
    std::string check;  ///< `disk`
    bool ok = true;
    std::string text;
    std::string todo{};  ///< what to do where it is not ok
};

/// One for each check, always in the same order.
std::vector<finding> judge_machine(const machine_measures& m);

/// The value below which `share` of all are; 0 of none.
std::chrono::microseconds percentile(std::vector<std::chrono::microseconds> values, double share);

/// Webhooks a second that 64 senders get stored, each with its commit before its answer. From
/// measurements: half of what as many commits would allow, as the rest of a turn costs the same
/// again, and no more than one core of the machine that we measured on reads.
unsigned intake_of(std::chrono::microseconds commit);

/// A line each; below one that is not ok, what to do.
std::string text_of_findings(const std::vector<finding>& all);
boost::json::value json_of_findings(const std::vector<finding>& all, const machine_measures& m);

}  // namespace components
