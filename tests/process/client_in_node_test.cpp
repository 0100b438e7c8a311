// The component in Node of patterns/clients passes all checks of `supe conformance`.
#include "tests/support/conformance.hpp"
#include "tests/support/needs.hpp"

BOOST_AUTO_TEST_SUITE(client_in_node, *support::needs({"node"}))

BOOST_AUTO_TEST_CASE(passes) {
    support::expect_conformance({"node", support::client("client.js")});
}

BOOST_AUTO_TEST_SUITE_END()
