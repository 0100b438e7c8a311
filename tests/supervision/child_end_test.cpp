// How one life ended: its text, and whether it ever began.
#include "supe/supervision/child_end.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>

namespace {

const supe::launch_error no_such_file{"ENOENT", "web.js: No such file or directory"};
const std::string too_late = "start timed out after 30s";

}  // namespace

BOOST_AUTO_TEST_SUITE(child_end)

// The text names the first cause: why no process was started, else why we ended it, else how it
// exited.
BOOST_AUTO_TEST_CASE(texts) {
    supe::child_end end;
    BOOST_TEST(end.text() == "left behind: it may not be signalled");
    end.exit = supe::exit_status::exited(3);
    BOOST_TEST(end.text() == "exit code 3");
    end.exit = supe::exit_status::killed(SIGSEGV, true);
    BOOST_TEST(end.text() == "SIGSEGV (core dumped)");
    end.failure = too_late;
    BOOST_TEST(end.text() == too_late);
    end.error = no_such_file;
    BOOST_TEST(end.text() == "web.js: No such file or directory");
}

// It never started when there was no process, or when we ended it before it was ready. A crash
// before it was ready is a crash, and so is an end by our watchdog after it was ready.
BOOST_AUTO_TEST_CASE(never_started) {
    supe::child_end none;
    none.error = no_such_file;
    BOOST_TEST(none.never_started());
    supe::child_end end;
    end.exit = supe::exit_status::exited(1);
    BOOST_TEST(!end.never_started());
    end.failure = too_late;
    BOOST_TEST(end.never_started());
    end.was_ready = true;
    BOOST_TEST(!end.never_started());
    end.failure.clear();
    BOOST_TEST(!end.never_started());
}

BOOST_AUTO_TEST_SUITE_END()
