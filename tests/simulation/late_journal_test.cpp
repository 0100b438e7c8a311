// No mail is lost where the journal cannot be read at several starts, and is read in parts while
// new mail comes (contract §5 `mail.journal`).
#include "supe/mail/supervisor_mail.hpp"
#include "supe/simulation/world.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::simulation::world;

namespace {

constexpr const char* tree =
    R"({{"name": "t", "mail": {{"journal": true}}, "children": [{{"name": "w", "component": "{}", "demand": true}}]}})";

struct books {
    std::set<std::string> accepted, got;
    world w;

    books() {
        w.provide("deaf", [](supe::component& self) -> awaitable<> {
            for (;;) co_await self.time().sleep_for(1h);
        });
        w.provide("taker", [this](supe::component& self) { return take(*this, self); });
    }
    static awaitable<> take(books& b, supe::component& self) {
        while (auto mail = co_await self.receive()) {
            b.got.insert(std::string(mail->body()));
            mail->ack();
        }
    }
    /// Sends one mail a turn: in the first life once the journal is read, in later ones as soon as
    /// the first mail of an earlier life, read again, starts its child.
    static awaitable<> send(books& b, supe::supervisor& s, int life) {
        s.on_control_answers(
            [&b](const std::string& id, supe::signal_kind outcome, std::string_view) {
                if (outcome == supe::signal_kind::mail_accepted) b.accepted.insert(id);
            });
        if (life == 1) co_await s.time().sleep_for(11s);
        if (life > 1) {
            supe::notice_watch starts(s, {"w-started"});
            co_await starts.next();
        }
        for (int n = 0; n < 300 * life; ++n) {
            const std::string id = fmt::format("{}", 1000 * life + n);
            supe::mail_origin origin;
            origin.source = supe::mail_source::control;
            origin.id = id;
            s.mail().router.post("/w", id, origin);
            s.mail().flush();
            co_await boost::asio::post(s.time().executor(), supe::use_awaitable);
        }
    }
    void live_without_its_journal(int life) {
        w.disk("").broken = "database is locked";
        w.run(fmt::format(tree, "deaf"),
              [this, life](supe::supervisor& s) { return send(*this, s, life); });
        w.disk("").broken.clear();
        w.advance(1min);
        w.clean_up();  // as a SIGKILL
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(late_journal)

BOOST_AUTO_TEST_CASE(nothing_is_lost) {
    books b;
    b.w.disk("").part_mails = 1;
    for (int life = 1; life <= 3; ++life) {
        const std::size_t before = b.accepted.size();
        b.live_without_its_journal(life);
        BOOST_TEST(b.accepted.size() > before);
        BOOST_TEST(b.w.disk("").mails.size() == b.accepted.size());
    }
    BOOST_TEST(b.accepted.size() < 1800u);  // what came before all was read was refused
    b.w.run(fmt::format(tree, "taker"));
    b.w.advance(1s);
    BOOST_TEST(b.got == b.accepted, boost::test_tools::per_element());
    BOOST_TEST(b.w.disk("").mails.empty());
}

BOOST_AUTO_TEST_SUITE_END()
