// Shows what a command says of a connection that ends without an answer: a tree that lives may have
// closed it. Without a tree.
#include "supe/control/client.hpp"
#include "supe/storage/private_socket.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/socket.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using supe::control::client;

BOOST_AUTO_TEST_SUITE(control_client)

BOOST_AUTO_TEST_CASE(no_answer) {
    const support::temporary_directory state;
    supe::unique_fd listener = supe::listen_private(state.path() / "control.sock");
    const auto cut_off = [&](bool tree_ends) {
        auto asker = client::connect(state.path());
        BOOST_REQUIRE(asker);
        const supe::unique_fd closed(::accept(listener.get(), nullptr, nullptr));
        ::shutdown(closed.get(), SHUT_RDWR);
        if (tree_ends) listener.reset();
        return boost::json::serialize(asker->ask({{"do", "status"}}));
    };
    const std::string tree = "{\"error\":\"the tree on " + state.path().string();
    BOOST_TEST(cut_off(false) == tree + " closed the connection without an answer\",\"code\":1}");
    BOOST_TEST(cut_off(true) == tree + " ended before it answered\",\"code\":3}");
}

BOOST_AUTO_TEST_SUITE_END()
