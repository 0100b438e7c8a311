// Commands of a user who may not enter the state directory: they say so, since what is in there is
// not known to them. It takes root to try it as another user.
#include "tests/support/files.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/operator_session.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

using support::operator_session;
namespace fs = std::filesystem;

namespace {

/// By the user `daemon`, who has nothing to do with the tree.
support::result as_another(const operator_session& d, std::vector<std::string> words) {
    support::command_setup setup;
    setup.words = {"setpriv", "--reuid",        "daemon",   "--regid",
                   "daemon",  "--clear-groups", SUPE_BINARY};
    setup.words.insert(setup.words.end(), words.begin(), words.end());
    setup.variables = {{"XDG_STATE_HOME", d.file("home")}, {"STATE_DIRECTORY", ""}};
    return support::run(std::move(setup));
}

std::string denied(const std::string& path) {
    return "supe: " + path + ": Permission denied (its owner and root may use it)\n";
}

const std::string tree =
    R"({"name": "t", "children": [{"name": "web", "command": ["sleep", "9"]}]})";

}  // namespace

BOOST_AUTO_TEST_SUITE(other_user, *support::needs_root() * support::needs({"setpriv"}))

// The state directory of the tree is closed to all others. That its tree runs makes no difference.
BOOST_AUTO_TEST_CASE(a_closed_state_directory) {
    const operator_session d;
    fs::permissions(d.file(""), fs::perms(0755));
    const auto root = d.run_tree(tree);
    const std::vector<std::vector<std::string>> commands{{"status"},        {"tree"},
                                                         {"logs"},          {"reload"},
                                                         {"notices"},       {"webhooks", "list"},
                                                         {"dead", "list"},  {"mail", "/web", "{}"},
                                                         {"restart", "web"}};
    const auto all_are_denied = [&] {
        for (auto words : commands) {
            words.insert(words.end(), {"--state", d.state()});
            const auto refused = as_another(d, words);
            BOOST_TEST(refused.code == 1, words.front());
            BOOST_TEST(refused.err == denied(d.state()), words.front() << ": " << refused.err);
            BOOST_TEST(refused.out == "");
        }
    };
    all_are_denied();
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
    all_are_denied();
    BOOST_TEST(as_another(d, {"status", "--state", d.file("none")}).code == 3);
}

// One that others may enter, as a service manager makes it, still has a socket and kept output of
// its own.
BOOST_AUTO_TEST_CASE(an_open_state_directory) {
    const operator_session d;
    fs::permissions(d.file(""), fs::perms(0755));
    fs::create_directory(d.state());
    fs::permissions(d.state(), fs::perms(0755));
    const auto root = d.run_tree(tree);
    const auto status = as_another(d, {"status", "--state", d.state()});
    BOOST_TEST(status.code == 1);
    BOOST_TEST(status.err == denied(d.state() + "/control.sock"));
    const auto logs = as_another(d, {"logs", "--state", d.state()});
    BOOST_TEST(logs.code == 1);
    BOOST_TEST(logs.err == denied(d.state() + "/logs"));
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
}

// The same without --state, where the only tree in the usual place is another user's.
BOOST_AUTO_TEST_CASE(in_the_usual_place) {
    const operator_session d;
    fs::permissions(d.file(""), fs::perms(0755));
    const fs::path state = fs::path(d.file("home")) / "supe/t";
    fs::create_directories(state);
    fs::permissions(state, fs::perms(0700));
    for (const std::string command : {"status", "logs"}) {
        const auto refused = as_another(d, {command});
        BOOST_TEST(refused.code == 1);
        BOOST_TEST(refused.err == denied(state.string()));
    }
    fs::permissions(d.file("home"), fs::perms(0700));
    BOOST_TEST(as_another(d, {"logs"}).err == denied(d.file("home") + "/supe"));
}

BOOST_AUTO_TEST_SUITE_END()
