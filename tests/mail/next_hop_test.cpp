// What is remembered of the mail from and to a neighbouring supervisor (contract §3, hop by hop).
#include "supe/mail/next_hop.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>

namespace {

using where = supe::next_hop::where;

/// `attempt`: earlier deliveries, 0 for the first one.
supe::envelope mail_of(std::string_view id, unsigned attempt = 0) {
    supe::envelope mail;
    mail.id = id;
    mail.attempt = attempt;
    return mail;
}

supe::envelope mail_from(int child, std::string_view id, std::string_view own_id, bool receipt) {
    supe::envelope mail = mail_of(id);
    mail.origin = {.source = supe::mail_source::child,
                   .child = child,
                   .life = 5,
                   .id = own_id,
                   .receipt = receipt};
    return mail;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(next_hop)

// A repeat is a mail that was accepted here and comes again. A first attempt is never a repeat, nor
// is a mail that was not accepted.
BOOST_AUTO_TEST_CASE(repeats) {
    supe::next_hop hop;
    BOOST_TEST(!hop.is_repeat(mail_of("a", 1)));  // its first attempt was lost on the way
    hop.accepted("a");
    BOOST_TEST(hop.is_repeat(mail_of("a", 1)));
    BOOST_TEST(hop.is_repeat(mail_of("a", 7)));
    BOOST_TEST(!hop.is_repeat(mail_of("a", 0)));
    BOOST_TEST(!hop.is_repeat(mail_of("b", 1)));
}

// It remembers several windows of ids, and then forgets the oldest.
BOOST_AUTO_TEST_CASE(repeats_are_bounded) {
    supe::next_hop hop;
    const std::size_t limit = supe::recent_ids::limit;
    BOOST_TEST(limit >= 4096u);
    for (std::size_t i = 0; i <= limit; ++i) hop.accepted(fmt::format("m{}", i));
    BOOST_TEST(!hop.is_repeat(mail_of("m0", 1)));
    BOOST_TEST(hop.is_repeat(mail_of("m1", 1)));
    BOOST_TEST(hop.is_repeat(mail_of(fmt::format("m{}", limit), 1)));
}

// A sender that asked for a receipt waits for a mail that the hop took over. It is found once, with
// its own id of the mail. Other senders do not wait.
BOOST_AUTO_TEST_CASE(receipts) {
    supe::next_hop hop;
    {
        const std::string id = "t-1", own_id = "mine";  // gone before the answer comes
        hop.took_over(mail_from(3, id, own_id, true));
    }
    hop.took_over(mail_from(3, "t-2", "other", false));
    const auto who = hop.finished("t-1");
    BOOST_REQUIRE(who);
    const supe::mail_origin origin = who->view();
    BOOST_TEST((origin.source == supe::mail_source::child));
    BOOST_TEST(origin.child == 3);
    BOOST_TEST(origin.life == 5u);
    BOOST_TEST(origin.id == "mine");
    BOOST_TEST(!hop.finished("t-1"));
    BOOST_TEST(!hop.finished("t-2"));
    BOOST_TEST(!hop.finished("t-3"));
}

// The senders that wait are limited by their number and by the bytes of their ids, and one may
// always wait. Who is found makes room, and so does the end of the hop.
BOOST_AUTO_TEST_CASE(receipts_are_bounded) {
    supe::next_hop hop;
    BOOST_TEST(hop.has_room({.count = 0, .bytes = 0}));
    hop.took_over(mail_from(1, "t-1", std::string(1000, 'i'), true));
    hop.took_over(mail_from(1, "t-1", std::string(1000, 'i'), true));  // again: counted once
    hop.took_over(mail_from(1, "t-2", std::string(1000, 'i'), true));
    BOOST_TEST(hop.has_room({.count = 3}));
    BOOST_TEST(!hop.has_room({.count = 2}));
    BOOST_TEST(hop.has_room({.bytes = 2007}));
    BOOST_TEST(!hop.has_room({.bytes = 2006}));
    hop.finished("t-1");
    BOOST_TEST(hop.has_room({.count = 2, .bytes = 1004}));
    BOOST_TEST(!hop.has_room({.bytes = 1003}));
    hop.forget(where::accepted);
    BOOST_TEST(hop.has_room({.count = 1, .bytes = 1}));
}

// When the hop is gone, all senders that still wait are returned, once, one by one. What it had
// passed on is told apart from what it had.
BOOST_AUTO_TEST_CASE(all_at_once) {
    supe::next_hop hop;
    for (int i = 1; i <= 4; ++i)
        hop.took_over(mail_from(i, fmt::format("t-{}", i), fmt::format("own-{}", i), true),
                      i == 4 ? where::passed_on : where::accepted);
    hop.finished("t-2");
    supe::waiting_origins gone = hop.forget(where::accepted);
    BOOST_TEST(gone.bytes() == 16u);
    std::vector<std::string> waited;
    while (const auto who = gone.take_any()) waited.emplace_back(who->view().id);
    std::ranges::sort(waited);
    BOOST_TEST(waited == (std::vector<std::string>{"own-1", "own-3"}));
    BOOST_TEST(gone.bytes() == 0u);
    BOOST_TEST(hop.forget(where::accepted).size() == 0u);
    BOOST_TEST(!hop.finished("t-1"));
    BOOST_TEST(hop.finished("t-4").has_value());
    BOOST_TEST(hop.forget(where::passed_on).size() == 0u);
}

// The ids of mail from the hop stay: its next life sends such mail again.
BOOST_AUTO_TEST_CASE(repeats_outlive_the_hop) {
    supe::next_hop hop;
    hop.accepted("a");
    hop.forget(where::accepted);
    BOOST_TEST(hop.is_repeat(mail_of("a", 1)));
}

BOOST_AUTO_TEST_SUITE_END()
