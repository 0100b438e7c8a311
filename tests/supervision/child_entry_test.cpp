// What a supervisor keeps about one child.
#include "tests/support/children_fixture.hpp"

using namespace std::chrono_literals;
using support::spec_of;
using fixture = support::children_fixture;

BOOST_AUTO_TEST_SUITE(child_entry)

// A nested supervisor is ready when it reports it, however long that takes. The spec of a component
// is not changed.
BOOST_AUTO_TEST_CASE(as_a_child) {
    supe::child_spec spec = support::nested_spec_of("n");
    spec.start_timeout = 1s;
    const supe::child_spec nested = supe::as_child(spec);
    BOOST_TEST((nested.ready == supe::ready_kind::signal));
    BOOST_TEST((nested.start_timeout > 1h));
    spec = spec_of("c");
    spec.start_timeout = 1s;
    const supe::child_spec component = supe::as_child(spec);
    BOOST_TEST((component.ready == supe::ready_kind::started));
    BOOST_TEST((component.start_timeout == 1s));
}

// The public name of an instance is the common name, that of a child without instances its own.
BOOST_AUTO_TEST_CASE(public_names) {
    fixture f;
    BOOST_TEST(f.children.add(spec_of("a")).public_name() == "a");
    BOOST_TEST(f.children.add_instance(f.children.add_group(spec_of("w")), 2).public_name() == "w");
}

// The last ten ends of a child are kept, oldest first.
BOOST_AUTO_TEST_CASE(deaths) {
    fixture f;
    supe::child_entry& a = f.children.add(spec_of("a"));
    for (int i = 1; i <= 12; ++i) {
        supe::death d;
        d.text = std::to_string(i);
        a.add_death(d);
    }
    BOOST_TEST(a.deaths.size() == 10u);
    BOOST_TEST(a.deaths.front().text == "3");
    BOOST_TEST(a.deaths.back().text == "12");
}

// Strange frames are counted from the first one on, with at most twenty notices a second. A child
// that sends no such frame takes no memory for them.
BOOST_AUTO_TEST_CASE(strange_frames) {
    fixture f;
    supe::child_entry& a = f.children.add(spec_of("a"));
    BOOST_TEST(!a.strange_frames_seen);
    ++a.strange().bad;
    BOOST_TEST(a.strange().bad == 1u);
    int passed = 0;
    for (int i = 0; i < 100; ++i) passed += a.strange().rate.add(f.loop.now());
    BOOST_TEST(passed == 20);
    BOOST_TEST(a.strange().rate.add(f.loop.now() + 2s));
}

BOOST_AUTO_TEST_SUITE_END()
