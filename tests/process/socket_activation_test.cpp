// Listening sockets of a real child stay open through its crashes, as systemd's do.
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <set>

using namespace std::chrono_literals;
using support::helper;
using support::real_tree;
using support::tree_of;
namespace asio = boost::asio;
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

BOOST_AUTO_TEST_SUITE_END()
