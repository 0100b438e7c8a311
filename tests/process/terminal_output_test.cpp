// Shows what an operator's terminal gets of text from children and from senders.
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/terminal.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using support::operator_session;

namespace {

constexpr const char* evil_tree =
    R"({"name": "t", "children": [{"name": "web", "command":
        ["sh", "-c", "printf '\\033]0;evil\\007\\302\\2332J end\\n'; exec sleep 1000"]}]})";

/// What the terminal of these words shows, up to `end`.
std::string shown(const operator_session& d, std::vector<std::string> words,
                  const std::string& end) {
    words.insert(words.begin(), {SUPE_BINARY, "--state", d.state()});
    support::terminal terminal(words, {{"NO_COLOR", "1"}});
    const auto at = terminal.find(end);
    return at == std::string::npos ? "nothing" : terminal.screen();
}

bool is_harmless(const std::string& screen) {
    return screen.find_first_of("\x1b\x07\xc2\x9b\x7f") == std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(terminal_output)

// At a terminal `supe logs` and its JSON show control characters; in a pipe they are the bytes of
// the child.
BOOST_AUTO_TEST_CASE(logs) {
    operator_session d;
    const auto tree = d.run_tree(evil_tree);
    BOOST_REQUIRE(support::until([&] { return d.ask({"logs", "web"}).out.ends_with(" end\n"); }));
    BOOST_TEST(d.ask({"logs", "web"}).out == "[web] \x1b]0;evil\x07\xc2\x9b\x32J end\n");
    const std::string text = shown(d, {"logs", "web"}, " end");
    BOOST_TEST(is_harmless(text), text);
    BOOST_TEST(text.find(R"([web] \x1b]0;evil\x07\xc2\x9b2J end)") != text.npos, text);
    const std::string json = shown(d, {"logs", "web", "--json"}, " end");
    BOOST_TEST(is_harmless(json), json);
    BOOST_TEST(json.find(R"(\u001b]0;evil\u0007\u009b2J end)") != json.npos, json);
}

// The same of a dead letter, whose sender, reason and message are from outside.
BOOST_AUTO_TEST_CASE(dead_letters) {
    operator_session d;
    const auto tree = d.run_tree(evil_tree);
    BOOST_REQUIRE(d.ask({"mail", "web", "\"\xc2\x9b\x32J \x7f\\u001b[2J\""}).code == 0);
    BOOST_REQUIRE(d.ask({"remove", "web"}).code == 0);
    const std::string list = shown(d, {"dead", "list"}, "removed");
    BOOST_TEST(is_harmless(list), list);
    const auto letters = boost::json::parse(d.ask({"dead", "list", "--json"}).out).as_array();
    BOOST_REQUIRE(letters.size() == 1u);
    const std::string id(letters[0].at("id").as_string());
    const std::string letter = shown(d, {"dead", "show", id}, "removed");
    BOOST_TEST(is_harmless(letter), letter);
}

// A closed terminal is an ordered stop of the tree that was started from it. Below nohup it is not.
// (The shell's stderr is closed: it may report there that its `sleep` was ended with it.)
BOOST_AUTO_TEST_CASE(closed) {
    operator_session d;
    support::write_file(d.file("tree.json"),
                        R"({"name": "t", "children": [{"name": "slow", "command":
        ["sh", "-c", "exec 2>&-; trap 'echo bye; exit' TERM; echo up; while :; do sleep 0.1; done"]}]})");
    const std::vector<std::string> run{SUPE_BINARY, "run", d.file("tree.json"), "--state",
                                       d.state()};
    support::terminal window(run, {{"NO_COLOR", "1"}});
    BOOST_TEST(window.find("[slow] up") != std::string::npos);
    BOOST_TEST(window.hang_up() == 0);
    BOOST_TEST(d.ask({"logs", "slow"}).out == "[slow] up\n[slow] bye\n");
    const std::string command =
        "trap '' HUP; exec " + run[0] + " run " + run[2] + " --state " + run[4];
    const std::vector<std::string> below_nohup{"sh", "-c", command};
    support::terminal other(below_nohup, {{"NO_COLOR", "1"}});
    BOOST_TEST(d.reaches("slow", "running"));
    const pid_t slow = d.pid_of("slow");
    other.close();
    BOOST_TEST(support::until(
        [&] { return d.ask({"logs"}).out.find("SIGHUP: reloaded") != std::string::npos; }));
    BOOST_TEST(d.pid_of("slow") == slow);
}

BOOST_AUTO_TEST_SUITE_END()
