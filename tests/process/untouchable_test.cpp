// Children that may not be signalled, since they became another user (sudo): named, and never in
// the way of the end of the tree (contract §5, the stop ladder).
#include "tests/support/files.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

namespace fs = std::filesystem;
using support::operator_session;

namespace {

/// A tree of an ordinary user, whose child `web` is root's: by a setuid copy of setpriv, as by
/// sudo.
struct fixture {
    operator_session d;
    std::unique_ptr<support::command> root;
    pid_t web = 0;

    bool begin(const std::string& shutdown) {
        begin_tree(R"("{}", "--reuid", "0", "--clear-groups", "sleep", "1000")", shutdown);
        if (!support::until([&] { return d.is_up(); })) return false;
        web = d.pid_of("web");
        return is_of_root();
    }
    /// The process of root is in the group of the child, which is the user's own.
    bool begin_in_shell(const std::string& shutdown = "60s") {
        begin_tree(R"("sh", "-c", "{} --reuid 0 --clear-groups sleep 1000 & echo pid $!; wait")",
                   shutdown);
        return reads_pid();
    }
    /// The script starts the process of root, and prints `pid N`. So it has no braces but `{}`, the
    /// program.
    bool begin_script(const std::string& script, const std::string& shutdown, int nesting = 0) {
        begin_tree(R"("sh", "-c", ")" + script + '"', shutdown, nesting);
        return reads_pid();
    }
    bool reads_pid() {
        const std::string before = "web] pid ";
        if (!support::until([&] { return root->out().ends_with('\n'); })) return false;
        web = std::stoi(root->out().substr(root->out().find(before) + before.size()));
        return is_of_root();
    }
    /// `nesting`: the number of supervisors between the root and the child.
    void begin_tree(const std::string& command, const std::string& shutdown, int nesting = 0) {
        fs::permissions(d.file(""), fs::perms(0755));
        const std::string sudo = d.file("sudo");
        fs::copy_file("/usr/bin/setpriv", sudo);
        BOOST_REQUIRE(::chmod(sudo.c_str(), 04755) == 0);
        std::string child = fmt::format(R"({{"name": "web", "command": [{}], "shutdown": "{}"}})",
                                        fmt::format(fmt::runtime(command), sudo), shutdown);
        for (int i = 0; i < nesting; ++i)
            child = fmt::format(R"({{"name": "dam", "children": [{}]}})", child);
        const std::string tree = support::write_file(
            d.file("tree.json"), fmt::format(R"({{"name": "t", "children": [{}]}})", child));
        fs::create_directory(d.state());
        BOOST_REQUIRE(::chown(d.state().c_str(), 1, 1) == 0);
        support::command_setup setup;
        setup.words = {"setpriv",   "--reuid", "1",  "--regid", "1",      "--clear-groups",
                       SUPE_BINARY, "run",     tree, "--state", d.state()};
        root = std::make_unique<support::command>(std::move(setup));
    }
    /// setpriv has become sleep.
    bool is_of_root() const {
        return support::until(
            [&] { return support::read_file(fmt::format("/proc/{}/comm", web)) == "sleep\n"; });
    }
    ~fixture() {
        if (web > 0) ::kill(web, SIGKILL);
    }
    bool logs(const std::string& text) {
        return support::until([&] { return root->err().find(text) != std::string::npos; });
    }
    std::string refusal(const char* signal) const {
        return fmt::format(
            "web (pid {}) may not be signalled ({}: Operation not permitted), since "
            "it runs as another user",
            web, signal);
    }
    std::string refusal_in_group(const char* signal) const {
        return fmt::format(
            "the process {} of the group that web left may not be signalled ({}: Operation not "
            "permitted), since it runs as another user",
            web, signal);
    }
    std::string left_behind(const std::string& child) const {
        return fmt::format(
            "the process {} that {} left behind may not be killed (Operation not permitted), "
            "since it runs as another user; going on",
            web, child);
    }
    /// One that comes too soon after the first counts as the first.
    bool asks_again() {
        return support::until([&] {
            if (root->err().find("killing what is left") != std::string::npos) return true;
            root->signal(SIGTERM);
            return false;
        });
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(untouchable, fixture,
                         *support::needs_root() * support::needs({"/usr/bin/setpriv"}))

// `supe stop` waits for `shutdown`, since the process may end of itself, and then says why it is
// there still. So do a restart and a removal. When it has ended, the stop is complete.
BOOST_AUTO_TEST_CASE(a_stop_says_why) {
    BOOST_REQUIRE(begin("300ms"));
    for (const char* const what : {"stop", "restart", "remove"}) {
        const auto answer = d.ask({what, "web"});
        BOOST_TEST(answer.code == 1);
        BOOST_TEST(answer.err.find(refusal("SIGKILL")) != std::string::npos, answer.err);
    }
    BOOST_TEST(logs(refusal("SIGTERM")), root->err());
    BOOST_TEST(logs(refusal("SIGKILL")), root->err());
    BOOST_TEST(d.status("web").at("state") == "stopping");
    ::kill(web, SIGKILL);
    BOOST_TEST(support::until([&] { return d.status("web").is_null(); }));  // it was removed
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
}

// The second SIGTERM ends the tree without it. It is left behind, and the log says so.
BOOST_AUTO_TEST_CASE(the_second_signal) {
    BOOST_REQUIRE(begin("infinity"));
    root->signal(SIGTERM);
    BOOST_TEST(logs(refusal("SIGTERM")), root->err());
    BOOST_TEST(!root->has_ended());
    BOOST_TEST(asks_again());
    BOOST_TEST(root->wait() == 0);
    BOOST_TEST(logs(refusal("SIGKILL") + ": it is left behind"), root->err());
    BOOST_TEST(support::is_alive(web));
}

// What a child leaves of its group, and may not be signalled, is not waited for.
BOOST_AUTO_TEST_CASE(the_rest_of_a_group) {
    BOOST_REQUIRE(begin_in_shell());
    const pid_t shell = d.pid_of("web");
    ::kill(shell, SIGKILL);
    BOOST_TEST(logs(left_behind("web")), root->err());
    BOOST_TEST(support::is_alive(web));
    const std::string line = "[web] pid ";
    const auto last = [&] { return root->out().rfind(line); };
    BOOST_TEST(support::until([&] { return last() != root->out().find(line); }));  // the next life
    BOOST_TEST(support::until([&] { return root->out().ends_with('\n'); }));
    const pid_t next = std::stoi(root->out().substr(last() + line.size()));
    root->signal(SIGKILL);
    root->wait();
    ::kill(next, SIGKILL);
}

// kill(2) of a group succeeds when one member took the signal: the refusal of the first process
// counts all the same.
BOOST_AUTO_TEST_CASE(beside_one_that_takes_signals) {
    BOOST_REQUIRE(
        begin_script("sh -c 'trap : TERM; while :; do sleep 0.01; done' & "
                     "echo pid $$; exec {} --reuid 0 --clear-groups sleep 1000",
                     "300ms"));
    const auto answer = d.ask({"stop", "web"});
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.err.find(refusal("SIGKILL")) != std::string::npos, answer.err);
    BOOST_TEST(logs(refusal("SIGTERM")), root->err());
    root->signal(SIGTERM);
    BOOST_TEST(asks_again());
    BOOST_TEST(root->wait() == 0);
    BOOST_TEST(support::is_alive(web));
}

// With `infinity` what is left of the group may live for ever: a stop, a restart and a removal say
// who it is, and the second SIGTERM ends the tree without it.
BOOST_AUTO_TEST_CASE(the_rest_of_a_group_without_limit) {
    BOOST_REQUIRE(begin_in_shell("infinity"));
    for (const char* const what : {"stop", "restart", "remove"}) {
        const auto answer = d.ask({what, "web"});
        BOOST_TEST(answer.code == 1);
        BOOST_TEST(answer.err.find(refusal_in_group("SIGTERM")) != std::string::npos, answer.err);
    }
    BOOST_TEST(logs(refusal_in_group("SIGTERM")), root->err());
    BOOST_TEST(d.status("web").at("state") == "stopping");
    root->signal(SIGTERM);
    BOOST_TEST(asks_again());
    BOOST_TEST(root->wait() == 0);
    BOOST_TEST(logs(left_behind("web")), root->err());
    BOOST_TEST(support::is_alive(web));
}

// With a limit a stop says so when SIGKILL was refused, and the child is stopped all the same.
BOOST_AUTO_TEST_CASE(the_rest_of_a_group_within_a_limit) {
    BOOST_REQUIRE(begin_script(
        "{} --reuid 0 --clear-groups sleep 1000 >/dev/null 2>&1 & echo pid $!; exec sleep 1000",
        "300ms"));
    const auto answer = d.ask({"stop", "web"});
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.err.find(refusal_in_group("SIGKILL")) != std::string::npos, answer.err);
    BOOST_TEST(support::until([&] { return d.status("web").at("state") == "stopped"; }));
    BOOST_TEST(logs(left_behind("web")), root->err());
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
}

// A daemon that may not be killed falls from one supervisor to the next. Each names it, and none
// waits for it.
BOOST_AUTO_TEST_CASE(a_daemon_below_supervisors) {
    BOOST_REQUIRE(begin_script(
        "setsid {} --reuid 0 --clear-groups sleep 1000 & echo pid $!; exec sleep 1000", "8s", 2));
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
    BOOST_TEST(logs(left_behind("web")), root->err());
    BOOST_TEST(logs(left_behind("dam")), root->err());
    BOOST_TEST(root->err().find("still alive after 10 s") == std::string::npos, root->err());
    BOOST_TEST(support::is_alive(web));
}

BOOST_AUTO_TEST_SUITE_END()
