// Children that run as another user (contract §5 `user` and `group`). They need root to start them.
#include "tests/support/files.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

using namespace std::chrono_literals;
using support::helper;
using support::operator_session;
using support::real_tree;
using support::shell;
using support::tree_of;
namespace fs = std::filesystem;

namespace {

/// A user with a group of its own, as every Debian has it.
const passwd& other() { return *::getpwnam("daemon"); }

}  // namespace

BOOST_AUTO_TEST_SUITE(users, *support::needs_root())

// User, group, supplementary groups and the variables are those of the user. It can open its output
// again. This supervisor stays as it was.
BOOST_FIXTURE_TEST_CASE(who_it_runs_as, support::event_loop) {
    const std::string shows =
        "echo $(id -u) $(id -g) $(id -G); echo $HOME $USER $LOGNAME $SHELL; echo again > "
        "/dev/stdout; exec sleep 1000";
    ::prctl(PR_SET_DUMPABLE, 1);
    real_tree tree(*this,
                   tree_of({shell("named", shows, R"("user": "daemon")"),
                            shell("grouped", shows, R"("user": "daemon", "group": "games")"),
                            shell("numbered", shows, R"("user": 54321, "group": 12345)"),
                            shell("group_only", "echo $(id -u) $(id -g) $(id -G); exec sleep 1000",
                                  R"("group": "games")"),
                            shell("own_home", "echo $HOME; exec sleep 1000",
                                  R"("user": "daemon", "env": {"HOME": "/srv"})")}));
    const auto& who = other();
    const auto games = ::getgrnam("games")->gr_gid;
    BOOST_TEST(tree.prints(fmt::format("[named] {0} {1} {1}", who.pw_uid, who.pw_gid)));
    BOOST_TEST(tree.prints(fmt::format("[named] {} daemon daemon {}", who.pw_dir, who.pw_shell)));
    BOOST_TEST(tree.prints("[named] again"));
    BOOST_TEST(tree.prints(fmt::format("[grouped] {0} {1} {1}", who.pw_uid, games)));
    BOOST_TEST(tree.prints("[numbered] 54321 12345 12345"));
    BOOST_TEST(tree.prints("[numbered] / 54321 54321 /bin/sh"));
    BOOST_TEST(tree.prints(fmt::format("[group_only] 0 {0} {0}", games)));
    BOOST_TEST(tree.prints("[own_home] /srv"));
    BOOST_TEST(::geteuid() == 0u);
    BOOST_TEST(::prctl(PR_GET_DUMPABLE) == 1);
    BOOST_TEST(tree.stop());
}

// It reports by sd_notify though it cannot pass through the state directory.
BOOST_FIXTURE_TEST_CASE(it_reports, support::event_loop) {
    real_tree tree(*this,
                   tree_of({helper("web", "service",
                                   R"("ready": "notify", "watchdog": "10s", "user": "daemon")")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(tree.prints("[web] NOTIFY_SOCKET @, WATCHDOG_USEC 10000000, WATCHDOG_PID mine"));
    BOOST_TEST(tree.stop());
}

// So does a process that it started, in a session of its own: it is known as a descendant.
BOOST_FIXTURE_TEST_CASE(its_descendant_reports, support::event_loop) {
    // The checkout may be in a home that other users cannot enter.
    const support::temporary_directory place;
    fs::permissions(place.path(), fs::perms(0755));
    const fs::path service = place.path() / "service";
    fs::copy_file("/proc/self/exe", service);
    real_tree tree(*this,
                   tree_of({shell("web", "setsid -w " + service.string() + " & wait",
                                  R"("ready": "notify", "user": "daemon", "start_timeout": "10s",
                                 "env": {"SUPE_TEST_ROLE": "service"})")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(tree.stop());
}

// It dies with its supervisor, and so does its stop command run as that user.
BOOST_AUTO_TEST_CASE(it_dies_with_its_supervisor) {
    const operator_session d;
    fs::permissions(d.file(""), fs::perms(0755));
    const auto root = d.run_tree(
        R"({"name": "t", "children": [
            {"name": "web", "command": ["sleep", "1000"], "user": "daemon",
             "stop_command": ["sh", "-c", "echo stopped by $(id -un); exit 1"]}]})");
    BOOST_TEST(d.ask({"restart", "web"}).code == 0);
    BOOST_TEST(support::until(
        [&] { return root->out().find("[web] stopped by daemon\n") != std::string::npos; }));
    const pid_t web = d.pid_of("web");
    BOOST_TEST(support::is_alive(web));
    root->signal(SIGKILL);
    root->wait();
    BOOST_TEST(support::until([&] { return !support::is_alive(web); }));
}

// A start that the other user may not make fails with the reason.
BOOST_FIXTURE_TEST_CASE(a_directory_that_is_closed_to_it, support::event_loop) {
    support::temporary_directory tmp;  // mode 0700, of root
    real_tree tree(*this, tree_of({shell("web", "true",
                                         fmt::format(R"("user": "daemon", "directory": "{}")",
                                                     tmp.path().string()))}));
    BOOST_TEST(tree.ends());
    BOOST_TEST(
        tree.root().why() ==
        fmt::format("child web could not be started: {}: Permission denied", tmp.path().string()));
}

// `supe check` reads the tree of another machine. `supe run` refuses unknown users, with the place,
// and so does SIGHUP.
BOOST_AUTO_TEST_CASE(unknown_users) {
    const operator_session d;
    const std::string good = R"({"name": "t", "children": []})";
    const std::string bad =
        R"({"name": "t", "children": [{"name": "web", "command": ["true"], "user": "no-such"}]})";
    const std::string file = support::write_file(d.file("tree.json"), bad);
    BOOST_TEST(d.supe({"check", file}).code == 0);
    const auto refused = d.supe({"run", file, "--state", d.state()});
    BOOST_TEST(refused.code == 2);
    const std::string why = "children[0].user: user no-such: this machine has no such user";
    BOOST_TEST(refused.err.find(why) != std::string::npos, refused.err);
    const auto root = d.run_tree(good);
    support::write_file(file, bad);
    root->signal(SIGHUP);
    BOOST_TEST(support::until([&] {
        return root->err().find("SIGHUP: nothing is changed: " + file + ":1:") != std::string::npos;
    }));
    BOOST_TEST(root->err().find(why) != std::string::npos);
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
}

// An ordinary user is told that it takes root, before anything starts.
BOOST_AUTO_TEST_CASE(by_an_ordinary_user, *support::needs({"setpriv"})) {
    const operator_session d;
    fs::permissions(d.file(""), fs::perms(0755));
    const std::string file = support::write_file(
        d.file("tree.json"),
        R"({"name": "t", "children": [{"name": "web", "command": ["true"], "user": "daemon"}]})");
    support::command_setup setup;
    setup.words = {"setpriv", "--reuid", "daemon",  "--clear-groups", SUPE_BINARY,
                   "run",     file,      "--state", d.state()};
    const auto refused = support::run(std::move(setup));
    BOOST_TEST(refused.code == 2);
    BOOST_TEST(refused.err == fmt::format("supe: {}:1:65: children[0].user: user daemon: only a "
                                          "supervisor that runs as root can change it\n",
                                          file));
}

BOOST_AUTO_TEST_SUITE_END()
