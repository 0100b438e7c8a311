// The endpoints of mail, by name and by number, while children are added and removed.
#include "tests/support/router_fixture.hpp"

using supe::endpoint_kind;
using directory = supe::mail_directory;
using supe::mail_destination;
using supe::mail_endpoint;

namespace {

/// A child without instances.
struct lone : mail_endpoint {
    lone(int n, const char* name)
        : mail_endpoint(n, name, endpoint_kind::component, supe::mailbox_limits{}) {}
};
/// `w.i`: one of several instances, which shares the mailbox of another one.
struct instance : mail_endpoint {
    instance(int n, unsigned i, const std::shared_ptr<supe::mailbox>& box)
        : mail_endpoint(n, "w." + std::to_string(i), "w", box, i - 1) {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mail_directory)

// Until it is removed, a child is found by its name and by its number, and is a consumer of the
// destination of its name.
BOOST_AUTO_TEST_CASE(one_child) {
    directory d;
    lone a(7, "a"), b(8, "b");
    d.add(a), d.add(b);
    BOOST_TEST(d.find("a") == &a);
    BOOST_TEST(d.by_number(8) == &b);
    BOOST_TEST(d.destination("a") == a.destination);
    BOOST_TEST(a.destination != b.destination);
    BOOST_TEST(&a.destination->box() == &a.box);
    BOOST_TEST(!a.destination->is_supervisor());
    for (const char* nobody : {"", "c", "A", "a.1", "supe"}) {
        BOOST_TEST(!d.find(nobody));
        BOOST_TEST(!d.destination(nobody));
    }
    BOOST_TEST(!d.by_number(0));
    d.remove(a);
    BOOST_TEST(!d.find("a"));
    BOOST_TEST(!d.by_number(7));
    BOOST_TEST(!d.destination("a"));
    BOOST_TEST(!a.destination);
    BOOST_TEST(d.find("b") == &b);
    BOOST_TEST(d.additions() == 2u);
    d.add(a);  // its name is free again
    BOOST_TEST(d.find("a") == &a);
    BOOST_TEST(d.additions() == 3u);
}

// Instances share one destination. The name finds one of them, `NAME.i` that instance.
BOOST_AUTO_TEST_CASE(instances) {
    directory d;
    const auto box = std::make_shared<supe::mailbox>(supe::mailbox_limits{});
    instance one(1, 1, box), two(2, 2, box), four(3, 4, box);
    d.add(one), d.add(two), d.add(four);
    mail_destination* const all = d.destination("w");
    BOOST_TEST(all == four.destination);
    BOOST_TEST(all->consumers.size() == 3u);
    BOOST_TEST(d.find("w")->destination == all);
    BOOST_TEST(d.find("w.4") == &four);
    for (const char* other : {"w.3", "w.5", "w.0", "w.04", "w.", "w.x", "w.4.", ".4", "w.-1", "4"})
        BOOST_TEST(!d.find(other), other);
    BOOST_TEST(!d.destination("w.1"));  // mail is kept under the name alone
    // The mailbox has a consumer for the highest number, and each takes its own mail.
    box->ready(four.consumer, 1);
    supe::envelope mail;
    mail.id = "x";
    box->offer(mail, four.consumer);
    BOOST_TEST(box->take_next(four.consumer)->id() == "x");
}

// The destination is removed with its last consumer, and not before.
BOOST_AUTO_TEST_CASE(the_last_of_several) {
    directory d;
    const auto box = std::make_shared<supe::mailbox>(supe::mailbox_limits{});
    instance one(1, 1, box), two(2, 2, box);
    d.add(one), d.add(two);
    d.remove(one);
    BOOST_TEST(d.find("w") == &two);
    BOOST_TEST(!d.find("w.1"));
    BOOST_TEST(d.destination("w")->consumers.size() == 1u);
    d.remove(two);
    BOOST_TEST(!d.find("w"));
    BOOST_TEST(!d.find("w.2"));
    BOOST_TEST(!d.destination("w"));
}

// The supervisor above takes a window of mail at once, and has no name and no number here; the root
// has no supervisor above.
BOOST_AUTO_TEST_CASE(the_supervisor_above) {
    support::router_fixture root;
    BOOST_TEST(!root.mail.directory.uplink());
    support::router_fixture o("/dam", true);
    directory& d = o.mail.directory;
    mail_endpoint* const above = d.uplink();
    BOOST_REQUIRE(above);
    BOOST_TEST(above->link == o.up.wire.get());
    BOOST_TEST(above->is_supervisor());
    BOOST_TEST((above->hop != nullptr));
    BOOST_TEST(above->destination->is_supervisor());
    BOOST_TEST(&above->destination->box() == &above->box);
    supe::envelope mail;
    mail.id = "x";
    above->box.offer(mail);
    BOOST_TEST(above->box.take_next(above->consumer)->id() == "x");
    BOOST_TEST(!d.find(""));
    BOOST_TEST(!d.destination(""));
    BOOST_TEST(!d.by_number(0));
}

BOOST_AUTO_TEST_SUITE_END()
