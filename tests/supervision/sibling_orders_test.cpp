// Which orders a component may give, one after the other. What becomes of them:
// orders_of_components.
#include "supe/supervision/sibling_orders.hpp"

#include "tests/support/children_fixture.hpp"

#include <boost/test/unit_test.hpp>

using supe::order_kind;

namespace {

supe::child_spec overseer(std::initializer_list<order_kind> may) {
    supe::child_spec spec = support::spec_of("boss.1");
    for (const order_kind kind : may) spec.may.add(kind);
    return spec;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sibling_orders)

// The tree file allows each kind of order by its word, and nothing else.
BOOST_AUTO_TEST_CASE(what_may_allows) {
    for (const order_kind allowed : supe::all_orders) {
        const supe::child_spec boss = overseer({allowed});
        for (const order_kind asked : supe::all_orders) {
            const std::string refusal = supe::refusal_of(boss, "boss", {asked, "web", 1});
            const std::string word = supe::order_word(asked);
            BOOST_TEST(refusal == (asked == allowed ? ""
                                                    : "boss.1 may not " + word +
                                                          " siblings: \"may\" of boss in the tree "
                                                          "file has no \"" +
                                                          word + "\""));
        }
    }
}

// An order about itself is refused, also where it means all instances. Another instance is a
// sibling.
BOOST_AUTO_TEST_CASE(never_itself) {
    const supe::child_spec boss = overseer({order_kind::stop, order_kind::scale});
    const auto refusal = [&](order_kind what, const char* name) {
        return supe::refusal_of(boss, "boss", {what, name, 2});
    };
    const std::string itself = " itself: orders are for siblings";
    BOOST_TEST(refusal(order_kind::stop, "boss.1") == "boss.1 may not stop" + itself);
    BOOST_TEST(refusal(order_kind::stop, "boss") == "boss.1 may not stop" + itself);
    BOOST_TEST(refusal(order_kind::scale, "boss") == "boss.1 may not scale" + itself);
    BOOST_TEST(refusal(order_kind::stop, "boss.2") == "");
}

// The words of the tree file are those of the channel.
BOOST_AUTO_TEST_CASE(words) {
    for (const order_kind kind : supe::all_orders)
        BOOST_TEST((supe::order_named(supe::order_word(kind)) == kind));
    BOOST_TEST(!supe::order_named("remove"));
    BOOST_TEST(!supe::order_named(""));
}

BOOST_AUTO_TEST_SUITE_END()
