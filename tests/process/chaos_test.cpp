// Shows that the relay loses nothing and keeps its cap while its processes are killed, by the real
// `supe chaos`; and that this leaves nothing behind, also when it is interrupted. A minute of kills
// here; `./run bench chaos` has 10,000.
#include "tests/support/command.hpp"
#include "tests/support/left_processes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;

namespace {

/// In a folder for temporary files of its own, so that what is left behind is seen.
support::command_setup with(const support::temporary_directory& place,
                            std::vector<std::string> more) {
    support::command_setup setup;
    setup.words = {SUPE_BINARY, "chaos"};
    setup.words.insert(setup.words.end(), more.begin(), more.end());
    setup.variables = {{"TMPDIR", place.path().string()}};
    return setup;
}

bool has_line(const std::string& text, const std::string& line) {
    return text.find(line + "\n") != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chaos)

// Two kills a second, the relay as a whole among them: nothing is lost, nothing is strange, and the
// destination never sees more than three connections.
BOOST_AUTO_TEST_CASE(nothing_is_lost) {
    const support::temporary_directory place;
    support::command running(
        with(place, {"--for", "60s", "--kills", "120", "--connections", "3", "--seed", "11"}));
    BOOST_TEST(running.wait(500s) == 0);
    const std::string out = running.out(), err = running.err();
    BOOST_TEST(has_line(out, "lost                 0"), out);
    BOOST_TEST(has_line(out, "unexpected           0"), out);
    BOOST_TEST(out.find("kills              120  ") != std::string::npos, out);
    BOOST_TEST(err.starts_with("[chaos] seed 11: 1m, 120 kills, 3 connections\n"), err);
    BOOST_TEST(std::filesystem::is_empty(place.path()));
    BOOST_TEST(!support::anybody_has(place.path().string()));
}

// Ctrl-C ends it with its ledger so far, and no process is left.
BOOST_AUTO_TEST_CASE(an_interruption) {
    const support::temporary_directory place;
    support::command running(with(place, {"--for", "10m", "--kills", "600"}));
    const auto kills_begin = [&] {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(place.path(), none))
            if (std::filesystem::exists(entry.path() / "state" / "queue.db")) return true;
        return false;
    };
    BOOST_TEST(support::until(kills_begin, 60s));
    running.signal(SIGINT);
    BOOST_TEST(running.wait(90s) == 0);
    BOOST_TEST(running.out().starts_with("attempted "), running.out());
    BOOST_TEST(running.out().find("\noutstanding ") != std::string::npos);
    BOOST_TEST(std::filesystem::is_empty(place.path()));
    BOOST_TEST(!support::anybody_has(place.path().string()));
}

// Bad options are told apart.
BOOST_AUTO_TEST_CASE(bad_usage) {
    const support::temporary_directory place;
    const auto r = support::run(with(place, {"--for", "soon"}));
    BOOST_TEST(r.code == 2);
    BOOST_TEST(r.err == "supe: --for: \"soon\" is not a duration like 30s, 5m, 1h\n");
    BOOST_TEST(support::run(with(place, {"--kills", "0"})).code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
