// A test of any component that prints and acknowledges its mail, in any language.
#pragma once

#include "tests/support/operator_session.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>

namespace support {

/// Runs `tree`, whose child `c` prints `got MSG` for each mail. `spaced`: how it prints `{"a": [1,
/// "x"]}`.
inline void expect_takes_mail(const operator_session& d, const std::string& tree,
                              const std::string& spaced) {
    const auto running = d.run_tree(tree);
    const auto prints = [&](const std::string& text) {
        return until(
            [&] { return running->out().find("[c] " + text + "\n") != std::string::npos; });
    };
    BOOST_TEST(d.ask({"mail", "c", "1", "--wait"}).code == 0, running->err());
    BOOST_TEST(prints("got 1"));
    BOOST_TEST(d.ask({"mail", "c", R"({"a":[1,"x"]})", "--wait"}).code == 0);
    BOOST_TEST(prints("got " + spaced), running->out());
    const pid_t first = d.pid_of("/c");
    ::kill(first, SIGKILL);  // its next life takes mail too
    BOOST_TEST(d.ask({"mail", "c", "3", "--wait"}).code == 0);
    BOOST_TEST(prints("got 3"));
    BOOST_TEST(d.pid_of("/c") != first);
    // It ends by itself after SUPE-SHUTDOWN: no crash, and no signal was needed.
    BOOST_TEST(d.ask({"stop", "c"}).code == 0);
    BOOST_TEST(d.status("/c").at("last_exit").at("code") == 0);
    running->signal(SIGTERM);
    BOOST_TEST(running->wait() == 0);
}

}  // namespace support
