// What the processes of a tree inherit, and what they look like: limits, signals, names, the socket
// of sd_notify.
#include "supe/process/notify_socket.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using support::helper;
using support::operator_session;
using support::real_tree;
using support::tree_of;

namespace {

/// `supe run` of the tree, by a shell that runs `before` first.
std::unique_ptr<support::command> run_after(const operator_session& d, const std::string& before,
                                            const std::string& tree) {
    support::command_setup setup;
    const std::string file = support::write_file(d.file("tree.json"), tree);
    setup.words = {
        "sh", "-c",
        fmt::format("{}; exec '{}' run '{}' --state '{}'", before, SUPE_BINARY, file, d.state())};
    auto root = std::make_unique<support::command>(std::move(setup));
    support::until([&] { return d.is_up() || root->has_ended(); });
    return root;
}

bool prints(const support::command& root, const std::string& line) {
    return support::until(
        [&] { return ("\n" + root.out()).find("\n" + line + "\n") != std::string::npos; });
}

void stop(support::command& root) {
    root.signal(SIGTERM);
    BOOST_TEST(root.wait() == 0);
}

/// Sends a line as sd_notify does.
bool notify(const std::string& path, const std::string& text) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    const supe::unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return ::sendto(fd.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to),
                    sizeof to) > 0;
}

std::string words_of(pid_t pid) {
    std::string words = support::read_file(fmt::format("/proc/{}/cmdline", pid));
    std::ranges::replace(words, '\0', ' ');
    return words;
}

std::string comm_of(pid_t pid) { return support::read_file(fmt::format("/proc/{}/comm", pid)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(inheritance)

// Every child, of the root, of a nested supervisor and on demand, has the soft limit of descriptors
// that the root found, no blocked and no ignored signal: neither ours, nor those of whoever started
// us (nohup, a shell with traps).
BOOST_AUTO_TEST_CASE(limits_and_signals) {
    const operator_session d;
    const std::string shows =
        R"("command": ["sh", "-c", "ulimit -Sn; grep -E 'Sig(Blk|Ign)' /proc/self/status; exec sleep 1000"])";
    const auto root = run_after(d, "trap '' HUP PIPE INT QUIT USR1; ulimit -Sn 512",
                                fmt::format(R"({{"name": "t", "children": [
            {{"name": "web", {0}}},
            {{"name": "dam", "children": [{{"name": "inner", {0}}}]}},
            {{"name": "late", "demand": true, {0}}}]}})",
                                            shows));
    BOOST_TEST(d.ask({"mail", "late", "1"}).code == 0);
    for (const char* const who : {"web", "/dam/inner", "late"}) {
        BOOST_TEST(prints(*root, fmt::format("[{}] 512", who)), root->out());
        for (const char* const set : {"SigBlk", "SigIgn"})
            BOOST_TEST(prints(*root, fmt::format("[{}] {}:\t0000000000000000", who, set)),
                       root->out());
    }
    stop(*root);
}

// A small stack is enough for the root and a nested supervisor.
BOOST_AUTO_TEST_CASE(a_small_stack) {
    const operator_session d;
    const auto root = run_after(d, "ulimit -s 128",
                                R"({"name": "t", "children": [
            {"name": "dam", "children": [{"name": "inner", "command": ["sleep", "1000"]}]}]})");
    BOOST_TEST(d.reaches("/dam/inner", "running"), root->err());
    BOOST_TEST(d.ask({"mail", "/dam/inner", "1"}).code == 0);
    stop(*root);
}

// In the list of processes nested supervisors and built-in roles are `supe`, with their address.
BOOST_AUTO_TEST_CASE(names_of_processes) {
    const operator_session d;
    const auto root = d.run_tree(
        R"({"name": "t", "children": [
            {"name": "dam", "children": [{"name": "low", "children": []}]}]})");
    for (const char* const address : {"/dam", "/dam/low"}) {
        const pid_t pid = d.pid_of(address);
        BOOST_TEST(words_of(pid) == fmt::format("supe component supervisor {} ", address));
        BOOST_TEST(comm_of(pid) == "supe\n");
    }
    stop(*root);
}

BOOST_AUTO_TEST_CASE(names_below_the_relay) {
    const operator_session d;
    const auto root = d.begin(
        {"relay", "--to", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--state", d.state()});
    BOOST_TEST(d.reaches("/http_server", "running"), root->err());
    BOOST_TEST(words_of(d.pid_of("/dam")) == "supe component supervisor /dam ");
    BOOST_TEST(words_of(d.pid_of("/dam/queue")) == "supe component queue /dam/queue ");
    BOOST_TEST(comm_of(d.pid_of("/dam/queue")) == "supe\n");
    stop(*root);
}

// NOTIFY_SOCKET is a path in the state directory, also from a network namespace of its own. The
// file goes with the process.
BOOST_FIXTURE_TEST_CASE(a_notify_socket_that_is_a_file, support::event_loop) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    real_tree tree(
        *this,
        tree_of({fmt::format(
            R"({{"name": "web", "command": ["unshare", "-n", "{}"], "ready": "notify", "start_timeout": "10s",
                 "env": {{"SUPE_TEST_ROLE": "service"}}}})",
            self)}));
    if (::geteuid() == 0) BOOST_TEST(tree.sees("web-ready"));
    const auto folder = tree.state() / "notify";
    BOOST_TEST(std::filesystem::exists(folder / "web"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(std::filesystem::is_empty(folder));
}

// The file of an earlier life is replaced, whoever left it. A path that is too long, or cannot be
// made, is no reason not to start: the name is abstract then.
BOOST_AUTO_TEST_CASE(paths_of_notify_sockets) {
    const support::temporary_directory tmp;
    const std::string path = tmp / "notify/web";
    {
        auto first = supe::notify_socket::open(path);
        BOOST_TEST(first.name() == path);
        struct stat made{};
        BOOST_TEST(::stat(path.c_str(), &made) == 0);
        BOOST_TEST((made.st_mode & 0777) == 0600u);
        auto second = supe::notify_socket::open(path);
        BOOST_TEST(second.name() == path);
        BOOST_TEST(notify(path, "READY=1"));
        BOOST_TEST(first.receive(0).empty());
        BOOST_TEST(second.receive(0) == std::vector<std::string>{"READY=1"});
        first = {};  // not its file any more
        BOOST_TEST(std::filesystem::exists(path));
    }
    BOOST_TEST(!std::filesystem::exists(path));
    for (const std::string& bad : {std::string(), std::string(tmp / std::string(120, 'x')),
                                   std::string(tmp / "no/such/x")}) {
        const auto made = supe::notify_socket::open(bad);
        BOOST_TEST(made.name().starts_with("@"));
    }
    std::filesystem::create_directory_symlink(tmp.path(), tmp / "link");
    BOOST_TEST(supe::notify_socket::open(tmp / "link/x").name().starts_with("@"));
}

BOOST_AUTO_TEST_SUITE_END()
