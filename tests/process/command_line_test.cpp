// The real binary with real children: each command, each exit code, each error text of contract §6.
#include "supe/output/log_files.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/text.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <sstream>

namespace json = boost::json;
using namespace std::chrono_literals;
using support::count;
using support::operator_session;
using support::until;

namespace {

constexpr const char* shop = R"({"name": "shop", "children": [
    {"name": "web", "command": ["sh", "-c", "echo hello; echo oops >&2; exec sleep 1000"]},
    {"name": "dam", "children": [{"name": "queue", "command": ["sh", "-c", "echo deep; exec sleep 1000"]}]}]})";

std::string sleeper(const std::string& name, const std::string& more = "") {
    return R"({"name": ")" + name + R"(", "command": ["sleep", "1000"])" + more + "}";
}
std::string tree_of(const std::string& children, const std::string& more = "") {
    return R"({"name": "t", "children": [)" + children + "]" + more + "}";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// The lines of one writer: lines of another one may come between them.
std::string lines_with(const std::string& text, const std::string& label) {
    std::string found;
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);)
        if (line.starts_with(label)) found += line + '\n';
    return found;
}

/// Occupies a port of this machine for its own life.
struct taken_port {
    taken_port() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
        BOOST_REQUIRE(::listen(fd.get(), 1) == 0);
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
        name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    supe::unique_fd fd;
    std::string name;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line)

// Each line has its label, stdout stays stdout and stderr stderr, our own log is on stderr; a
// requested stop has exit code 0.
BOOST_AUTO_TEST_CASE(run_labels_each_line) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    BOOST_TEST(until([&] { return has(tree->out(), "deep") && has(tree->err(), "oops"); }));
    tree->signal(SIGTERM);
    BOOST_TEST(tree->wait() == 0);
    BOOST_TEST(has(tree->out(), "[web] hello\n"));
    BOOST_TEST(has(tree->out(), "[/dam/queue] deep\n"));
    BOOST_TEST(count(tree->out(), "\n") == 2u);
    BOOST_TEST(has(tree->err(), "[web] oops\n"));
    BOOST_TEST(has(tree->err(), "[supe] SIGTERM: stopping\n"));
    BOOST_TEST(!has(tree->out() + tree->err(), "\x1b"));
}

// --log-format json: every line of both streams, and of our own log, is an object with the same
// four members.
BOOST_AUTO_TEST_CASE(run_in_json) {
    const operator_session d;
    const auto tree = d.run_tree(
        tree_of(
            R"({"name": "web", "command": ["sh", "-c", "printf 'a\\377\"b\\n'; exec sleep 1000"]},
        {"name": "dam", "children": [{"name": "q", "command": ["sh", "-c", "echo deep; exec sleep 1000"]}]})"),
        {"--log-format", "json"});
    BOOST_TEST(until([&] { return count(tree->out(), "\n") == 2; }));
    tree->signal(SIGINT);
    BOOST_TEST(tree->wait() == 0);
    std::map<std::string, json::value> by_address;
    std::istringstream all(tree->out() + tree->err());
    for (std::string line; std::getline(all, line);) {
        const json::value v = json::parse(line);
        BOOST_TEST(v.as_object().size() == 4u);
        BOOST_TEST(v.at("at").as_string().size() == 24u);
        by_address[std::string(v.at("address").as_string())] = v;
    }
    BOOST_TEST(by_address.at("/web").at("line") == "a\\xff\"b");
    BOOST_TEST(by_address.at("/web").at("stream") == "stdout");
    BOOST_TEST(by_address.at("/dam/q").at("line") == "deep");
    BOOST_TEST(by_address.at("/").at("line") == "SIGINT: stopping");
    BOOST_TEST(by_address.at("/").at("stream") == "stderr");
    BOOST_TEST(d.supe({"run", d.file("tree.json"), "--log-format", "xml"}).code == 2);
}

// A line of 100,000 bytes is cut once, also below a nested supervisor; the last words of a child
// are not lost.
BOOST_AUTO_TEST_CASE(long_lines_and_last_words) {
    const operator_session d;
    const std::string child =
        R"(, "restart": "temporary", "command": ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; seq 1 2000; printf end"]})";
    const auto tree =
        d.run_tree(tree_of(R"({"name": "a")" + child +
                           R"(, {"name": "dam", "children": [{"name": "b")" + child + "]}"));
    BOOST_TEST(
        until([&] { return has(tree->out(), "[a] end\n") && has(tree->out(), "[/dam/b] end\n"); }));
    for (const std::string label : {"[a] ", "[/dam/b] "}) {
        const std::string out = lines_with(tree->out(), label);
        BOOST_TEST(has(out, label + std::string(65536, 'x') + " [cut]\n" + label + "1\n"));
        BOOST_TEST(count(out, label) == 2002u);
    }
}

// Started with stdin, stdout and stderr closed it runs, and no file or socket of it gets the
// printed lines.
BOOST_AUTO_TEST_CASE(without_standard_descriptors) {
    const operator_session d;
    support::write_file(d.file("tree.json"), shop);
    support::command_setup setup;
    setup.words = {"sh",
                   "-c",
                   "exec \"$0\" run \"$1\" --state \"$2\" <&- >&- 2>&-",
                   SUPE_BINARY,
                   d.file("tree.json"),
                   d.state()};
    support::command tree(std::move(setup));
    BOOST_TEST(until([&] { return has(d.ask({"logs"}).out, "[/dam/queue] deep\n"); }));
    BOOST_TEST(d.is_up());
    const std::string lock = support::read_file(d.state() + "/root.lock");
    BOOST_TEST(lock == std::to_string(tree.pid()) + " (supe shop)\n");
    tree.signal(SIGTERM);
    BOOST_TEST(tree.wait() == 0);
}

// A root that passes its limit ends with 1 and prints the reason.
BOOST_AUTO_TEST_CASE(a_root_that_fails) {
    const operator_session d;
    support::write_file(d.file("tree.json"),
                        tree_of(R"({"name": "bad", "command": ["sh", "-c", "sleep 0.1; exit 3"]})",
                                R"(, "max_restarts": 1)"));
    const auto r = d.ask({"run", d.file("tree.json")});
    BOOST_TEST(r.code == 1);
    BOOST_TEST(has(r.err, "[supe] bad crashed after 0.1 s: exit code 3\n"));
    BOOST_TEST(has(r.err, "[supe] failed: "));
    BOOST_TEST(d.ask({"status"}).code == 3);
}

// A resource that is missing at start gives exit code 2, and one line that names it.
BOOST_AUTO_TEST_CASE(what_cannot_be_had_at_start) {
    const operator_session d;
    const auto run = [&](const std::string& text) {
        support::write_file(d.file("tree.json"), text);
        return d.ask({"run", d.file("tree.json")});
    };
    const auto none = d.ask({"run", d.file("none.json")});
    BOOST_TEST(none.code == 2);
    BOOST_TEST(none.err == "supe: " + d.file("none.json") + ": No such file or directory\n");
    const auto bad =
        run("{\"name\": \"t\",\n \"children\": [{\"name\": \"a\", \"command\": [\"x\"], "
            "\"restart\": \"always\"}]}");
    BOOST_TEST(bad.code == 2);
    BOOST_TEST(bad.err == "supe: " + d.file("tree.json") +
                              ":2:58: children[0].restart: \"always\" is not one of permanent, "
                              "transient, temporary\n");
    const taken_port port;
    const auto taken = run(tree_of(sleeper("a", R"(, "listen": [")" + port.name + "\"]")));
    BOOST_TEST(taken.code == 2);
    BOOST_TEST(has(taken.err, port.name + ": Address already in use"));
    support::write_file(d.file("plain"), "a file");
    const auto nowhere = d.supe({"run", d.file("tree.json"), "--state", d.file("plain") + "/x"});
    BOOST_TEST(nowhere.code == 2);
    BOOST_TEST(nowhere.err == "supe: state directory " + d.file("plain") + "/x: Not a directory\n");
}

// check prints ok, or the position, the error and the choices; it knows the built-in components.
BOOST_AUTO_TEST_CASE(check) {
    const operator_session d;
    const auto check = [&](const std::string& text) {
        return d.supe({"check", support::write_file(d.file("x.json"), text)});
    };
    const auto good = check("// a comment\n" + std::string(shop));
    BOOST_TEST(good.code == 0);
    BOOST_TEST(good.out == d.file("x.json") + ": ok\n");
    const auto role = check(tree_of("\n{\"name\": \"a\", \"component\": \"forwrder\"}"));
    BOOST_TEST(role.code == 2);
    BOOST_TEST(has(role.err,
                   "x.json:2:28: children[0].component: \"forwrder\" is not one of "
                   "connection_lock, queue, forwarder"));
    BOOST_TEST(has(check("{").err, "x.json:1:2: "));
    BOOST_TEST(
        has(check(R"({"name": "t", "childern": []})").err, ":1:15: \"childern\" is not one of "));
    BOOST_TEST(d.supe({"check"}).code == 2);
}

// A second root on a state directory is refused at once, with the pid of the first; after a kill
// the next one starts.
BOOST_AUTO_TEST_CASE(one_root_at_a_time) {
    const operator_session d;
    auto tree = d.run_tree(shop);
    const auto second = d.ask({"run", d.file("tree.json")});
    BOOST_TEST(second.code == 2);
    BOOST_TEST(second.err == "supe: state directory " + d.state() + " is in use by process " +
                                 std::to_string(tree->pid()) + " (supe shop)\n");
    BOOST_TEST(d.is_up());
    tree->signal(SIGKILL);
    BOOST_TEST(tree->wait() == 128 + SIGKILL);
    BOOST_TEST(d.ask({"status"}).code == 3);
    tree = d.run_tree(shop);
    BOOST_TEST(d.is_up());
}

// status shows states, and tree draws them; a killed child is shown with its signal, its restart
// and its history.
BOOST_AUTO_TEST_CASE(status_after_a_kill) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    const pid_t first = d.pid_of("web");
    BOOST_REQUIRE(first > 0);
    ::kill(first, SIGKILL);
    BOOST_TEST(until([&] {
        const pid_t now = d.pid_of("/web");
        return now > 0 && now != first;
    }));
    const auto web = d.status("/web");
    BOOST_TEST(web.at("restarts") == 1);
    BOOST_TEST(web.at("last_exit").at("signal") == "SIGKILL");
    const auto table = d.ask({"status"});
    BOOST_TEST(table.code == 0);
    BOOST_TEST(table.out.starts_with("NAME"));
    BOOST_TEST(has(table.out, "\n    queue  running"));
    BOOST_TEST(has(d.ask({"status", "web"}).out, "How it ended so far"));
    BOOST_TEST(has(d.ask({"tree"}).out, "\n└─ dam  running"));
    BOOST_TEST(has(d.ask({"tree"}).out, "\n   └─ queue  running"));
    const auto nobody = d.ask({"status", "wbe"});
    BOOST_TEST(nobody.code == 3);
    BOOST_TEST(nobody.err == "supe: no such child: /wbe (there is /web, /dam)\n");
}

// start, stop and restart end when they are done; --state may be anywhere on the line.
BOOST_AUTO_TEST_CASE(start_stop_restart) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    BOOST_TEST(d.supe({"--state", d.state(), "stop", "web"}).out == "/web is stopped\n");
    BOOST_TEST(d.status("web").at("state") == "stopped");
    BOOST_TEST(d.status("web").at("pid").is_null());
    BOOST_TEST(d.supe({"start", "--state", d.state(), "web"}).out == "/web is up\n");
    const pid_t before = d.pid_of("/dam/queue");
    BOOST_TEST(d.supe({"restart", "/dam/queue", "--state=" + d.state()}).out ==
               "/dam/queue is up\n");
    BOOST_TEST(d.pid_of("/dam/queue") != before);
    BOOST_TEST(d.ask({"stop", "/dam/nobody"}).code == 3);
    BOOST_TEST(d.ask({"stop"}).code == 2);
}

// Children are added, scaled and removed while the others run on; the error of a bad child file has
// its position.
BOOST_AUTO_TEST_CASE(add_and_remove) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    const pid_t web = d.pid_of("web");
    const std::string file = support::write_file(d.file("child.json"), sleeper("extra"));
    BOOST_TEST(d.ask({"add", "/", file}).out == "/extra is up\n");
    BOOST_TEST(d.ask({"add", "dam", file}).out == "/dam/extra is up\n");
    BOOST_TEST(d.status("/dam/extra").at("state") == "running");
    BOOST_TEST(d.ask({"add", "/", file}).code == 1);
    BOOST_TEST(d.ask({"remove", "/dam/extra"}).out == "/dam/extra is removed\n");
    BOOST_TEST(d.ask({"status", "/dam/extra"}).code == 3);
    BOOST_TEST(d.ask({"scale", "extra", "3"}).out == "/extra has 3 instances\n");
    BOOST_TEST(d.status("/extra.3").at("state") == "running");
    BOOST_TEST(d.ask({"scale", "extra", "0"}).code == 2);
    support::write_file(file, R"({"name": "y", "command": "sleep"})");
    const auto bad = d.ask({"add", "/", file});
    BOOST_TEST(bad.code == 2);
    BOOST_TEST(has(bad.err, "child.json:1:26: command: must be an array"));
    BOOST_TEST(d.pid_of("web") == web);
}

// SIGHUP applies what changed in the file, and touches nothing else; a bad file changes nothing,
// and its error has the position.
BOOST_AUTO_TEST_CASE(reload) {
    const operator_session d;
    const auto tree = d.run_tree(tree_of(sleeper("a") + "," + sleeper("b")));
    const pid_t a = d.pid_of("a");
    support::write_file(d.file("tree.json"), tree_of(sleeper("a") + "," + sleeper("c")));
    tree->signal(SIGHUP);
    BOOST_TEST(d.reaches("c", "running"));
    BOOST_TEST(d.ask({"status", "b"}).code == 3);
    BOOST_TEST(d.pid_of("a") == a);
    support::write_file(d.file("tree.json"), tree_of(sleeper("a", R"(, "restart": "never")")));
    tree->signal(SIGHUP);
    BOOST_TEST(until([&] { return has(tree->err(), "nothing is changed: "); }));
    BOOST_TEST(has(tree->err(),
                   "tree.json:1:83: children[0].restart: \"never\" is not one of permanent, "
                   "transient, temporary\n"));
    BOOST_TEST(d.pid_of("a") == a);
    BOOST_TEST(d.status("c").at("state") == "running");
}

// The first Ctrl-C stops, the second kills: a child that ignores a stop does not hold up the end.
BOOST_AUTO_TEST_CASE(two_interrupts) {
    const operator_session d;
    const auto tree = d.run_tree(tree_of(
        R"({"name": "deaf", "shutdown": "1h", "command": ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1000; done"]})"));
    BOOST_TEST(until([&] { return has(tree->out(), "up"); }));
    const pid_t child = d.pid_of("deaf");
    tree->signal(SIGINT);
    BOOST_TEST(d.reaches("deaf", "stopping"));
    BOOST_TEST(d.status().at("state") == "stopping");
    // One that comes within a second is the same request.
    BOOST_TEST(until([&] {
        tree->signal(SIGINT);
        return has(tree->err(), "SIGINT: stopping\n[supe] SIGINT: killing what is left\n");
    }));
    BOOST_TEST(tree->wait() == 0);
    BOOST_TEST(::kill(child, 0) == -1);
}

// Two requests at once, as from `timeout` and the terminal, are one: the child has its time to end.
// SIGQUIT is such a request too.
BOOST_AUTO_TEST_CASE(requests_at_once) {
    for (const int number : {SIGTERM, SIGQUIT}) {
        const operator_session d;
        const auto tree = d.run_tree(tree_of(
            R"({"name": "slow", "command": ["sh", "-c", "trap 'sleep 0.3; echo flushed; exit' TERM; echo up; while :; do sleep 0.1; done"]})"));
        BOOST_TEST(until([&] { return has(tree->out(), "up"); }));
        tree->signal(number);
        tree->signal(SIGTERM);
        BOOST_TEST(tree->wait() == 0);
        BOOST_TEST(has(tree->out(), "[slow] flushed\n"), tree->err());
    }
}

// Signals that ask for nothing end nothing, also those that a shell had blocked or that a limit
// sends.
BOOST_AUTO_TEST_CASE(stray_signals) {
    const operator_session d;
    const auto tree = d.run_tree(tree_of(sleeper("a")));
    const pid_t a = d.pid_of("a");
    for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGXFSZ, SIGPIPE}) tree->signal(number);
    BOOST_TEST(d.pid_of("a") == a);
    tree->signal(SIGTERM);
    BOOST_TEST(tree->wait() == 0);
}

// notices prints the cached ones, then new ones as they come; --once waits for a fresh one, and
// ends with 4 after its time.
BOOST_AUTO_TEST_CASE(notices) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    const auto follow =
        d.begin({"notices", "web-started", "web-output", "--json", "--state", d.state()});
    BOOST_TEST(until([&] { return has(follow->out(), R"("notice":"web-started")"); }));
    const auto once = d.begin({"notices", "--once", "web-started", "--state", d.state()});
    BOOST_TEST(until([&] {
        d.ask({"restart", "web"});
        return once->has_ended();
    }));
    BOOST_TEST(once->wait() == 0);
    BOOST_TEST(count(once->out(), "\n") == 1u);
    BOOST_TEST(has(once->out(), "Z web-started {\"name\":\"web\",\"pid\":"));
    BOOST_TEST(until([&] {
        return has(follow->out(), R"("notice":"web-output","message":"hello","source":"web"})");
    }));
    const auto late = d.ask({"notices", "--once", "never", "--timeout", "50ms"});
    BOOST_TEST(late.code == 4);
    BOOST_TEST(late.err == "supe: no notice never within 50ms\n");
    BOOST_TEST(d.ask({"notices", "--timeout", "50ms"}).code == 0);
    BOOST_TEST(d.ask({"notices", "--timeout", "soon"}).code == 2);
    tree->signal(SIGTERM);
    BOOST_TEST(follow->wait() == 3);
}

BOOST_AUTO_TEST_SUITE_END()
