// Shows what the forwarder remembers of its deliveries.
#include "components/forwarder/latest_results.hpp"

#include <boost/test/unit_test.hpp>

using components::latest_results;

namespace {

components::attempt_result of_status(int status) { return {{status, {}, {}}, {}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(delivery_results)

// The same attempt has the same result, and so has one before a success. One behind a success is a
// replay: it is made.
BOOST_AUTO_TEST_CASE(what_counts_as_known) {
    latest_results r(10);
    BOOST_TEST(r.find("a", 1) == nullptr);
    r.add("a", 1, of_status(503));
    BOOST_REQUIRE(r.find("a", 1));
    BOOST_TEST(r.find("a", 1)->reply.status == 503);
    BOOST_TEST(r.find("a", 2) == nullptr);
    r.add("a", 2, of_status(204));
    BOOST_REQUIRE(r.find("a", 2));
    BOOST_TEST(r.find("a", 2)->reply.status == 204);
    BOOST_TEST(r.find("a", 3) == nullptr);
    BOOST_TEST(r.find("a", 1)->reply.status == 204);
    BOOST_TEST(r.find("b", 1) == nullptr);
}

// No more than its limit; the oldest goes first, and one that is tried again is still one.
BOOST_AUTO_TEST_CASE(keeps_no_more_than_its_limit) {
    latest_results r(2);
    for (unsigned attempt = 1; attempt < 100; ++attempt) r.add("a", attempt, of_status(500));
    r.add("b", 1, of_status(200));
    BOOST_TEST(r.find("a", 99) != nullptr);
    r.add("c", 1, of_status(200));
    BOOST_TEST(r.find("a", 99) == nullptr);
    BOOST_TEST(r.find("b", 1) != nullptr);
    BOOST_TEST(r.find("c", 1) != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
