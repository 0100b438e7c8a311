// Shows what the patterns promise, whatever happens to their components: crashes at any wait, slow
// and failed starts, restarts by hand, in many simulated runs.
#include "patterns/autoscaler.hpp"
#include "patterns/batcher.hpp"
#include "patterns/dedupe.hpp"
#include "patterns/demand.hpp"
#include "patterns/every.hpp"
#include "patterns/forward_notices.hpp"
#include "patterns/graceful_shutdown.hpp"
#include "patterns/idle_shutdown.hpp"
#include "patterns/rate_limiter.hpp"
#include "patterns/retry.hpp"
#include "patterns/timeout.hpp"
#include "patterns/watchdog.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/test/unit_test.hpp>
#include <map>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr int steps = 12;

/// One component with a pattern, twelve mails for it, and a bad hour.
class bad_hour {
public:
    bad_hour(std::uint64_t seed, supe::component_main body, const std::string& more = "")
        : w(seed) {
        w.provide("c", std::move(body));
        w.run(R"({"name": "t", "max_restarts": 100000, "children": [{)" + more + R"(
            "name": "c", "component": "c", "shutdown": "4s", "max_restarts": 100000,
             "may": ["scale"], "backoff": {"max": "100ms", "jitter": 0}, "mail": {"window": 8, "attempts": 1000}}]})");
    }
    ~bad_hour() { w.stop(); }

    /// Another child, which the bad hour leaves alone.
    void add(const std::string& name, supe::component_main body) {
        w.provide(name, std::move(body));
        supe::child_spec spec;
        spec.name = name;
        spec.component = name;
        spec.limit.count = 100'000;
        spec.backoff.edit().max = 100ms;
        spec.mail.edit().limits.attempts = 1000;
        w.by_hand(w.root().admin().add(spec));
    }
    supe::duration some(int longest_ms) {
        return std::chrono::milliseconds(1 + static_cast<int>(w.random() * longest_ms));
    }
    void happen() {
        switch (static_cast<int>(w.random() * 6)) {
            case 0: w.begin(w.root().admin().restart("c")); break;
            case 1: w.fail_next_starts("/c", 2, {"EAGAIN", "no process"}); [[fallthrough]];
            case 2:
            case 3: w.crash("/c"); break;
            case 4: w.exit("/c"); break;
            default: break;
        }
    }
    /// Something, twelve times; then peace, for as long as `done` needs. What is wrong.
    template <class Step, class Condition>
    std::string run(Step step, Condition done) {
        for (int n = 0; n < steps; ++n) {
            step(n);
            w.advance(some(300));
            happen();
            w.run_ready();
        }
        // A restart by hand whose start failed has left it down.
        w.fail_next_starts("/c", 0, {});
        w.by_hand(w.root().admin().start("c"));
        for (int minute = 0; minute < 10 && !done(); ++minute) w.advance(1min);
        if (!done()) return "not all of it was done";
        if (w.count("mail-dead-lettered") > 0) return "a mail became a dead letter";
        return w.stop() ? "" : "it does not stop";
    }
    /// As above, with a mail at each step; all are done when each of them is in `handled`.
    std::string run_mail(const std::map<std::string, int>& handled) {
        const auto mail = [&](int n) { w.mail("c", std::to_string(n)); };
        return run(mail, [&] { return handled.size() == steps; });
    }
    world w;
};

template <class Run>
void for_all_seeds(Run one) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        const std::string fault = one(seed);
        BOOST_TEST_REQUIRE(fault.empty(), "SUPE_SEED=" << seed << " SUPE_SEEDS=1: " << fault);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pattern_sweeps)

// Each mail gets its result from a service that fails and hangs; no try is longer than its limit.
BOOST_AUTO_TEST_CASE(retry_and_timeout) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        supe::duration longest{};
        bad_hour* hour = nullptr;
        const auto ask = [&](component& self) -> awaitable<> {
            const double luck = hour->w.random();
            co_await self.time().sleep_for(luck < 0.2 ? supe::duration(24h) : hour->some(900));
            if (luck < 0.6) throw std::runtime_error("not now");
        };
        const auto client = [&](component& self) -> awaitable<> {
            const patterns::retry_limits limits{.pauses = {100ms, 1s, 2, 0}};
            const auto one = [&]() -> awaitable<> {
                const supe::time_point began = self.time().now();
                co_await patterns::timeout(self, 1s, ask(self));
                longest = std::max(longest, self.time().now() - began);
            };
            while (auto mail = co_await self.receive()) {
                const bool done = co_await patterns::retry(self, limits, one);
                if (!done) break;
                ++handled[mail->body()];
                mail->ack();
            }
        };
        bad_hour h(seed, client);
        hour = &h;
        const std::string fault = h.run_mail(handled);
        return fault.empty() && longest > 1s ? "a try took too long" : fault;
    });
}

// A component on demand handles each mail, and is down when it has had none for a while.
BOOST_AUTO_TEST_CASE(idle_shutdown) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        bad_hour* hour = nullptr;
        const auto worker = [&](component& self) -> awaitable<> {
            patterns::idle_shutdown idle{self, hour->some(300)};
            while (auto mail = co_await idle.next_mail()) {
                co_await self.time().sleep_for(hour->some(100));
                ++handled[mail->body()];
                mail->ack();
            }
        };
        bad_hour h(seed, worker, R"("demand": true,)");
        hour = &h;
        const auto mail = [&](int n) { h.w.mail("c", std::to_string(n)); };
        return h.run(mail, [&] { return handled.size() == steps && h.w.pid_of("/c") == 0; });
    });
}

// A life never beats more often than its periods have passed, however long the work takes; and the
// next life beats on.
BOOST_AUTO_TEST_CASE(every) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        int beats = 0, before = 0;
        bool too_often = false;
        bad_hour* hour = nullptr;
        const auto clockwork = [&](component& self) -> awaitable<> {
            const supe::time_point began = self.time().now();
            patterns::every beat{self, 100ms};
            for (int n = 1; co_await beat.tick(); ++n) {
                ++beats;
                too_often = too_often || self.time().now() < began + n * 100ms;
                co_await self.time().sleep_for(hour->some(250));
            }
        };
        bad_hour h(seed, clockwork);
        hour = &h;
        const std::string fault =
            h.run([&](int) { before = beats; }, [&] { return beats > before + 5; });
        return fault.empty() && too_often ? "it beat too often" : fault;
    });
}

// Two at once and then two a second, in each life; all is done.
BOOST_AUTO_TEST_CASE(rate_limiter) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        bool too_fast = false;
        const auto limited = [&](component& self) -> awaitable<> {
            patterns::rate_limiter starts({.count = 2, .period = 1s});
            std::vector<supe::time_point> begun;
            while (auto mail = co_await self.receive()) {
                for (supe::duration wait = starts.take(self.time().now()); wait > 0s;
                     wait = starts.take(self.time().now()))
                    co_await self.time().sleep_for(wait);
                const supe::time_point now = self.time().now();
                for (std::size_t ago = 2; ago <= begun.size(); ++ago)
                    too_fast = too_fast || now < begun[begun.size() - ago] + (ago - 1) * 500ms;
                begun.push_back(now);
                ++handled[mail->body()];
                mail->ack();
            }
        };
        bad_hour h(seed, limited);
        const std::string fault = h.run_mail(handled);
        return fault.empty() && too_fast ? "it was too fast" : fault;
    });
}

// Each mail is in a batch that was finished, and no batch is too large.
BOOST_AUTO_TEST_CASE(batcher) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        std::size_t largest = 0;
        bad_hour* hour = nullptr;
        const auto storer = [&](component& self) -> awaitable<> {
            patterns::batcher all{self, {.count = 3, .wait = 100ms}};
            while (co_await all.next()) {
                largest = std::max(largest, all.mails().size());
                co_await self.time().sleep_for(hour->some(200));
                for (const supe::mail& m : all.mails()) ++handled[m.body()];
            }
        };
        bad_hour h(seed, storer);
        hour = &h;
        const std::string fault = h.run_mail(handled);
        return fault.empty() && largest > 3 ? "a batch was too large" : fault;
    });
}

// The effect of each mail happens exactly once.
BOOST_AUTO_TEST_CASE(dedupe) {
    const support::temporary_directory place(support::in_memory());
    for_all_seeds([&](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        bad_hour* hour = nullptr;
        const auto payer = [&](component& self) -> awaitable<> {
            patterns::dedupe seen(place / std::to_string(seed), 5);
            while (auto mail = co_await self.receive()) {
                co_await self.time().sleep_for(hour->some(100));
                if (!seen.contains(mail->id())) {
                    ++handled[mail->body()];
                    seen.add(mail->id());
                }
                co_await self.time().sleep_for(hour->some(100));
                mail->ack();
            }
        };
        bad_hour h(seed, payer);
        hour = &h;
        const std::string fault = h.run_mail(handled);
        for (const auto& [mail, times] : handled)
            if (times != 1) return fmt::format("mail {} had its effect {} times", mail, times);
        return fault;
    });
}

// Each mail is handled, and never more at once than the limit.
BOOST_AUTO_TEST_CASE(graceful_shutdown) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        int at_work = 0, most_at_work = 0;
        bad_hour* hour = nullptr;
        const auto worker = [&](component& self) -> awaitable<> {
            const auto handle = [&](supe::mail mail) -> awaitable<> {
                struct at_end {
                    int& n;
                    ~at_end() { --n; }
                } mark{at_work};
                most_at_work = std::max(most_at_work, ++at_work);
                co_await self.time().sleep_for(hour->some(1000));
                ++handled[mail.body()];
                mail.ack();
            };
            const patterns::graceful_limits limits{.at_once = 2, .grace = 2s};
            co_await patterns::graceful_shutdown(self, limits, handle);
        };
        bad_hour h(seed, worker);
        hour = &h;
        const std::string fault = h.run_mail(handled);
        if (most_at_work > 2) return fmt::format("{} at once", most_at_work);
        return fault;
    });
}

// The last notice always arrives, and none after a newer one.
BOOST_AUTO_TEST_CASE(forward_notices) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::vector<std::int64_t> got;
        const auto messenger = [](component& self) -> awaitable<> {
            const std::vector<std::string> names{"depth"};
            co_await patterns::forward_notices(self, names, "r");
        };
        const auto recipient = [&](component& self) -> awaitable<> {
            while (auto mail = co_await self.receive()) {
                got.push_back(mail->value().at("message").as_int64());
                mail->ack();
            }
        };
        bad_hour h(seed, messenger);
        h.add("r", recipient);
        const auto publish = [&](int n) { h.w.root().notify("depth", std::to_string(n + 1)); };
        const std::string fault =
            h.run(publish, [&] { return !got.empty() && got.back() == steps; });
        return std::ranges::is_sorted(got) ? fault : "an old notice came after a newer one";
    });
}

// All mail of the sibling is handled, whatever crashes; there are never more instances than
// allowed, and one is left at the end.
BOOST_AUTO_TEST_CASE(autoscaler) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        std::size_t most = 0;
        const auto scaler = [](component& self) -> awaitable<> {
            const patterns::autoscaler_limits limits{.most = 3, .mails_each = 2, .calm = 2s};
            co_await patterns::autoscale(self, "crew", limits);
        };
        bad_hour h(seed, scaler);
        const auto worker = [&](component& self) -> awaitable<> {
            while (auto mail = co_await self.receive()) {
                co_await self.time().sleep_for(h.some(900));
                ++handled[mail->body()];
                mail->ack();
            }
        };
        h.add("crew", worker);
        const auto instances = [&] { return h.w.root().members("crew").size(); };
        const auto step = [&](int n) {
            h.w.mail("crew", std::to_string(n));
            if (h.w.random() < 0.2) h.w.crash("/crew.2");
            if (h.w.random() < 0.2) h.w.fail_next_starts("/crew.3", 1, {"EAGAIN", "no process"});
            most = std::max(most, instances());
        };
        const auto done = [&] { return handled.size() == steps && instances() == 1; };
        const std::string fault = h.run(step, done);
        return fault.empty() && most > 3 ? "too many instances" : fault;
    });
}

// A mail whose work hangs once is done in a later life: the watchdog ends the life that hangs, and
// no other one.
BOOST_AUTO_TEST_CASE(watchdog) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        unsigned hung = 0;
        bad_hour* hour = nullptr;
        const auto worker = [&](component& self) -> awaitable<> {
            patterns::watchdog dog{self, 1s};
            const auto body = [&](supe::nursery& all) -> awaitable<> {
                all.start(dog.run());
                while (auto mail = co_await self.receive()) {
                    const auto piece = dog.begin(2s);
                    const bool hangs = hour->w.random() < 0.2;
                    hung += hangs ? 1 : 0;
                    co_await self.time().sleep_for(hangs ? supe::duration(1h) : hour->some(1900));
                    ++handled[mail->body()];
                    mail->ack();
                }
                all.cancel();
            };
            co_await supe::with_nursery(self.time(), body);
        };
        bad_hour h(seed, worker, R"("watchdog": "3s",)");
        hour = &h;
        const std::string fault = h.run_mail(handled);
        const auto killed = static_cast<std::size_t>(std::ranges::count_if(
            h.w.messages("c-crashed"),
            [](const std::string& m) { return m.find("SIGABRT") != m.npos; }));
        return fault.empty() && killed > hung ? "a life that did not hang was ended" : fault;
    });
}

// Each item arrives, whatever happens to the consumer, and never more are out than it wants.
BOOST_AUTO_TEST_CASE(demand) {
    for_all_seeds([](std::uint64_t seed) -> std::string {
        std::map<std::string, int> handled;
        int made = 0;
        std::size_t most = 0;
        bad_hour* hour = nullptr;
        const auto consumer = [&](component& self) -> awaitable<> {
            const auto body = [&](supe::nursery& all) -> awaitable<> {
                all.start(patterns::want_from(self, "p", 2));
                while (auto item = co_await self.receive()) {
                    co_await self.time().sleep_for(hour->some(300));
                    ++handled[item->body()];
                    item->ack();
                }
                all.cancel();
            };
            co_await supe::with_nursery(self.time(), body);
        };
        const auto producer = [&](component& self) -> awaitable<> {
            const auto make = [&]() -> awaitable<std::optional<supe::json_body>> {
                while (made == steps && !self.shutting_down()) co_await self.shutdown_requested();
                if (self.shutting_down()) co_return std::nullopt;
                co_return supe::json_body(++made);
            };
            co_await patterns::produce_on_demand(self, make);
        };
        bad_hour h(seed, consumer);
        hour = &h;
        h.add("p", producer);
        const auto look = [&](int) {
            const supe::mailbox& box = h.w.root().entry_of(*h.w.root().find("c")).mail.box;
            most = std::max(most, box.queued() + box.in_flight());
        };
        const std::string fault = h.run(look, [&] { return handled.size() == steps; });
        return fault.empty() && most > 2 ? fmt::format("{} items are out", most) : fault;
    });
}

BOOST_AUTO_TEST_SUITE_END()
