// No mail is lost: random trees of senders and receivers, with crashes of any process at any step
// (contract §3).
#include "supe/simulation/world.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// The state of one mail, by its number, which is its body.
struct fate {
    bool accepted = false;  // the sender got MAIL-ACCEPTED
    bool refused = false;
    bool sure_ack = false;  // an ack of it was sent to the supervisor
    bool acked = false;     // the recipient was about to ack it
    bool dead = false;
    bool rejected = false;
    bool returned = true;  // since its last delivery it was in flight at an end, or was rejected
    unsigned attempt = 0;  // of the last delivery
    std::string recipient, sender;
};

/// One run. The seed decides what the components do; each delivery and answer is checked at once.
class scenario {
public:
    /// `journaled`: both supervisors have a journal, and the root is killed too.
    scenario(std::uint64_t seed, bool journaled)
        : seed_(seed), journaled_(journaled), world_(seed) {
        world_.provide("sender", [this](component& self) { return send(self); });
        world_.provide("receiver", [this](component& self) { return receive(self); });
    }

    void run() {
        start();
        for (int step = 0; step < 12; ++step) disturb();
        calm_ = true;
        world_.advance(10min);  // time for restarts, redeliveries, and the end of all sending
        check_end();
        expect(world_.stop(), "it stops");
    }

    int faults() const { return faults_; }

private:
    void start() {
        const char* const journal = journaled_ ? R"("mail": {"journal": true}, )" : "";
        world_.run(
            fmt::format(R"({{"name": "t", {0}"max_restarts": 1000, "within": "1s", "children": [
            {{"name": "r", "component": "receiver", "max_restarts": 1000, "mail": {{"window": 4}}}},
            {{"name": "n", {0}"max_restarts": 1000, "within": "1s", "children": [
                {{"name": "r", "component": "receiver", "max_restarts": 1000}},
                {{"name": "s", "component": "sender", "max_restarts": 1000}}]}},
            {{"name": "s", "component": "sender", "max_restarts": 1000}}]}})",
                        journal));
    }

    bool chance(double p) { return world_.random() < p; }
    std::chrono::milliseconds milliseconds_up_to(int n) {
        return std::chrono::milliseconds(static_cast<int>(world_.random() * n));
    }

    void expect(bool right, const std::string& what) {
        if (right) return;
        ++faults_;
        BOOST_ERROR(fmt::format("seed {}: {}", seed_, what));
    }

    awaitable<> send(component& self) {
        const char* const targets[] = {"/r", "/n/r"};
        for (int i = 0; i < 4; ++i) {
            if (chance(0.5)) co_await self.time().sleep_for(milliseconds_up_to(100));
            const int number = ++last_number_;
            const std::string to = targets[static_cast<int>(world_.random() * 2)];
            fates_[number].recipient = to;
            fates_[number].sender = self.address();
            const bool receipt = chance(0.3);
            if (receipt) {
                // A receipt may come late or never (its sender dies first). It must not come for a
                // lost mail.
                const auto error =
                    co_await self.try_deliver(to, std::to_string(number), self.time().now() + 5min);
                if (!error) fates_[number].accepted = true;
                if (!error)
                    expect(fates_[number].acked,
                           fmt::format("mail {} has a receipt and was never acked", number));
            } else {
                bool arrived = true;
                try {
                    co_await self.send(to, std::to_string(number));
                } catch (const supe::system_error& e) {
                    if (e.code() == supe::asio::error::operation_aborted) throw;
                    arrived = false;
                }
                (arrived ? fates_[number].accepted : fates_[number].refused) = true;
            }
        }
        while (auto mail = co_await self.receive()) mail->ack();
    }

    awaitable<> receive(component& self) {
        // The mail in flight in this life, in order. At its end all of it is put back.
        struct life {
            scenario& s;
            std::vector<int> in_flight;
            ~life() {
                for (const int n : in_flight) s.fates_[n].returned = true;
            }
        } mine{*this, {}};
        int last_fresh = 0;
        self.set_window(1 + static_cast<unsigned>(world_.random() * 4));
        while (auto mail = co_await self.receive()) {
            const int number = std::stoi(mail->body());
            fate& f = fates_[number];
            mine.in_flight.push_back(number);
            delivered(self.address(), number, mail->attempt(), last_fresh);
            if (chance(0.3)) co_await self.time().sleep_for(milliseconds_up_to(100));
            if (!calm_ && chance(0.15)) throw std::runtime_error("it crashes by itself");
            if (!calm_ && chance(0.1)) {
                f.returned = true;
                std::erase(mine.in_flight, number);
                const bool again = chance(0.5);
                if (again) mail->requeue("not now");
                if (!again) mail->reject("not now");
                f.rejected = true;  // it comes again out of order
                continue;
            }
            f.acked = true;
            mail->ack();
            co_await self.flushed();
            f.sure_ack = true;
            std::erase(mine.in_flight, number);
        }
    }

    void delivered(const std::string& where, int number, unsigned attempt, int& last_fresh) {
        fate& f = fates_[number];
        // The death of a supervisor loses attempts, and acks that its journal had not written yet.
        const bool lost_below = where == "/n/r" || root_died_;
        expect(f.recipient == where, fmt::format("mail {} reached {}", number, where));
        expect(!f.sure_ack || lost_below, fmt::format("mail {} was acked and came again", number));
        expect(!f.dead || (journaled_ && lost_below),
               fmt::format("mail {} was dead and came again", number));
        expect(f.returned || (f.acked && journaled_ && lost_below),
               fmt::format("mail {} came again without a crash or a reject", number));
        expect(attempt > f.attempt || lost_below,
               fmt::format("mail {}: attempt {} after {}", number, attempt, f.attempt));
        expect(attempt > 1 || f.attempt == 0,
               fmt::format("mail {} came again as if for the first time", number));
        f.returned = false;
        f.attempt = attempt;
        const bool in_turn = !std::exchange(f.rejected, false);
        if (attempt == 1) {
            // The mail of one sender arrives in the order of sending, which is the order of the
            // numbers.
            int& last = lasts_[f.sender + " " + where];
            expect(number > last || lost_below,
                   fmt::format("mail {} came behind mail {}", number, last));
            last = last_fresh = number;
        } else {
            expect(last_fresh == 0 || !in_turn || lost_below,
                   fmt::format("mail {}, attempt {}, came behind fresh mail", number, attempt));
        }
    }

    void disturb() {
        const char* const anyone[] = {"/s", "/r", "/n", "/n/r", "/n/s"};
        const double what = world_.random();
        if (journaled_ && what < 0.1) {
            root_died_ = true;
            world_.clean_up();
            start();
        } else if (what < 0.6) {
            const std::string victim = anyone[static_cast<int>(world_.random() * 5)];
            if (victim == "/n") died_below_ = true;
            world_.crash(victim);
        } else {
            world_.advance(milliseconds_up_to(300));
        }
        collect_dead();
    }

    void collect_dead() {
        for (std::size_t i = dead_seen_; i < world_.notices().size(); ++i) {
            const auto& notice = world_.notices()[i];
            if (notice.name != "mail-dead-lettered") continue;
            const auto at = notice.message.rfind("\"mail\":");
            fate& f = fates_[std::stoi(notice.message.substr(at + 7))];
            const bool forgotten = f.recipient == "/n/r" || root_died_;
            expect(!f.dead || (journaled_ && forgotten), "a mail died twice: " + notice.message);
            expect(!f.sure_ack || forgotten, "an acked mail died: " + notice.message);
            f.dead = true;
        }
        dead_seen_ = world_.notices().size();
    }

    void check_end() {
        collect_dead();
        for (const supe::child* c : world_.root().children())
            expect(world_.root().entry_of(*c).mail.box.empty(), c->address() + " has mail left");
        for (const auto& [number, f] : fates_) {
            if (!f.accepted) continue;
            const bool may_be_lost = f.recipient == "/n/r" && died_below_ && !journaled_;
            expect(f.acked || f.dead || may_be_lost,
                   fmt::format("mail {} to {} was accepted and is lost", number, f.recipient));
        }
    }

    std::uint64_t seed_;
    bool journaled_;
    int faults_ = 0;
    std::map<int, fate> fates_;
    std::map<std::string, int> lasts_;
    int last_number_ = 0;
    std::size_t dead_seen_ = 0;
    bool calm_ = false;
    bool died_below_ = false;
    bool root_died_ = false;
    world world_;  // the last member, so that what its coroutines use outlives them
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mail)

// Accepted mail is either acked or dead. No mail comes again without a crash or a reject, and mail
// that comes again comes before fresh mail, whichever process dies at any time.
BOOST_AUTO_TEST_CASE(nothing_is_lost) {
    int broken = 0;
    for (std::uint64_t seed = 1; seed <= 10000; ++seed) {
        scenario one(seed, false);
        one.run();
        if (one.faults() > 0 && ++broken == 5) break;
    }
}

// With journals no accepted mail is lost when a supervisor dies, or the root with all others.
BOOST_AUTO_TEST_CASE(journaled_mail_survives_supervisors) {
    int broken = 0;
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        scenario one(seed, true);
        one.run();
        if (one.faults() > 0 && ++broken == 5) break;
    }
}

BOOST_AUTO_TEST_SUITE_END()
