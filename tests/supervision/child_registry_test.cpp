// The children of one supervisor: found by name and number, several under one name, and removed.
#include "tests/support/children_fixture.hpp"

using fixture = support::children_fixture;
using supe::child_entry;
using supe::child_spec;
using support::spec_of;
using entries = std::vector<child_entry*>;

BOOST_AUTO_TEST_SUITE(child_registry)

// A child is found by its name and by its number, has an address below its supervisor's, and can
// get mail. A number is never used again, a name is.
BOOST_AUTO_TEST_CASE(one_by_one) {
    fixture f("/dam");
    child_entry& a = f.children.add(spec_of("a"));
    child_entry& b = f.children.add(spec_of("b"));
    BOOST_TEST(f.children.find("a") == &a);
    BOOST_TEST(f.children.find(b.who.number()) == &b);
    BOOST_TEST(&f.children.at(a.who.number()) == &a);
    BOOST_TEST((f.children.members("a") == entries{&a}));
    BOOST_TEST(f.children.members("c").empty());
    BOOST_TEST(!f.children.find("c"));
    BOOST_TEST(!f.children.find(7));
    BOOST_TEST(!f.children.find_group("a"));
    BOOST_TEST((f.children.is_taken("a") && !f.children.is_taken("c")));
    BOOST_TEST(a.who.address() == "/dam/a");
    BOOST_TEST(a.public_name() == "a");
    BOOST_TEST(f.mail.directory.find("a") == &a.mail);
    const int number = a.who.number();
    f.remove(a);
    BOOST_TEST(!f.children.find("a"));
    BOOST_TEST(!f.children.has(number));
    BOOST_TEST(!f.children.is_taken("a"));
    BOOST_TEST(f.children.add(spec_of("a")).who.number() > b.who.number());
}

// Every child is visited once.
BOOST_AUTO_TEST_CASE(each) {
    fixture f;
    for (const char* name : {"a", "b", "c"}) f.children.add(spec_of(name));
    std::string names;
    f.children.for_each([&](child_entry& entry) { names += entry.who.spec().name; });
    std::ranges::sort(names);
    BOOST_TEST(names == "abc");
}

// Instances have their own names, addresses and numbers, and share a mailbox and sockets. The
// common name means all of them, in order of instance.
BOOST_AUTO_TEST_CASE(instances) {
    fixture f;
    supe::child_group& group = f.children.add_group(spec_of("w"));
    child_entry& three = f.children.add_instance(group, 3);
    three.sockets = std::make_shared<supe::listening_sockets_of_child>();
    child_entry& one = f.children.add_instance(group, 1);
    BOOST_TEST(one.who.spec().name == "w.1");
    BOOST_TEST(one.who.address() == "/w.1");
    BOOST_TEST(one.public_name() == "w");
    BOOST_TEST(one.mail.shared == three.mail.shared);
    BOOST_TEST((one.mail.consumer == 0u && three.mail.consumer == 2u));
    BOOST_TEST(one.sockets == three.sockets);
    BOOST_TEST(f.children.find_group("w") == &group);
    BOOST_TEST(!f.children.find("w"));
    BOOST_TEST(f.children.find("w.3") == &three);
    BOOST_TEST((f.children.members("w") == entries{&one, &three}));
    BOOST_TEST((f.children.members("w.3") == entries{&three}));
    for (const char* name : {"w", "w.1", "w.3"}) BOOST_TEST(f.children.is_taken(name), name);
    BOOST_TEST(!f.children.is_taken("w.2"));
    BOOST_TEST(f.mail.directory.destination("w")->consumers.size() == 2u);
}

// A name is free again after its last instance is removed, and not before.
BOOST_AUTO_TEST_CASE(the_last_instance) {
    fixture f;
    supe::child_group& group = f.children.add_group(spec_of("w"));
    child_entry& one = f.children.add_instance(group, 1);
    child_entry& two = f.children.add_instance(group, 2);
    f.remove(one);
    BOOST_TEST((f.children.members("w") == entries{&two}));
    f.remove(two);
    BOOST_TEST(!f.children.find_group("w"));
    BOOST_TEST(!f.children.is_taken("w"));
    BOOST_TEST(f.children.members("w").empty());
}

// A child without instances becomes the first of several. Its process goes on and gets the mail of
// the name, and a second instance shares its mailbox and sockets.
BOOST_AUTO_TEST_CASE(first_of_several) {
    fixture f;
    child_entry& w = f.add("w");
    w.sockets = std::make_shared<supe::listening_sockets_of_child>();
    supe::channel* const link = w.who.link();
    BOOST_REQUIRE(link);
    supe::child_group& group = f.children.make_group(w);
    BOOST_TEST(group.spec.name == "w");
    BOOST_TEST(w.who.spec().name == "w.1");
    BOOST_TEST(w.who.address() == "/w.1");
    BOOST_TEST(w.mail.name == "w.1");
    BOOST_TEST(w.public_name() == "w");
    BOOST_TEST(!f.children.find("w"));
    BOOST_TEST((f.children.members("w") == entries{&w}));
    BOOST_TEST((w.who.link() == link && w.who.life() == 1u));
    f.mail.delivery.on_ready(w.mail, 1);
    f.mail.router.post("w", "1", {});
    BOOST_TEST(f.received("/w").size() == 1u);  // its process still has its first address
    child_entry& second = f.children.add_instance(group, 2);
    BOOST_TEST(second.who.spec().name == "w.2");
    BOOST_TEST(second.mail.shared == w.mail.shared);
    BOOST_TEST(second.sockets == w.sockets);
}

// A removed child is out of the tree at once, and its sockets are closed. The object lives until it
// is joined, since its own coroutine may be the caller of remove().
BOOST_AUTO_TEST_CASE(removed_in_its_own_coroutine) {
    struct removes : fixture {
        void on_ended(supe::child& c, const supe::child_end& end) override {
            fixture::on_ended(c, end);
            remove(children.at(c.number()));
            events.push_back("removed: " + c.spec().name);
        }
    } f;
    child_entry& a = f.add("a");
    a.sockets = std::make_shared<supe::listening_sockets_of_child>();
    const std::weak_ptr<supe::mailbox> box = a.mail.shared;
    const std::weak_ptr<supe::listening_sockets_of_child> sockets = a.sockets;
    f.crash(a);
    BOOST_TEST_SAME(f.taken(), {"ready: a", "ended: a SIGSEGV", "removed: a"});
    BOOST_TEST(!f.children.find("a"));
    BOOST_TEST((sockets.expired() && !box.expired()));
    child_entry& next = f.add("a");  // its name is free
    f.loop.run(f.children.join_removed());
    f.mail.flush();  // buries the mailbox
    BOOST_TEST(box.expired());
    BOOST_TEST(f.children.find("a") == &next);
    BOOST_TEST(next.tasks.size() == 3u);
}

// At the end no coroutine of a child is left, also of removed ones.
BOOST_AUTO_TEST_CASE(joined) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& b = f.add("b");
    const std::weak_ptr<supe::mailbox> gone = b.mail.shared;
    f.remove(b);
    f.loop.run(f.children.join_all());
    f.mail.flush();
    BOOST_TEST(a.tasks.size() == 0u);
    BOOST_TEST(gone.expired());
}

// The failure of a child's coroutine is a failure of the supervisor; join_all() itself never fails.
BOOST_AUTO_TEST_CASE(a_failure) {
    struct fails : fixture {
        void on_ready(supe::child&) override { throw std::runtime_error("on_ready"); }
    } f;
    f.add("a");
    BOOST_CHECK_THROW(f.loop.run(f.all.join()), std::runtime_error);
    BOOST_CHECK_NO_THROW(f.loop.run(f.children.join_all()));
}

// The error of sockets that cannot be opened names their child, or the common name of instances. It
// needs no process.
BOOST_AUTO_TEST_CASE(sockets_that_cannot_be_opened) {
    const auto why = [](auto open) {
        try {
            open();
        } catch (const supe::listen_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    child_spec spec = spec_of("a");
    fixture alone, several;
    BOOST_TEST(!alone.children.sockets_for(spec));
    spec.listen = {"unix:/no/such/directory/socket"};
    BOOST_TEST(why([&] {
                   alone.children.sockets_for(spec);
               }).starts_with("a cannot listen on unix:/no/such/directory/socket: "));
    alone.children.add(spec_of("b"));
    BOOST_TEST(why([&] { alone.children.open_sockets(); }) == "");
    alone.children.add(spec);
    BOOST_TEST(why([&] { alone.children.open_sockets(); }).starts_with("a cannot listen on "));
    several.children.add_instance(several.children.add_group(spec), 1);
    BOOST_TEST(why([&] { several.children.open_sockets(); }).starts_with("a cannot listen on "));
}

// The endpoint of a nested supervisor passes mail on, that of a component does not. Whether it
// keeps mail is known when a life begins.
BOOST_AUTO_TEST_CASE(nested_supervisors) {
    fixture f;
    child_spec spec = support::nested_spec_of("n");
    const child_entry& n = f.children.add(spec);
    BOOST_TEST((n.mail.is_supervisor() && !n.mail.keeps_mail));
    BOOST_TEST((n.who.spec().ready == supe::ready_kind::signal));
    const child_entry& c = f.children.add(spec_of("c"));
    BOOST_TEST((!c.mail.is_supervisor() && !c.mail.keeps_mail));
}

BOOST_AUTO_TEST_SUITE_END()
