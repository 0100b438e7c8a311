// Listening sockets of a real child stay open through its crashes, as systemd's do, and where their
// paths lead.
#include "supe/tree/tree_file.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

using namespace std::chrono_literals;
using support::helper;
using support::real_tree;
using support::tree_of;
namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;

namespace {

struct tally {
    std::size_t connected = 0;
    std::size_t refused = 0;
    std::size_t answered = 0;
    std::set<std::string> who;
};

/// Connects again and again. A request in the child may be lost when it is killed; a connection
/// must never be refused.
supe::awaitable<> client(supe::loop_executor loop, tcp::endpoint where, tally& count) {
    for (;;) {
        tcp::socket connection(loop);
        boost::system::error_code failed;
        co_await connection.async_connect(where, asio::redirect_error(supe::use_awaitable, failed));
        if (failed == asio::error::operation_aborted) co_return;
        ++(failed ? count.refused : count.connected);
        if (failed) continue;
        co_await asio::async_write(connection, asio::buffer("x", 1),
                                   asio::redirect_error(supe::use_awaitable, failed));
        std::string answer;
        co_await asio::async_read(connection, asio::dynamic_buffer(answer),
                                  asio::redirect_error(supe::use_awaitable, failed));
        if (answer.ends_with('\n')) {
            ++count.answered;
            count.who.insert(answer);
        }
    }
}

/// A child that listens, and needs no client.
std::string listener(const std::string& name, const std::string& address) {
    return support::shell(name, "exec sleep 1000", fmt::format(R"("listen": ["{}"])", address));
}

/// Three that listen at `path`.
std::string instances(const std::string& program, const std::string& path,
                      const std::string& form) {
    return support::shell(
        "web", program,
        fmt::format(R"("instances": 3, "env": {{"FORM": "{}"}}, "listen": ["unix:{}"])", form,
                    path));
}

/// The different ones that their processes have.
std::set<std::string> sockets_of_instances(real_tree& tree) {
    std::set<std::string> all;
    for (const char* name : {"web.1", "web.2", "web.3"})
        all.insert(fs::read_symlink(fmt::format("/proc/{}/fd/3", tree.pid(name))).string());
    return all;
}

std::string reload(support::event_loop& loop, real_tree& tree, const std::string& now) {
    std::optional<std::string> problem;
    supe::nursery tasks(loop.time);
    tasks.start([](supe::supervisor& root, std::string text,
                   std::optional<std::string>& into) -> supe::awaitable<> {
        into = co_await root.admin().reload(supe::parse_tree(text, "tree", "/"));
    }(tree.root(), now, problem));
    loop.until([&] { return problem.has_value(); }, 20s);
    loop.end(tasks);
    return problem.value_or("no answer");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(socket_activation, support::event_loop)

// 100 times SIGKILL under load: each next life answers, and no connection is refused.
BOOST_AUTO_TEST_CASE(no_connection_is_refused) {
    const std::string address = support::free_address();
    const std::string listen = fmt::format(
        R"("listen": ["{}"], "max_restarts": 1000, "backoff": {{"max": "1ms"}})", address);
    real_tree tree(*this, tree_of({helper("web", "acceptor", listen)}, R"("max_restarts": 1000)"));
    BOOST_TEST(tree.prints("[web] LISTEN_FDS 1, LISTEN_FDNAMES web, channel 4"));
    const auto port =
        static_cast<unsigned short>(std::stoi(address.substr(address.rfind(':') + 1)));
    tally count;
    supe::nursery load(time);
    for (int i = 0; i < 16; ++i)
        load.start(client(io.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), port),
                          count));
    for (std::size_t kills = 1; kills <= 100; ++kills) {
        BOOST_REQUIRE(until([&] { return count.who.size() == kills; }, 20s));
        ::kill(tree.pid("web"), SIGKILL);
        BOOST_REQUIRE(tree.sees("web-started", kills + 1));
    }
    BOOST_REQUIRE(until([&] { return count.who.size() == 101; }, 20s));
    end(load);
    BOOST_TEST_MESSAGE(count.connected << " connections, " << count.answered << " answered");
    BOOST_TEST(count.refused == 0u);
    BOOST_TEST(tree.stop());
}

// Several sockets, each with a name; when one cannot be opened, the tree does not start.
BOOST_AUTO_TEST_CASE(several) {
    real_tree tree(*this,
                   tree_of({helper("web", "acceptor",
                                   R"("listen": ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"])")}));
    BOOST_TEST(tree.prints("[web] LISTEN_FDS 3, LISTEN_FDNAMES web:web:web, channel 6"));
}

// A unix socket whose file was deleted is bound anew at the next start, after a crash or by a
// reload, which restarts the child for it. One that cannot be bound stays as it was.
BOOST_AUTO_TEST_CASE(a_deleted_file) {
    const support::temporary_directory tmp;
    const std::string path = (tmp / "web.sock").string();
    const std::string text = tree_of({listener("web", "unix:" + path)});
    const std::string said =
        "[supe] unix:" + path +
        " did not lead to the socket of web any more: a new one is bound there";
    real_tree tree(*this, text);
    BOOST_TEST(tree.sees("web-started"));
    fs::remove(path);
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.sees("web-started", 2));
    BOOST_TEST(tree.prints(said));
    BOOST_TEST(fs::is_socket(path));
    BOOST_TEST(reload(*this, tree, text) == "");
    BOOST_TEST(tree.count("web-started") == 2u);
    fs::remove(path);
    BOOST_TEST(reload(*this, tree, text) == "");
    BOOST_TEST(tree.count("web-started") == 3u);
    BOOST_TEST(tree.prints(said, 2));
    BOOST_TEST(fs::is_socket(path));
    fs::remove(path);
    std::ofstream(path) << "somebody else's";
    const std::string why =
        "web cannot listen on unix:" + path + ": the file exists and is not a socket";
    BOOST_TEST(reload(*this, tree, text) == why + "; web goes on as it was");
    BOOST_TEST(tree.count("web-started") == 3u);
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.sees("web-started", 4));
    BOOST_TEST(tree.prints("[supe] " + why + "; no path leads to the socket that it goes on with"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(fs::is_regular_file(path));
}

// Where a start binds a new socket, the log says that the other instances have the old one, and a
// reload gives it to all.
BOOST_AUTO_TEST_CASE(a_deleted_file_of_instances) {
    const support::temporary_directory tmp;
    const std::string path = (tmp / "web.sock").string();
    const std::string text = tree_of({instances("exec sleep 1000", path, "1")});
    real_tree tree(*this, text);
    BOOST_TEST(tree.sees("web.3-started"));
    fs::remove(path);
    ::kill(tree.pid("web.2"), SIGKILL);
    BOOST_TEST(tree.sees("web.2-started", 2));
    BOOST_TEST(
        tree.prints("[supe] no path leads any more to the socket of other instances of web "
                    "(2): supe reload restarts them"));
    BOOST_TEST(sockets_of_instances(tree).size() == 2u);
    BOOST_TEST(reload(*this, tree, text) == "");
    BOOST_TEST(sockets_of_instances(tree).size() == 1u);
    BOOST_TEST(fs::is_socket(path));
    BOOST_TEST(tree.count("web.2-started") == 2u);
    BOOST_TEST(tree.stop());
}

// Instances that remove the file at their end share one socket after a reload all the same.
BOOST_AUTO_TEST_CASE(instances_that_remove_the_file) {
    const support::temporary_directory tmp;
    const std::string path = (tmp / "web.sock").string();
    const std::string program =
        fmt::format("trap 'rm -f {}; exit 0' TERM; while :; do sleep 0.02; done", path);
    real_tree tree(*this, tree_of({instances(program, path, "1")}));
    BOOST_TEST(tree.sees("web.3-started"));
    BOOST_TEST(reload(*this, tree, tree_of({instances(program, path, "2")})) == "");
    BOOST_TEST(sockets_of_instances(tree).size() == 1u);
    BOOST_TEST(fs::is_socket(path));
    BOOST_TEST(tree.stop());
}

// What a start refuses a reload refuses too, whatever the port was shared for before.
BOOST_AUTO_TEST_CASE(addresses_that_overlap) {
    const std::string one = support::free_address();
    const std::string port = one.substr(one.rfind(':') + 1);
    real_tree tree(*this, tree_of({listener("b", one)}));
    BOOST_TEST(tree.sees("b-started"));
    BOOST_TEST(reload(*this, tree, tree_of({listener("b", ":" + port)})) == "");
    BOOST_TEST(
        reload(*this, tree, tree_of({listener("b", one), listener("c", "0.0.0.0:" + port)})) ==
        "c cannot listen on 0.0.0.0:" + port + ": Address already in use");
    BOOST_TEST(tree.stop());
}

BOOST_AUTO_TEST_SUITE_END()
