// The component in Ruby of patterns/clients passes all checks of `supe conformance`.
#include "tests/support/conformance.hpp"
#include "tests/support/needs.hpp"

BOOST_AUTO_TEST_SUITE(client_in_ruby, *support::needs({"ruby"}))

BOOST_AUTO_TEST_CASE(passes) {
    support::expect_conformance({"ruby", support::client("client.rb")});
}

BOOST_AUTO_TEST_SUITE_END()
