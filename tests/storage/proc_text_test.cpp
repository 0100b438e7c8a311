// Shows that a file of proc(5) is read whole, and that one which cannot be read is empty.
#include "supe/storage/proc_text.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

BOOST_AUTO_TEST_SUITE(proc_text)

// The kernel says no size of such a file in advance: the end is where a read gives nothing.
BOOST_AUTO_TEST_CASE(all_of_it) {
    const std::string own = supe::proc_text("/proc/self/stat");
    BOOST_TEST(own.starts_with(std::to_string(::getpid()) + " ("));
    BOOST_TEST(own.ends_with('\n'));
    BOOST_TEST(supe::proc_text("/proc/no-such-file").empty());
    BOOST_TEST(supe::proc_text("/proc/self").empty());  // a directory: EISDIR
}

// A process that has ended and is not reaped has an empty command line; one that is gone has no
// file.
BOOST_AUTO_TEST_CASE(of_a_process_that_ended) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    siginfo_t ended{};
    BOOST_TEST(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
    const std::string file = "/proc/" + std::to_string(child) + "/cmdline";
    BOOST_TEST(supe::proc_text(file).empty());
    BOOST_TEST(::waitpid(child, nullptr, 0) == child);
    BOOST_TEST(supe::proc_text(file).empty());
}

BOOST_AUTO_TEST_SUITE_END()
