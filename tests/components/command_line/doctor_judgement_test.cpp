// Shows what `supe doctor` says of measured values, and what it says to do.
#include "components/command_line/doctor_judgement.hpp"

#include <boost/json/object.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using components::finding;
using components::judge_machine;
using components::machine_measures;

namespace {

/// Nothing is wrong with it.
machine_measures good() {
    machine_measures m;
    m.directory = "/var/lib/relay";
    m.file_system = "ext4";
    m.mount_options = "rw,relatime";
    m.syncs.assign(300, 400us);
    m.commits.assign(300, 1000us);
    m.free_bytes = std::uint64_t(50) << 30;
    m.descriptors = 524288;
    m.memory_of_machine = std::uint64_t(2) << 30;
    m.cgroup = "/system.slice/relay.service";
    m.clock_is_synchronised = true;
    m.now = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
    m.has_sock_diag = true;
    m.counts_resets = true;
    return m;
}

finding of(const std::string& check, const machine_measures& m) {
    for (const finding& f : judge_machine(m))
        if (f.check == check) return f;
    return {};
}

bool says(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(doctor_judgement)

// A good machine: each check says what it found, and nothing is to do.
BOOST_AUTO_TEST_CASE(a_good_machine) {
    const auto all = judge_machine(good());
    BOOST_TEST(all.size() == 8u);
    for (const finding& f : all) BOOST_TEST(f.ok, f.check);
    const std::string text = components::text_of_findings(all);
    BOOST_TEST(text.starts_with("ok       disk         /var/lib/relay (ext4): a commit takes 1.00 "
                                "ms (p50), 1.00 ms (p99), a sync 0.40 ms\n"),
               text);
    BOOST_TEST(says(text, "about 30000 webhooks a second from 64 senders at once, 1000 from one"));
    BOOST_TEST(!says(text, "to do"));
}

// A sync that cannot be real: in memory, by mount options, or faster than any disk.
BOOST_AUTO_TEST_CASE(syncs_that_are_not_real) {
    machine_measures m = good();
    m.file_system = "tmpfs";
    BOOST_TEST(says(of("disk", m).text, "tmpfs is memory"));
    BOOST_TEST(says(of("disk", m).todo, "--state"));
    m = good();
    m.mount_options = "rw,volatile";
    BOOST_TEST(says(of("disk", m).text, "mounted with `volatile`"));
    m.mount_options = "rw,nonvolatile";
    BOOST_TEST(of("disk", m).ok);
    m = good();
    m.syncs.assign(300, 3us);
    BOOST_TEST(says(of("disk", m).text, "a sync takes 3 µs, faster than any disk"));
    BOOST_TEST(!of("disk", m).ok);
}

BOOST_AUTO_TEST_CASE(disks_that_do_not_do) {
    machine_measures m = good();
    m.disk_problem = "/var/lib/relay: Permission denied";
    m.commits.clear();
    BOOST_TEST(of("disk", m).text == m.disk_problem);
    BOOST_TEST(!of("disk", m).ok);
    BOOST_TEST(of("intake", m).text == "not known without the disk");
    // What to do goes by the reason.
    BOOST_TEST(of("disk", m).todo == "name a directory of this user with --state, on a disk");
    const auto todo_of = [&m](std::errc fault) {
        m.disk_fault = std::make_error_code(fault);
        return of("disk", m).todo;
    };
    BOOST_TEST(says(todo_of(std::errc::no_space_on_device), "free space there"));
    BOOST_TEST(says(todo_of(std::errc::read_only_file_system), "mount that disk for writing"));
    BOOST_TEST(says(todo_of(std::errc::permission_denied), "give the directory to this user"));
    m.disk_fault.clear();
    m.disk_problem = "/var/lib/relay/doctor.a1b2c3/queue.db: database or disk is full";
    m.free_bytes = 1 << 20;
    BOOST_TEST(says(of("disk", m).todo, "free space there"));
    m = good();
    m.commits.assign(300, 30ms);
    BOOST_TEST(!of("disk", m).ok);
    BOOST_TEST(says(of("intake", m).text, "about 1066 webhooks a second"));
    m = good();
    m.free_bytes = 300 << 20;
    BOOST_TEST(of("space", m).text == "300 MiB are free");
    BOOST_TEST(!of("space", m).ok);
}

BOOST_AUTO_TEST_CASE(limits) {
    machine_measures m = good();
    m.descriptors = 1024;
    BOOST_TEST(says(of("descriptors", m).todo, "raise the hard limit to 4352"));
    m = good();
    m.memory_of_cgroup = 128 << 20;
    BOOST_TEST(of("memory", m).text == "128 MiB");
    BOOST_TEST(!of("memory", m).ok);
    m.memory_of_cgroup.reset();
    m.memory_of_machine.reset();
    BOOST_TEST(of("memory", m).ok);
    m = good();
    m.processes_of_cgroup = 20;
    BOOST_TEST(says(of("cgroup", m).todo, "pids.max"));
    m = good();
    m.cgroup.clear();
    BOOST_TEST(of("cgroup", m).text == "none");
}

BOOST_AUTO_TEST_CASE(clock_and_kernel) {
    machine_measures m = good();
    m.clock_is_synchronised = false;
    BOOST_TEST(says(of("clock", m).todo, "NTP client"));
    m.now = {};
    BOOST_TEST(of("clock", m).text == "it stands before 2025");
    m = good();
    m.has_sock_diag = false;
    BOOST_TEST(says(of("sock_diag", m).todo, "permits rest 61 s"));
    m.has_sock_diag = true;
    m.counts_resets = false;
    BOOST_TEST(says(of("sock_diag", m).text, "does not count resets"));
}

BOOST_AUTO_TEST_CASE(percentiles) {
    using components::percentile;
    std::vector<std::chrono::microseconds> all;
    BOOST_TEST((percentile(all, 0.5) == 0us));
    for (int i = 100; i > 0; --i) all.push_back(std::chrono::microseconds(i));
    BOOST_TEST((percentile(all, 0.5) == 51us));
    BOOST_TEST((percentile(all, 0.99) == 100us));
    BOOST_TEST((percentile(all, 1.0) == 100us));
}

BOOST_AUTO_TEST_CASE(json) {
    machine_measures m = good();
    m.descriptors = 10;
    const auto whole = components::json_of_findings(judge_machine(m), m);
    BOOST_TEST(!whole.at("ok").as_bool());
    BOOST_TEST(whole.at("commit_us").at("p99").as_int64() == 1000);
    BOOST_TEST(whole.at("intake").to_number<int>() == 30000);
    for (const auto& check : whole.at("checks").as_array())
        BOOST_TEST((check.as_object().contains("todo") == !check.at("ok").as_bool()));
}

BOOST_AUTO_TEST_SUITE_END()
