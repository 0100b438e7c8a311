// What goes wrong at once, or for a while, or because a file says what was not meant: the defaults
// survive it, and the operator is told.
#include "supe/process/listening_sockets.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

using namespace std::chrono_literals;
using support::operator_session;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

const std::string idle = "echo up; exec sleep 1000";

std::size_t lines_with(const real_tree& tree, const std::string& text) {
    std::size_t n = 0;
    for (const std::string& line : tree.lines()) n += line.find(text) != std::string::npos ? 1 : 0;
    return n;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++n;
    return n;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& thread :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/task", parent))) {
        std::ifstream children(thread.path() / "children");
        for (pid_t pid = 0; children >> pid;) found.push_back(pid);
    }
    return found;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bad_minutes, support::event_loop)

// Eleven children that are killed at the same moment, once each, do not end the tree.
BOOST_AUTO_TEST_CASE(all_killed_at_once) {
    constexpr int children = 11;
    std::vector<std::string> all;
    for (int i = 0; i < children; ++i) all.push_back(shell(fmt::format("c{}", i), idle));
    real_tree tree(*this, tree_of(all));
    BOOST_TEST(tree.sees("component-ready", children));
    std::vector<pid_t> pids;
    for (int i = 0; i < children; ++i) pids.push_back(tree.pid(fmt::format("c{}", i)));
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    BOOST_TEST(tree.sees("component-auto-restarted", children));
    BOOST_TEST(!tree.ended());
    BOOST_TEST(tree.stop());
}

// A program that goes to the background has ended, and what it left is ended: in its own group, and
// in a session of its own. The log says why, once; also where it was to be ready first.
BOOST_AUTO_TEST_CASE(to_the_background) {
    const std::string hint = ": it left processes behind: programs must stay in the foreground";
    const std::string twice = R"("max_restarts": 1)";
    real_tree tree(
        *this,
        tree_of({shell("group", "sleep 1000 & exit 0", twice),
                 shell("session", "setsid sh -c 'sleep 1000' & sleep 0.2; exit 0", twice),
                 shell("job", "sleep 1000 & exit 0", R"("restart": "transient")"),
                 shell("plain", "exit 0", twice), shell("crash", "sleep 1000 & exit 3", twice)}));
    for (const char* name : {"group", "session", "plain", "crash"})
        BOOST_TEST(tree.sees(std::string(name) + "-excessive-crash"));
    BOOST_TEST(tree.sees("job-shutdown"));
    for (const char* name : {"group", "session", "job"})
        BOOST_TEST(lines_with(tree, name + hint) == 1u);
    for (const char* name : {"plain", "crash"}) BOOST_TEST(lines_with(tree, name + hint) == 0u);
    BOOST_TEST(lines_with(tree, "] plain ended cleanly with code 0 after 0.") == 2u);
    BOOST_TEST(lines_with(tree, ", and is restarted") == 3u);
    BOOST_TEST(lines_with(tree, "] job ended cleanly") == 0u);
    BOOST_TEST(tree.stop());
    real_tree late(*this, tree_of({shell("web", "sleep 1000 & exit 0", R"("ready": "notify")")}));
    BOOST_TEST(late.ends());
    BOOST_TEST(lines_with(late, "web" + hint) == 1u);
}

// A root that shuts down with its significant child exits with 0 where that ended cleanly, else
// with 1; given up is an end too.
BOOST_AUTO_TEST_CASE(exit_codes_of_a_job) {
    const operator_session d;
    const auto code = [&](const std::string& script, const std::string& members) {
        support::write_file(
            d.file("tree.json"),
            tree_of({shell("job", script, R"("significant": true, )" + members), shell("db", idle)},
                    R"("auto_shutdown": "any_significant")"));
        const auto r = d.ask({"run", d.file("tree.json")});
        BOOST_TEST(has(r.err, "[supe] shuts down: its significant child job ended: exit code "),
                   r.err);
        return r.code;
    };
    const std::string temporary = R"("restart": "temporary")",
                      transient = R"("restart": "transient")";
    BOOST_TEST(code("sleep 0.3; exit 0", temporary) == 0);
    BOOST_TEST(code("sleep 0.3; exit 3", temporary) == 1);
    BOOST_TEST(code("sleep 0.3; exit 0", transient) == 0);
    BOOST_TEST(code("sleep 0.3; exit 3", transient + R"(, "max_restarts": 1)") == 1);
}

// The status says of the last end whether somebody asked for it.
BOOST_AUTO_TEST_CASE(who_ended_it) {
    const operator_session d;
    const auto tree = d.run_tree(tree_of({shell("web", idle)}));
    ::kill(d.pid_of("web"), SIGTERM);
    BOOST_TEST(support::until([&] { return d.status("web").at("restarts") == 1; }));
    BOOST_TEST(d.status("web").at("last_exit").at("asked_for") == false);
    BOOST_TEST(d.ask({"stop", "web"}).code == 0);
    BOOST_TEST(d.status("web").at("last_exit").at("asked_for") == true);
    const std::string text = d.ask({"status", "web"}).out;
    BOOST_TEST(has(text, "SIGTERM (asked for)\n"), text);
    BOOST_TEST(has(text, "crashed  SIGTERM\n"), text);
    BOOST_TEST(has(text, "stopped  SIGTERM\n"), text);
}

// `supe check` warns, and ends with 0; `supe run` has the same in its log, at the start and at a
// reload.
BOOST_AUTO_TEST_CASE(warnings) {
    const operator_session d;
    const auto text = [](const std::string& member) {
        return tree_of({shell("web", idle, member)});
    };
    const std::string file = d.file("tree.json");
    support::write_file(file, text(R"("max_restarts": 100, "within": "1s")"));
    const auto checked = d.supe({"check", file});
    const std::string never = "/web: max_restarts 100 within 1s can never be passed";
    BOOST_TEST(checked.code == 0);
    BOOST_TEST(checked.out == file + ": ok\n");
    BOOST_TEST(checked.err.starts_with(file + ": warning: " + never), checked.err);
    const auto tree = d.run_tree(text(R"("max_restarts": 100, "within": "1s")"));
    BOOST_TEST(has(tree->err(), "[supe] warning: " + never));
    support::write_file(file, text(R"("retry_after": "1m")"));
    tree->signal(SIGHUP);
    BOOST_TEST(support::until([&] { return has(tree->err(), "SIGHUP: reloaded\n"); }));
    BOOST_TEST(has(tree->err(), "[supe] warning: /web: retry_after has no effect"));
}

// A reload whose new address is taken leaves that child as it was, with its old socket, and says
// so; others go on. When the address is free, the same file is enough.
BOOST_AUTO_TEST_CASE(a_new_address_is_taken) {
    const operator_session d;
    const auto text = [](const std::string& address, const std::string& more) {
        return tree_of({shell("web", idle, fmt::format(R"("listen": ["{}"]{})", address, more)),
                        shell("other", idle, more.substr(more.empty() ? 0 : 2))});
    };
    const std::string old = support::free_address();
    auto taken = std::make_unique<supe::listening_sockets_of_child>(
        std::vector<std::string>{"127.0.0.1:0"}, "/");
    const std::string address = taken->addresses().front();
    const auto tree = d.run_tree(text(old, ""));
    const pid_t web = d.pid_of("web"), other = d.pid_of("other");
    support::write_file(d.file("tree.json"), text(address, R"(, "env": {"NEW": "1"})"));
    tree->signal(SIGHUP);
    const std::string why = fmt::format(
        "SIGHUP: reloaded, but: web cannot listen on {}: Address already in use; web goes on as it "
        "was\n",
        address);
    BOOST_TEST(support::until([&] { return has(tree->err(), why); }), tree->err());
    BOOST_TEST(d.pid_of("web") == web);
    BOOST_TEST(d.pid_of("other") != other);
    BOOST_CHECK_THROW(supe::listening_sockets_of_child({old}, "/"), supe::listen_error);
    taken.reset();
    tree->signal(SIGHUP);
    BOOST_TEST(support::until([&] { return has(tree->err(), "SIGHUP: reloaded\n"); }), tree->err());
    BOOST_TEST(d.pid_of("web") != web);
    BOOST_CHECK_THROW(supe::listening_sockets_of_child({address}, "/"), supe::listen_error);
    supe::listening_sockets_of_child({old}, "/");  // it is free
}

// Two children exchange their addresses in a reload. Both stay taken.
BOOST_AUTO_TEST_CASE(exchanged_addresses) {
    const operator_session d;
    const auto text = [](const std::string& a, const std::string& b) {
        return tree_of({shell("a", idle, fmt::format(R"("listen": ["{}"])", a)),
                        shell("b", idle, fmt::format(R"("listen": ["{}"])", b))});
    };
    const std::string one = support::free_address(), other = support::free_address();
    const auto tree = d.run_tree(text(one, other));
    const pid_t a = d.pid_of("a"), b = d.pid_of("b");
    support::write_file(d.file("tree.json"), text(other, one));
    tree->signal(SIGHUP);
    BOOST_TEST(support::until([&] { return has(tree->err(), "SIGHUP: reloaded\n"); }), tree->err());
    BOOST_TEST(d.pid_of("a") != a);
    BOOST_TEST(d.pid_of("b") != b);
    for (const auto& address : {one, other})
        BOOST_CHECK_THROW(supe::listening_sockets_of_child({address}, "/"), supe::listen_error);
}

// A reload that gives a child other sockets while its instances wait to be started again: each has
// the sockets that it was to be started with, and no descriptor of somebody else.
BOOST_AUTO_TEST_CASE(sockets_of_starts_that_wait) {
    const operator_session d;
    const std::string say_whose =
        "i=$(readlink /proc/$$/fd/3); i=${i#socket:[}; i=${i%]}; "
        "grep -q \" 0A .* $i \" /proc/net/tcp && echo listens || echo stale $i; exec sleep 1000";
    const auto text = [&](const std::string& address) {
        return tree_of(
            {shell("w", say_whose,
                   fmt::format(R"("listen": ["{}"], "instances": 20, "max_restarts": 1000,
                                  "backoff": {{"first": "0ms", "max": "1ms"}})",
                               address))},
            R"("max_restarts": 1000)");
    };
    std::string address = support::free_address(), other = support::free_address();
    const auto tree = d.run_tree(text(address));
    for (std::size_t round = 1; round <= 6; ++round) {
        std::swap(address, other);
        support::write_file(d.file("tree.json"), text(address));
        for (const pid_t pid : children_of(tree->pid())) ::kill(pid, SIGKILL);
        tree->signal(SIGHUP);
        BOOST_TEST(
            support::until([&] { return count_of(tree->err(), "SIGHUP: reloaded") == round; }, 30s),
            tree->err());
    }
    BOOST_TEST(!has(tree->out(), "stale"), tree->out());
    BOOST_TEST(!has(tree->err(), "Bad file descriptor"), tree->err());
}

BOOST_AUTO_TEST_SUITE_END()
