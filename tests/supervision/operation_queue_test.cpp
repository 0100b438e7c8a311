// The order of operators' requests, and what one that is under way asks about those behind it.
#include "supe/supervision/operation_queue.hpp"

#include <boost/test/unit_test.hpp>

using supe::operation;
using queue = supe::operation_queue;
using kind = supe::operation::kind;

BOOST_AUTO_TEST_SUITE(operation_queue)

// First come, first served. One that leaves before its turn is skipped.
BOOST_AUTO_TEST_CASE(in_order) {
    queue q;
    BOOST_TEST(!q.current());
    BOOST_TEST(q.waiting() == 0u);
    const auto a = *q.enter({kind::restart, "a"}), b = *q.enter({kind::stop, "b"}),
               c = *q.enter({kind::reload});
    BOOST_TEST((q.is_turn_of(a) && !q.is_turn_of(b) && !q.is_turn_of(c)));
    BOOST_TEST(q.waiting() == 2u);
    q.leave(b);
    q.leave(a);
    BOOST_TEST(q.is_turn_of(c));
    q.leave(c);
    BOOST_TEST(!q.current());
}

// Past its limit nothing is taken until one leaves, but stops, which have a limit of their own: a
// stop may be what the others wait for.
BOOST_AUTO_TEST_CASE(limited) {
    queue q;
    const auto first = *q.enter({kind::start, "a"});
    for (std::size_t i = 1; i < queue::limit; ++i)
        BOOST_TEST(q.enter({kind::start, "a"}).has_value());
    BOOST_TEST(!q.enter({kind::remove, "a"}));
    q.leave(first);
    BOOST_TEST(q.enter({kind::remove, "a"}).has_value());
    BOOST_TEST(!q.enter({kind::remove, "a"}));
    for (std::size_t i = queue::limit; i < queue::stop_limit; ++i)
        BOOST_TEST(q.enter({kind::stop, "a"}).has_value());
    BOOST_TEST(!q.enter({kind::stop, "a"}));
}

// As an operator reads them.
BOOST_AUTO_TEST_CASE(texts) {
    BOOST_TEST((operation{kind::restart, "web"}.text() == "restart web"));
    BOOST_TEST((operation{kind::scale, "web", 3}.text() == "scale web 3"));
    BOOST_TEST((operation{kind::reload}.text() == "reload"));
}

// Stops and removals that wait, by the name of a child, and by that of its group. The one under way
// does not count.
BOOST_AUTO_TEST_CASE(what_waits) {
    queue q;
    q.enter({kind::stop, "w"});
    BOOST_TEST(q.stops_of("w.1", "w") == 0u);
    BOOST_TEST(!q.is_unwanted("w.1", "w"));
    q.enter({kind::restart, "w"});
    q.enter({kind::stop, "w.1"});
    q.enter({kind::stop, "w"});
    BOOST_TEST(q.stops_of("w.1", "w") == 2u);
    BOOST_TEST(q.stops_of("w.2", "w") == 1u);
    BOOST_TEST(q.stops_of("w", "") == 1u);
    BOOST_TEST(q.stops_of("v", "") == 0u);
    q.enter({kind::remove, "v"});
    BOOST_TEST(q.stops_of("v", "") == 0u);
    BOOST_TEST(q.is_unwanted("v", ""));
    BOOST_TEST(!q.is_unwanted("u", ""));
}

BOOST_AUTO_TEST_SUITE_END()
