// The mail of one supervisor under random operations: children, instances, a nested supervisor, the
// supervisor above, and perhaps a journal. After each operation all is settled: asking every
// mailbox once more who is next changes nothing. At the end everybody takes what waits, and no mail
// is left and no sender is without an answer. The number of sequences is SUPE_SEEDS, the first one
// SUPE_SEED.
#include "supe/simulation/memory_journal.hpp"
#include "supe/text/json_text.hpp"
#include "tests/support/router_fixture.hpp"
#include "tests/support/seeds.hpp"

#include <deque>
#include <map>
#include <random>
#include <set>

using support::mail_endpoint;
using support::mailbox_limits;
using support::words;

namespace {

/// Journal results come when the test says so.
struct slow_disk final : supe::journal {
    std::size_t waiting = 0;
    part restore_part(supe::journal_reader&) override { return {}; }
    void put(supe::journaled_mail) override { ++waiting; }
    void mark_delivery(const std::string&, std::uint64_t) override {}
    void erase(std::uint64_t, std::string_view) override {}
    void put_back(std::uint64_t, unsigned, unsigned, bool, supe::mail_history) override {}
    void keep(std::shared_ptr<const supe::dead_letter>) override {}
    void discard(const std::string&) override {}
    void flush() override {}
    supe::awaitable<result> next_result() override { co_return result{}; }
    void close() override {}
};

/// What the other end of a channel has seen.
struct peer {
    std::deque<std::string> delivered;  // ids, oldest first: not acknowledged
    std::map<std::string, int> waits;   // its own ids, with the answers that are still to come
    std::string unread_by_us;
};

struct tree : support::router_fixture {
    std::mt19937_64 dice;
    slow_disk disk;
    const bool journaled;
    std::vector<mail_endpoint*> children;
    std::map<const mail_endpoint*, peer> peers;
    std::uint64_t last_id = 0;

    explicit tree(std::uint64_t seed)
        : router_fixture("/dam", true), dice(seed), journaled(maybe()) {
        if (journaled) mail.delivery.keep_in(disk, supe::mail_delivery::new_mail::is_written);
        for (const char* name : {"a", "b"})
            children.push_back(&add(name, support::component, limits()));
        children.push_back(&add("deep", support::supervisor, limits()));
        add_instances("g", 2);
        peers[mail.directory.uplink()];
        for (const mail_endpoint* c : children) peers[c];
    }
    unsigned below(unsigned n) { return static_cast<unsigned>(dice() % n); }
    bool maybe() { return below(2) == 0; }
    mailbox_limits limits() {
        mailbox_limits l;
        l.count = 1 + below(5);
        l.window = 1 + below(3);
        l.attempts = 2;
        l.block = maybe();
        return l;
    }
    void add_instances(const std::string& name, unsigned n) {
        const auto shared = std::make_shared<supe::mailbox>(limits());
        for (unsigned i = 0; i < n; ++i) {
            endpoints.push_back(std::make_unique<mail_endpoint>(static_cast<int>(endpoints.size()),
                                                                fmt::format("{}.{}", name, i + 1),
                                                                name, shared, i));
            mail_endpoint& made = *endpoints.back();
            mail.directory.add(made);
            wires.push_back(std::make_unique<support::neighbour>(time));
            start(made);
            children.push_back(&made);
        }
    }
    mail_endpoint& any_child() { return *children[below(static_cast<unsigned>(children.size()))]; }
    std::string any_address() {
        static const char* const all[] = {"a",       "b",           "g",    "g.1", "g.2", "deep/x",
                                          "/else/y", "/dam/deep/z", "/dam", "no",  "deep"};
        return all[below(std::size(all))];
    }

    // --- what the other sides do ---

    void send() {
        mail_endpoint& from = any_child();
        if (!from.is_connected()) return;
        std::string frame = R"({"type":"mail","to":")" + any_address() + R"(","msg":1)";
        const std::string id = fmt::format("s{}", ++last_id);
        const bool with_id = from.is_supervisor() || below(4) > 0, receipt = with_id && maybe();
        if (with_id) frame += fmt::format(R"(,"id":"{}")", id);
        if (receipt) frame += R"(,"receipt":true)";
        if (below(5) == 0) frame += R"(,"re":"some")";
        if (from.is_supervisor())
            frame += fmt::format(R"(,"from":"/dam/deep/w","attempt":1,"patient":{})", maybe());
        if (with_id) ++peers[&from].waits[id];
        sends(from, frame + "}");
    }
    void send_from_above() {
        const std::string id = fmt::format("u{}", ++last_id);
        ++peers[mail.directory.uplink()].waits[id];
        from_above(fmt::format(
            R"({{"type":"mail","from":"/w","to":"/dam/{}","msg":1,"id":"{}","attempt":1,"patient":{}}})",
            maybe() ? "b" : "g", id, maybe()));
    }
    void ack(mail_endpoint& c, bool oldest) {
        auto& out = peers[&c].delivered;
        if (out.empty()) return;
        const std::size_t n = oldest ? 0 : below(static_cast<unsigned>(out.size()));
        const std::string id = out[n];
        out.erase(out.begin() + static_cast<std::ptrdiff_t>(n));
        if (c.hop) {
            report(c, id);
        } else if (oldest) {
            mail.delivery.on_ack_oldest(c);
        } else {
            mail.delivery.on_ack(c, id);
        }
    }
    /// A neighbouring supervisor has taken the mail over, and its recipient has acknowledged it.
    void report(mail_endpoint& hop, const std::string& id) {
        using kind = supe::signal_kind;
        if (maybe()) {
            mail.delivery.on_ack(hop, id);
            mail.delivery.on_outcome(hop, kind::mail_acked, id, "");
        } else {
            mail.delivery.on_outcome(hop, kind::mail_undeliverable, id, "mailbox-full");
        }
    }
    void withhold(mail_endpoint& hop) {
        const auto& out = peers[&hop].delivered;
        if (out.empty()) return;
        mail.delivery.on_outcome(hop, supe::signal_kind::mail_withheld,
                                 out[below(static_cast<unsigned>(out.size()))], "");
    }
    void reject(mail_endpoint& c) {
        auto& out = peers[&c].delivered;
        if (out.empty() || c.hop) return;
        const std::string id = out.front();
        out.pop_front();
        const auto how =
            maybe() ? supe::mailbox::rejected::requeued : supe::mailbox::rejected::dead;
        mail.delivery.on_reject(c, id, how, "");
    }
    void end_or_start(mail_endpoint& c) {
        if (!c.is_connected()) return start(c);
        peers[&c] = {};
        end(c, maybe());
    }
    void commit(std::size_t most) {
        const std::size_t n = std::min(most, disk.waiting);
        if (n == 0) return;
        disk.waiting -= n;
        mail.delivery.on_journal({n, below(5) == 0 ? "disk full" : ""});
    }
    void step() {
        mail_endpoint& c = any_child();
        switch (below(14)) {
            case 0:
            case 1:
            case 2:
            case 3: send(); break;
            case 4: send_from_above(); break;
            case 5: ack(c, true); break;
            case 6: ack(c, false); break;
            case 7: reject(c); break;
            case 8:
                if (c.is_connected()) mail.delivery.on_ready(c, 1 + below(3));
                break;
            case 9: mail.delivery.on_pause(c); break;
            case 10: end_or_start(c); break;
            case 11: commit(1 + below(3)); break;
            case 12: withhold(maybe() ? *mail.directory.uplink() : *children[2]); break;
            case 13: ack(*mail.directory.uplink(), maybe()); break;
        }
    }

    // --- what the other sides see ---

    void on_frame(peer& p, const std::string& frame) {
        if (frame.starts_with(R"({"type":"mail")")) {
            p.delivered.push_back(supe::json_string_value(supe::member_of(frame, "id")));
            return;
        }
        const auto data = supe::member_of(frame, "data");
        if (frame.find("ACK-CURRENT-MAIL") != frame.npos) {
            supe::for_each_string(supe::member_of(data, "ids"), [&](std::string_view accepted) {
                p.waits.erase(std::string(accepted));
            });
        } else if (frame.find("MAIL-ACCEPTED") != frame.npos ||
                   frame.find("MAIL-UNDELIVERABLE") != frame.npos) {
            p.waits.erase(std::string(supe::json_string_value(supe::member_of(data, "id"))));
        }
    }
    std::size_t read_all() {
        std::size_t frames = 0;
        do mail.flush();
        while (mail.delivery.has_unfinished());
        const auto read = [&](const mail_endpoint* c, const words& all) {
            for (const std::string& frame : all) on_frame(peers[c], frame);
            frames += all.size();
        };
        for (const mail_endpoint* c : children) read(c, neighbour_of(*c).received());
        read(mail.directory.uplink(), up.received());
        return frames;
    }
    void ask_everyone() {
        for (mail_endpoint* c : children) mail.delivery.changed(*c->destination);
        mail.delivery.changed(*mail.directory.uplink()->destination);
    }
    /// Everybody takes everything.
    void take_all() {
        for (int quiet = 0; quiet < 3;) {
            for (mail_endpoint* c : children) {
                if (!c->is_connected()) start(*c);
                mail.delivery.on_ready(*c, 8);
                while (!peers[c].delivered.empty()) ack(*c, true);
            }
            while (!peers[mail.directory.uplink()].delivered.empty())
                ack(*mail.directory.uplink(), true);
            commit(disk.waiting);
            quiet = read_all() == 0 && disk.waiting == 0 ? quiet + 1 : 0;
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(nobody_is_forgotten)

BOOST_AUTO_TEST_CASE(random_operations) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        BOOST_TEST_CONTEXT("SUPE_SEED=" << seed) {
            tree t(seed);
            for (int n = 0; n < 80; ++n) {
                t.step();
                t.read_all();
                t.ask_everyone();
                BOOST_REQUIRE_EQUAL(t.read_all(), 0u);
            }
            t.take_all();
            for (const mail_endpoint* c : t.children) {
                BOOST_REQUIRE_MESSAGE(c->box.empty(),
                                      c->name << " keeps " << c->box.queued() << " mails, and "
                                              << c->box.in_flight() << " in flight");
                BOOST_REQUIRE_EQUAL(c->box.withheld(), 0u);
                BOOST_REQUIRE_MESSAGE(
                    t.peers[c].waits.empty(),
                    c->name << " waits for the answer to " << t.peers[c].waits.begin()->first);
            }
            const auto& above = t.peers[t.mail.directory.uplink()];
            BOOST_REQUIRE_MESSAGE(above.waits.empty(),
                                  "above waits for the answer to " << above.waits.begin()->first);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
