#include "components/command_line/doctor_judgement.hpp"

#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace components {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr auto faster_than_any_disk = 25us;  // for an append and its fdatasync
constexpr auto slow_commit = 20ms;
constexpr unsigned most_intake = 30'000;
constexpr unsigned senders = 64;
constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t space_wanted = 1024 * mebibyte;   // four times what the queue leaves free
constexpr std::uint64_t space_of_test = 16 * mebibyte;    // more than is written here
constexpr std::uint64_t descriptors_wanted = 4096 + 256;  // clients, and what else is open
constexpr std::uint64_t memory_wanted = 256 * mebibyte;
constexpr std::uint64_t processes_wanted = 64;

std::string in_ms(microseconds d) {
    return fmt::format("{:.2f} ms", static_cast<double>(d.count()) / 1000);
}

bool has_option(const std::string& options, const std::string& option) {
    return ("," + options + ",").find("," + option + ",") != std::string::npos;
}

/// Why a sync there ends before the disk has it; empty where nothing speaks for that.
std::string why_unreal(const machine_measures& m) {
    if (m.file_system == "tmpfs" || m.file_system == "ramfs")
        return m.file_system + " is memory: nothing survives a restart of the machine";
    for (const char* option : {"volatile", "nobarrier", "barrier=0"})
        if (has_option(m.mount_options, option))
            return fmt::format("it is mounted with `{}`: a sync does not reach the disk", option);
    const auto usual = percentile(m.syncs, 0.5);
    if (usual < faster_than_any_disk)
        return fmt::format(
            "a sync takes {} µs, faster than any disk: something answers before the data is safe",
            usual.count());
    return {};
}

std::string way_out_of_disk_problem(const machine_measures& m) {
    if (m.disk_fault == std::errc::read_only_file_system)
        return "mount that disk for writing, or name a directory on another one with --state";
    if (m.disk_fault == std::errc::permission_denied ||
        m.disk_fault == std::errc::operation_not_permitted)
        return "run it as the user of the relay, give the directory to this user, or name another "
               "one with --state";
    const bool unexplained_and_full = !m.disk_fault && m.free_bytes < space_of_test;  // by SQLite
    if (m.disk_fault == std::errc::no_space_on_device || unexplained_and_full)
        return "free space there (`df -h`), or files where too many are there (`df -i`), or name a "
               "directory on another disk with --state";
    return "name a directory of this user with --state, on a disk";
}

finding disk(const machine_measures& m) {
    if (!m.disk_problem.empty()) return {"disk", false, m.disk_problem, way_out_of_disk_problem(m)};
    const std::string why = why_unreal(m);
    if (!why.empty())
        return {"disk", false, fmt::format("{}: {}", m.directory, why),
                "name a directory on a lasting disk with --state; look for a write cache without "
                "battery, `eatmydata`, and a virtual disk with cache=unsafe"};
    const auto usual = percentile(m.commits, 0.5);
    const std::string text = fmt::format(
        "{} ({}): a commit takes {} (p50), {} (p99), a sync {}", m.directory, m.file_system,
        in_ms(usual), in_ms(percentile(m.commits, 0.99)), in_ms(percentile(m.syncs, 0.5)));
    if (usual > slow_commit)
        return {"disk", false, text, "a slow disk makes senders wait: use a local SSD"};
    return {"disk", true, text};
}

finding intake(const machine_measures& m) {
    if (m.commits.empty()) return {"intake", true, "not known without the disk"};
    const auto usual = percentile(m.commits, 0.5);
    const auto alone = 1'000'000 / std::max<std::int64_t>(usual.count(), 1);
    return {"intake", true,
            fmt::format("about {} webhooks a second from {} senders at once, {} from one alone",
                        intake_of(usual), senders, std::min<std::int64_t>(alone, most_intake))};
}

finding space(const machine_measures& m) {
    const std::string text = fmt::format("{} MiB are free", m.free_bytes / mebibyte);
    if (m.free_bytes >= space_wanted) return {"space", true, text};
    return {"space", false, text,
            "free at least 1 GiB: the relay answers 503 when 256 MiB are left"};
}

finding descriptors(const machine_measures& m) {
    const std::string text = fmt::format("a process may open {}", m.descriptors);
    if (m.descriptors >= descriptors_wanted) return {"descriptors", true, text};
    return {"descriptors", false, text,
            fmt::format("raise the hard limit to {} or more (LimitNOFILE= of the unit, `ulimit "
                        "-Hn`): fewer connections than 4,096 are kept",
                        descriptors_wanted)};
}

finding memory(const machine_measures& m) {
    if (!m.memory_of_machine && !m.memory_of_cgroup)
        return {"memory", true, "its size cannot be read here"};
    constexpr std::uint64_t none = ~std::uint64_t(0);
    const std::uint64_t least =
        std::min(m.memory_of_machine.value_or(none), m.memory_of_cgroup.value_or(none));
    const std::string text = fmt::format("{} MiB", least / mebibyte);
    if (least >= memory_wanted) return {"memory", true, text};
    return {"memory", false, text, "give it 256 MiB: the processes of a relay may take 200 MB"};
}

finding cgroup(const machine_measures& m) {
    if (m.cgroup.empty()) return {"cgroup", true, "none"};
    const double cpus = std::min(m.cpus, m.cpus_of_cgroup.value_or(m.cpus));
    const std::string processes =
        m.processes_of_cgroup ? std::to_string(*m.processes_of_cgroup) : "any number of";
    const std::string text =
        fmt::format("{}: {:.2g} CPUs, {} processes and threads", m.cgroup, cpus, processes);
    if (m.processes_of_cgroup.value_or(processes_wanted) < processes_wanted)
        return {"cgroup", false, text, "raise pids.max (TasksMax= of the unit) to 64 or more"};
    return {"cgroup", true, text};
}

finding clock(const machine_measures& m) {
    const bool in_the_past = m.now < std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
    if (in_the_past)
        return {"clock", false, "it stands before 2025", "set the clock, and run an NTP client"};
    if (m.clock_is_synchronised) return {"clock", true, "it is synchronised"};
    return {"clock", false, "nothing synchronises it, as far as the kernel knows",
            "run an NTP client (chrony, systemd-timesyncd): signatures with an age are refused by "
            "a wrong clock"};
}

finding sockets(const machine_measures& m) {
    if (m.has_sock_diag && m.counts_resets)
        return {"sock_diag", true, "the kernel shows the connections of dead processes"};
    return {"sock_diag", false,
            m.has_sock_diag ? "the kernel does not count resets (/proc/net/netstat)"
                            : "the kernel does not show the connections of dead processes",
            "load the module tcp_diag, or allow NETLINK_SOCK_DIAG in the container: without it "
            "permits rest 61 s after a crash"};
}

}  // namespace

microseconds percentile(std::vector<microseconds> values, double share) {
    if (values.empty()) return microseconds(0);
    const auto n = static_cast<std::size_t>(share * static_cast<double>(values.size()));
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::min(n, values.size() - 1));
    std::ranges::nth_element(values, nth);
    return *nth;
}

unsigned intake_of(microseconds commit) {
    const std::int64_t by_disk =
        1'000'000ll * senders / 2 / std::max<std::int64_t>(commit.count(), 1);
    return static_cast<unsigned>(std::min<std::int64_t>(by_disk, most_intake));
}

std::vector<finding> judge_machine(const machine_measures& m) {
    return {disk(m),   intake(m), space(m), descriptors(m),
            memory(m), cgroup(m), clock(m), sockets(m)};
}

std::string text_of_findings(const std::vector<finding>& all) {
    std::string out;
    for (const finding& f : all) {
        out += fmt::format("{:<8} {:<12} {}\n", f.ok ? "ok" : "warning", f.check, f.text);
        if (!f.ok) out += fmt::format("{:<21} to do: {}\n", "", f.todo);
    }
    return out;
}

boost::json::value json_of_findings(const std::vector<finding>& all, const machine_measures& m) {
    boost::json::array checks;
    for (const finding& f : all) {
        boost::json::object o{{"check", f.check}, {"ok", f.ok}, {"text", f.text}};
        if (!f.ok) o["todo"] = f.todo;
        checks.push_back(std::move(o));
    }
    const auto in_us = [](const auto& values, double share) {
        return percentile(values, share).count();
    };
    return {{"ok", std::ranges::all_of(all, &finding::ok)},
            {"checks", std::move(checks)},
            {"commit_us", {{"p50", in_us(m.commits, 0.5)}, {"p99", in_us(m.commits, 0.99)}}},
            {"sync_us", {{"p50", in_us(m.syncs, 0.5)}, {"p99", in_us(m.syncs, 0.99)}}},
            {"intake", m.commits.empty() ? 0 : intake_of(percentile(m.commits, 0.5))}};
}

}  // namespace components
