// The memory of held mail: mail comes out unchanged, takes little memory, and the memory is given
// back.
#include "supe/mail/in_flight_mail.hpp"
#include "supe/mail/mail_list.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <random>
#include <set>
#include <vector>

using supe::envelope;
using supe::mail_ptr;
using store_type = supe::mail_store;

namespace {

envelope mail_of(std::string_view id, std::string_view msg) {
    envelope e;
    e.id = id;
    e.from = "sender";
    e.msg = msg;
    return e;
}

mail_ptr mail_number(supe::mail_store& store, std::uint64_t sequence) {
    envelope e = mail_of("x", "0");
    e.sequence = sequence;
    return store.keep(e);
}

std::size_t spare_limit() { return store_type::spare_chunks * store_type::chunk_size; }

}  // namespace

BOOST_AUTO_TEST_SUITE(mail_store)

// Every field survives, with strings of any length: empty, at the edge of one length byte, over a
// chunk.
BOOST_AUTO_TEST_CASE(keeps_every_field) {
    supe::mail_store store;
    for (const std::size_t n : {0u, 1u, 127u, 128u, 20000u, 40000u, 300000u}) {
        const std::string id(n, 'i'), from(n / 2, 'f'), to(n / 3, 't'), msg(n, 'm'),
            extras(n / 5, 'x'), own(n / 7, 'o');
        envelope in{id,   from, to, msg,  extras, {supe::mail_source::child, 7, 3, own, true, true},
                    true, 5,    2,  true, 99};
        const mail_ptr held = store.keep(in);
        const envelope out = held->view();
        BOOST_TEST(out.id == id);
        BOOST_TEST(held->id() == id);
        BOOST_TEST(out.from == from);
        BOOST_TEST(out.to == to);
        BOOST_TEST(out.msg == msg);
        BOOST_TEST(out.extras == extras);
        BOOST_TEST(out.origin.id == own);
        BOOST_TEST((out.origin.child == 7 && out.origin.life == 3u && out.origin.receipt &&
                    out.origin.patient));
        BOOST_TEST((out.answer && out.attempt == 5u && out.charges == 2u && out.suspect &&
                    out.sequence == 99u));
        BOOST_TEST(held->bytes() == in.bytes());
    }
}

// Mails of 256 bytes take at most 1.3 times their bytes, and all chunks but a few spare ones are
// given back.
BOOST_AUTO_TEST_CASE(costs_little_and_gives_back) {
    for (const std::size_t size : {256u, 1024u, 10000u, 33000u, 100000u, 1000000u}) {
        const std::size_t before = supe::mail_store::mapped();
        supe::mail_store store;
        supe::mail_list held;
        const std::string msg(size, 'm');
        const std::size_t count = (32u << 20) / size;
        for (std::size_t i = 0; i < count; ++i)
            held.push_back(store.keep(mail_of("k3j9x2-1000000", msg)));
        const double factor = static_cast<double>(supe::mail_store::mapped() - before) /
                              static_cast<double>(size * count);
        BOOST_TEST(factor <= 1.3, size << " bytes: " << factor);
        held.clear();
        BOOST_TEST(supe::mail_store::mapped() <= std::max(before, spare_limit()));
    }
}

// An idle mailbox keeps no memory of another one alive.
BOOST_AUTO_TEST_CASE(stores_do_not_mix) {
    supe::mail_store still, busy;
    const std::string msg(1000, 'm');
    const std::size_t before = supe::mail_store::mapped();
    supe::mail_list kept;
    for (int i = 0; i < 50000; ++i) {
        if (i % 1000 == 0) kept.push_back(still.keep(mail_of("a", msg)));
        busy.keep(mail_of("b", msg));
    }
    BOOST_TEST(kept.size() == 50u);
    BOOST_TEST(supe::mail_store::mapped() - before <= 2 * supe::mail_store::chunk_size);
}

// A mail outlives the store that it was kept in.
BOOST_AUTO_TEST_CASE(mail_outlives_its_store) {
    mail_ptr survivor;
    {
        supe::mail_store store;
        survivor = store.keep(mail_of("last", "1"));
        store.keep(mail_of("other", "2"));
    }
    BOOST_TEST(survivor->view().msg == "1");
}

// A list returns mail in order of sequence, in whatever order it was inserted.
BOOST_AUTO_TEST_CASE(list_keeps_the_order) {
    supe::mail_store store;
    supe::mail_list list;
    for (const unsigned sequence : {5u, 9u, 3u, 4u, 7u, 10u, 1u})
        list.insert(mail_number(store, sequence));
    std::vector<std::uint64_t> order;
    while (!list.empty()) order.push_back(list.pop_front()->sequence);
    BOOST_TEST(order == (std::vector<std::uint64_t>{1, 3, 4, 5, 7, 9, 10}),
               boost::test_tools::per_element());
}

// Mail that comes in order, among other mail, passes what is before it once and not each time.
BOOST_AUTO_TEST_CASE(list_inserts_in_order_without_a_search) {
    supe::mail_store store;
    supe::mail_list list;
    for (unsigned n = 1; n <= 100; ++n) list.insert(mail_number(store, n));
    for (unsigned n = 1001; n <= 1100; ++n) list.insert(mail_number(store, n));
    std::size_t passed = 0;
    for (unsigned n = 101; n <= 1000; ++n) {
        passed += list.insert(mail_number(store, n));
        list.insert(mail_number(store, 2000 + n));  // newer mail comes meanwhile
    }
    BOOST_TEST(passed == 100u);
}

// A list does what a set does: random steps, so that the mail that was inserted last leaves too, or
// moves to another list.
BOOST_AUTO_TEST_CASE(list_is_a_set) {
    supe::mail_store store;
    auto list = std::make_unique<supe::mail_list>();
    std::set<std::uint64_t> model;
    std::mt19937 dice(1);
    for (int step = 0; step < 20000; ++step) {
        const std::uint64_t sequence = 1 + dice() % 1000;
        if (dice() % 2 == 0) {
            if (model.insert(sequence).second) list->insert(mail_number(store, sequence));
        } else if (!model.empty()) {
            BOOST_REQUIRE_EQUAL(list->pop_front()->sequence, *model.begin());
            model.erase(model.begin());
        }
        if (dice() % 50 == 0) list = std::make_unique<supe::mail_list>(std::move(*list));
        if (dice() % 500 == 0) list->clear(), model.clear();
        BOOST_REQUIRE_EQUAL(list->size(), model.size());
    }
    std::vector<std::uint64_t> order;
    list->for_each([&](const supe::held_mail& m) { order.push_back(m.sequence); });
    BOOST_TEST(order == std::vector<std::uint64_t>(model.begin(), model.end()),
               boost::test_tools::per_element());
}

// in_flight_mail does what a plain search does: random steps, each compared with a deque.
BOOST_AUTO_TEST_CASE(in_flight_mail_is_a_deque_with_an_index) {
    supe::mail_store store;
    supe::in_flight_mail in_flight;
    std::deque<std::string> model;
    std::mt19937 dice(1);
    for (int step = 0; step < 20000; ++step) {
        const unsigned what = dice() % 8;
        if (what < 4 && model.size() < 200) {
            model.push_back("mail-" + std::to_string(step));
            in_flight.add(store.keep(mail_of(model.back(), "0")));
        } else if (what < 6 && !model.empty()) {
            const auto at = model.begin() + static_cast<long>(dice() % model.size());
            const mail_ptr taken = in_flight.take(*at);
            BOOST_REQUIRE(taken);
            BOOST_REQUIRE(taken->id() == *at);
            model.erase(at);
        } else if (what == 6) {
            const mail_ptr taken = dice() % 2 ? in_flight.take_oldest() : in_flight.take_newest();
            BOOST_REQUIRE(!taken == model.empty());
            if (!taken) continue;
            const bool oldest = taken->id() == model.front();
            BOOST_REQUIRE((oldest || taken->id() == model.back()));
            oldest ? model.pop_front() : model.pop_back();
        } else {
            BOOST_REQUIRE(!in_flight.take("nobody"));
        }
        BOOST_REQUIRE(in_flight.size() == model.size());
    }
    std::vector<std::string> order;
    in_flight.for_each([&](const supe::held_mail& m) { order.emplace_back(m.id()); });
    BOOST_TEST(order == std::vector<std::string>(model.begin(), model.end()),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
