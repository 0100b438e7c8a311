// Shows that a destination never counts more connections than the cap, in simulated trees whose
// processes are killed, restarted, renamed and reloaded at random.
#include "tests/patterns/simulated_destination.hpp"

#include "supe/tree/tree_file.hpp"
#include "tests/support/seeds.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr unsigned first_cap = 3;

/// A lock and two forwarders, one of them below a nested supervisor, as in the relay.
struct relay {
    explicit relay(std::uint64_t seed) : w(seed), app(w), watch(app) {
        app.resets = true;
        w.provide("lock", [this](component& self) { return lock(self); });
        w.provide("forwarder", [this](component& self) { return forward(self); });
        w.run(tree());
    }
    ~relay() { w.stop(); }

    std::string tree() const {
        constexpr const char* often =
            R"("max_restarts": 1000, "backoff": {"max": "100ms", "jitter": 0})";
        return fmt::format(
            R"({{"name": "t", "strategy": "rest_for_one", "max_restarts": 1000, "children": [
                {{"name": "lock", "component": "lock", "config": {{"cap": {0}}}, "mail": {{"window": 64}}, {1}}},
                {{"name": "dam", {1}, "children": [
                    {{"name": "a", "component": "forwarder", "config": {{"cap": {0}}}, "shutdown": "2s", {1}}}]}},
                {{"name": "b", "component": "forwarder", "config": {{"cap": {0}}}, "shutdown": "2s", {1}}}]}})",
            cap, often);
    }

    static unsigned cap_in(const boost::json::value& config) {
        return config.at("cap").to_number<unsigned>();
    }
    awaitable<> lock(component& self) {
        const boost::json::value config = co_await self.config();
        const patterns::permit_limits limits{.permits = cap_in(config),
                                             .reset_rest = simulated::timeout};
        co_await patterns::serve_connection_lock(self, limits, watch, memory);
    }

    /// As many loops as there may be connections: takes a permit, connects, keeps the connection
    /// for a while, closes on both sides, and gives the permit back.
    awaitable<> forward(component& self) {
        const simulated::life alive(watch, self);
        const boost::json::value config = co_await self.config();
        supe::nursery tasks(self.time());
        self.set_window(16);
        tasks.start(read_mail(self, tasks));
        for (unsigned i = 0; i < cap_in(config); ++i) tasks.start(work(self, alive.process()));
        co_await tasks.join();
    }
    /// A stop either lets the connections end, or is too slow for them.
    awaitable<> read_mail(component& self, supe::nursery& tasks) {
        while (auto mail = co_await self.receive()) mail->ack();
        if (w.random() < 0.5) tasks.cancel();
    }
    awaitable<> work(component& self, patterns::process_identity process) {
        const std::vector<std::string> peers{"app:80"};
        while (!self.shutting_down()) {
            patterns::permit p;
            try {
                p = co_await patterns::acquire(self, "/lock", peers, process);
            } catch (const supe::system_error&) {
                throw;
            } catch (const std::runtime_error&) {}
            if (p) {
                simulated::connection open(app);
                co_await self.time().sleep_for(w.random() < 0.9 ? 0ms : 1ms);
                p.connected(open.port(), "app:80");
                open.use();
                co_await self.time().sleep_for(some(w.random() < 0.9 ? 3000 : 10000));
                open.close();
                p.release();
            }
            co_await self.time().sleep_for(some(100));
        }
    }
    supe::duration some(int longest_ms) {
        return std::chrono::milliseconds(1 + static_cast<int>(w.random() * longest_ms));
    }

    void something_happens() {
        const char* addresses[] = {"/lock", "/dam/a", "/b", "/b.1", "/b.2", "/dam"};
        auto& admin = w.root().admin();
        switch (static_cast<int>(w.random() * 10)) {
            case 0:
            case 4: return begin(admin.restart("lock"));
            case 1: return begin(admin.restart("b"));
            case 2: return begin(admin.scale("b", 1 + static_cast<unsigned>(w.random() * 2)));
            case 3:
                cap = 1 + static_cast<unsigned>(w.random() * 5);
                allowed = std::max(allowed, cap);
                return begin(admin.reload(supe::parse_tree(tree(), "tree", "/")));
            default: w.crash(addresses[static_cast<int>(w.random() * 6)]);
        }
    }
    void begin(awaitable<std::string> request) { w.begin(std::move(request)); }

    unsigned cap = first_cap;
    unsigned allowed = first_cap;  ///< the largest cap since the last quiet moment
    world w;
    simulated::destination app;
    simulated::watch watch;
    simulated::memory memory{};
};

std::string fault_of(std::uint64_t seed) {
    relay r(seed);
    for (int step = 0; step < 9; ++step) {
        r.w.advance(r.some(1500));
        for (int n = static_cast<int>(r.w.random() * 3); n > 0; --n) r.something_happens();
        r.w.run_ready();
        if (r.app.most > r.allowed)
            return fmt::format("step {}: {} were open, {} allowed", step, r.app.most, r.allowed);
    }
    r.w.advance(18s);
    if (r.app.most > r.allowed)
        return fmt::format("{} were open, {} allowed", r.app.most, r.allowed);
    const std::size_t before = r.app.served;
    r.app.most = r.app.connections();
    r.w.advance(11s);
    if (r.app.most != r.cap)
        return fmt::format("in peace {} were open, the cap is {}", r.app.most, r.cap);
    if (r.app.served == before) return "nothing is served any more";
    return r.w.stop() ? "" : "it does not stop";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_cap)

// Never above the cap, and afterwards all of it is used. The number of seeds is SUPE_SEEDS, the
// first one SUPE_SEED.
BOOST_AUTO_TEST_CASE(holds_whatever_happens) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        const std::string fault = fault_of(seed);
        BOOST_REQUIRE_MESSAGE(fault.empty(),
                              fmt::format("SUPE_SEED={} SUPE_SEEDS=1: {}", seed, fault));
    }
}

BOOST_AUTO_TEST_SUITE_END()
