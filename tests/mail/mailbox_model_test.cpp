// A mailbox beside a plain model of it: random operations, and the same answers. The model has one
// list and looks through all of it, so that each rule of contract §3 stands in one line. The number
// of sequences is SUPE_SEEDS, the first one SUPE_SEED.
#include "supe/mail/mailbox.hpp"
#include "tests/support/seeds.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <random>

using box = supe::mailbox;
using supe::mailbox_limits;

namespace {

enum class place { withheld, uncommitted, waiting, in_flight, parked };

struct model_mail {
    std::string id;
    std::uint64_t sequence = 0;
    std::size_t bytes = 0;
    std::optional<unsigned> only_for;
    bool answer = false, suspect = false;
    unsigned charges = 0, attempt = 0;
    place at = place::waiting;
    unsigned consumer = 0;       // in flight or parked
    std::uint64_t delivery = 0;  // its number among the deliveries
    std::uint64_t entered = 0;   // its number among those that were let in

    /// In the window, and in its turn among other mail.
    bool counts() const { return !answer || suspect; }
    bool is_held() const { return at != place::withheld && at != place::parked; }
    bool is_out(unsigned c) const {
        return (at == place::in_flight || at == place::parked) && consumer == c;
    }
};

/// Contract §3, without care for time or memory.
struct model {
    struct consumer {
        unsigned window = 1;
        bool ready = false, connected = false;
    };
    mailbox_limits limits;
    std::vector<consumer> consumers;
    std::vector<model_mail> mails;  // in order of arrival
    std::uint64_t deliveries = 0, entries = 0;

    std::size_t count(auto is) const {
        return static_cast<std::size_t>(std::ranges::count_if(mails, is));
    }
    std::size_t bytes(auto is) const {
        std::size_t n = 0;
        for (const model_mail& m : mails) n += is(m) ? m.bytes : 0;
        return n;
    }
    static bool held(const model_mail& m) { return m.is_held(); }
    static bool withheld(const model_mail& m) { return m.at == place::withheld; }

    bool fits(std::size_t more, std::size_t factor) const {
        const std::size_t n = count(held);
        return n == 0 ||
               (n / factor < limits.count && (bytes(held) + more) / factor <= limits.bytes);
    }
    box::offered offer(model_mail m, bool patient, place entry) {
        const bool fits_now =
            m.answer ? fits(m.bytes, 2) : count(withheld) == 0 && fits(m.bytes, 1);
        const std::size_t waits = count(withheld);
        const bool may_wait = limits.block && patient && !m.answer &&
                              waits < std::max<std::size_t>(limits.count, 1024) &&
                              (waits == 0 || bytes(withheld) + m.bytes <= limits.bytes);
        if (!fits_now && !may_wait) return box::offered::full;
        m.at = fits_now ? entry : place::withheld;
        m.entered = ++entries;
        mails.push_back(m);
        return fits_now ? box::offered::taken : box::offered::withheld;
    }
    model_mail* first(auto is) {
        const auto found = std::ranges::find_if(mails, is);
        return found == mails.end() ? nullptr : &*found;
    }
    model_mail* oldest(auto is) {
        model_mail* found = nullptr;
        for (model_mail& m : mails)
            if (is(m) && (!found || m.sequence < found->sequence)) found = &m;
        return found;
    }
    model_mail* admit(place entry) {
        model_mail* const m = first(withheld);
        if (!m || !fits(m->bytes, 1)) return nullptr;
        m->at = entry;
        m->entered = ++entries;
        return m;
    }
    model_mail* next_uncommitted() {
        model_mail* found = nullptr;
        for (model_mail& m : mails)
            if (m.at == place::uncommitted && (!found || m.entered < found->entered)) found = &m;
        return found;
    }
    std::size_t counted(unsigned c) const {
        return count([&](const model_mail& m) {
            return m.at == place::in_flight && m.consumer == c && m.counts();
        });
    }
    model_mail* take_next(unsigned c) {
        const auto mine = [&](const model_mail& m) {
            return m.at == place::waiting && (!m.only_for || *m.only_for == c);
        };
        model_mail* next = nullptr;
        if (consumers[c].connected)
            next = oldest([&](const model_mail& m) { return mine(m) && !m.counts(); });
        if (!next) {
            const bool suspect_out = first([&](const model_mail& m) {
                return m.at == place::in_flight && m.consumer == c && m.counts() && m.suspect;
            });
            if (!consumers[c].ready || counted(c) >= consumers[c].window || suspect_out)
                return nullptr;
            next = oldest([&](const model_mail& m) { return mine(m) && m.counts(); });
            if (!next || (next->suspect && counted(c) > 0)) return nullptr;
        }
        next->at = place::in_flight;
        next->consumer = c;
        next->delivery = ++deliveries;
        ++next->attempt;
        return next;
    }
    /// In flight or parked; the oldest delivery where `id` is empty.
    model_mail* out(unsigned c, const std::string& id) {
        model_mail* found = nullptr;
        for (model_mail& m : mails) {
            if (!m.is_out(c) || (!id.empty() && m.id != id)) continue;
            if (!found || m.delivery < found->delivery) found = &m;
        }
        return found;
    }
    void erase(const model_mail* m) { mails.erase(mails.begin() + (m - mails.data())); }
    /// The ids that are dead by it.
    std::vector<std::string> ended(unsigned c, bool charged) {
        const std::size_t others = counted(c);
        const std::size_t all = count([&](const model_mail& m) { return m.is_out(c); });
        const bool alone = others == 1 || (others == 0 && all == 1);
        std::vector<std::string> dead;
        consumers[c].ready = consumers[c].connected = false;
        for (model_mail& m : mails) {
            if (!m.is_out(c)) continue;
            const bool accused = charged && (others == 0 || m.counts());
            m.at = place::waiting;
            if (!accused) continue;
            if (alone) ++m.charges;
            if (!alone) m.suspect = true;
            if (m.charges >= limits.attempts) dead.push_back(m.id);
        }
        for (const std::string& id : dead)
            erase(first([&](const model_mail& m) { return m.id == id; }));
        return dead;
    }
};

/// The real one and the model, driven by one sequence of random numbers.
struct both {
    std::mt19937_64 dice;
    model m;
    box b;
    std::uint64_t last = 0;
    const bool journaled = maybe();

    explicit both(std::uint64_t seed) : dice(seed), m{random_limits(), {}, {}}, b(m.limits) {
        const unsigned n = 1 + below(3);
        b.add_consumers(n);
        m.consumers.resize(n);
    }
    unsigned below(unsigned n) { return static_cast<unsigned>(dice() % n); }
    bool maybe() { return below(2) == 0; }
    mailbox_limits random_limits() {
        mailbox_limits l;
        l.count = 1 + below(6);
        l.bytes = 20 + below(100);
        l.window = 1 + below(4);
        l.attempts = 1 + below(3);
        l.block = maybe();
        return l;
    }
    box::entry entry() const { return journaled ? box::entry::uncommitted : box::entry::at_once; }
    place model_entry() const { return journaled ? place::uncommitted : place::waiting; }
    unsigned any_consumer() { return below(static_cast<unsigned>(m.consumers.size())); }
    /// The id of some mail, perhaps of one that is not in flight, or of nobody's.
    std::string some_id() {
        if (m.mails.empty() || below(10) == 0) return "nobody";
        return m.mails[below(static_cast<unsigned>(m.mails.size()))].id;
    }

    void offer() {
        model_mail mail;
        mail.id = fmt::format("m{}", ++last);
        mail.sequence = last;
        mail.answer = below(4) == 0;
        if (mail.answer || below(4) == 0) mail.only_for = any_consumer();
        const std::string body(below(30), 'x');
        mail.bytes = mail.id.size() + body.size();
        const bool patient = maybe();
        supe::envelope e;
        e.id = mail.id;
        e.msg = body;
        e.answer = mail.answer;
        e.origin.patient = patient;
        e.sequence = mail.sequence;
        const auto real = b.offer(e, mail.only_for ? *mail.only_for : box::anyone, entry());
        const auto expected = m.offer(mail, patient, model_entry());
        BOOST_REQUIRE(real == expected);
    }
    void same(const supe::held_mail* real, const model_mail* expected) {
        BOOST_REQUIRE_EQUAL(real ? real->id() : "-", expected ? expected->id : "-");
    }
    void admit() {
        const supe::held_mail* const real = b.admit(entry());
        same(real, m.admit(model_entry()));
    }
    void commit() {
        model_mail* const next = m.next_uncommitted();
        if (maybe()) {
            same(b.commit(), next);
            if (next) next->at = place::waiting;
        } else {
            same(b.fail_uncommitted().get(), next);
            if (next) m.erase(next);
        }
    }
    void take() {
        const unsigned c = any_consumer();
        const supe::held_mail* const real = b.take_next(c);
        const model_mail* const expected = m.take_next(c);
        same(real, expected);
        if (real) BOOST_REQUIRE_EQUAL(real->attempt, expected->attempt);
    }
    void ack() {
        const unsigned c = any_consumer();
        const std::string id = maybe() ? std::string() : some_id();
        const model_mail* const expected = m.out(c, id);
        same((id.empty() ? b.ack_oldest(c) : b.ack(c, id)).get(), expected);
        if (expected) m.erase(expected);
    }
    void reject() {
        const unsigned c = any_consumer();
        const std::string id = maybe() ? std::string() : some_id();
        const bool back = maybe();
        model_mail* const expected = m.out(c, id);
        const auto real =
            b.reject(c, id, back ? box::rejected::requeued : box::rejected::dead, {{}, "no"});
        same(back ? real.back : real.dead.mail.get(), expected);
        if (expected && back) expected->at = place::waiting;
        if (expected && !back) m.erase(expected);
    }
    void park() {
        const unsigned c = any_consumer();
        const std::string id = some_id();
        model_mail* const expected = m.first([&](const model_mail& x) {
            return x.at == place::in_flight && x.consumer == c && x.id == id;
        });
        same(b.park(c, id), expected);
        if (expected) expected->at = place::parked;
    }
    void ended() {
        const unsigned c = any_consumer();
        const bool charged = maybe();
        auto expected = m.ended(c, charged);
        const auto real =
            b.ended(c, charged ? box::ending::charged : box::ending::uncharged, {{}, "it crashed"});
        std::vector<std::string> dead;
        for (const auto& d : real.dead) dead.emplace_back(d.mail->id());
        std::ranges::sort(dead);
        std::ranges::sort(expected);
        BOOST_REQUIRE(dead == expected);
    }
    void state() {
        const unsigned c = any_consumer();
        switch (below(4)) {
            case 0: b.connected(c), m.consumers[c].connected = true; break;
            case 1: b.pause(c), m.consumers[c].ready = false; break;
            case 2: {
                const unsigned window = 1 + below(5);
                b.ready(c, window);
                m.consumers[c].window = std::min(window, m.limits.window);
                m.consumers[c].ready = true;
                break;
            }
            case 3:
                m.limits = random_limits();
                b.set_limits(m.limits);
                break;
        }
    }
    void compare() const {
        const auto queued = [](const model_mail& x) {
            return x.at == place::waiting || x.at == place::uncommitted;
        };
        const auto out = [](const model_mail& x) {
            return x.at == place::in_flight || x.at == place::parked;
        };
        BOOST_REQUIRE_EQUAL(b.queued(), m.count(queued));
        BOOST_REQUIRE_EQUAL(b.in_flight(), m.count(out));
        BOOST_REQUIRE_EQUAL(b.withheld(), m.count(model::withheld));
        BOOST_REQUIRE_EQUAL(b.bytes(), m.bytes(model::held));
        std::size_t seen = 0;
        b.for_each([&](const supe::held_mail&) { ++seen; });
        BOOST_REQUIRE_EQUAL(seen, m.count(queued) + m.count(out));
    }
    void step() {
        switch (below(16)) {
            case 0:
            case 1:
            case 2:
            case 3: offer(); break;
            case 4:
            case 5:
            case 6: take(); break;
            case 7:
            case 8: ack(); break;
            case 9: reject(); break;
            case 10: admit(); break;
            case 11: commit(); break;
            case 12: park(); break;
            case 13: ended(); break;
            default: state(); break;
        }
        compare();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_model)

// Whatever the order of operations: the mailbox and the model say the same.
BOOST_AUTO_TEST_CASE(random_operations) {
    for (const std::uint64_t seed : support::seeds(2000)) {
        BOOST_TEST_CONTEXT("SUPE_SEED=" << seed) {
            both o(seed);
            for (int n = 0; n < 120; ++n) o.step();
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
