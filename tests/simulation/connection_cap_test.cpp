// Shows that a destination never counts more connections than the cap, and that nobody waits for a
// permit while another one's connection is idle: in simulated trees whose processes are killed,
// restarted, renamed and reloaded at random.
#include "patterns/worker_pool.hpp"
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

/// Since when each of several things lasts.
using stretches = std::multiset<supe::time_point>;

/// How long somebody waited for a permit while a connection was idle, and the lock ran and had
/// heard from those who wait.
struct vain_waits {
    supe::clock& time;
    stretches waiting{}, idle{}, lock{};
    supe::duration longest{};

    void measure() {
        if (waiting.empty() || idle.empty() || lock.empty()) return;
        const auto since = std::max({*waiting.begin(), *idle.begin(), *lock.begin()});
        longest = std::max(longest, time.now() - since);
    }
};

/// One of them lasts as long as this object, also where a crash ends it.
class stretch {
public:
    stretch(vain_waits& v, stretches& all, supe::duration after = {})
        : of_(v), all_(all), at_(all.insert(v.time.now() + after)) {}
    ~stretch() {
        of_.measure();
        all_.erase(at_);
    }
    stretch(const stretch&) = delete;

private:
    vain_waits& of_;
    stretches& all_;
    stretches::iterator at_;
};

/// What the workers of one forwarder share.
struct forwarder {
    simulated::destination& app;
    vain_waits& vain;
    component& self;
    patterns::process_identity process;
    patterns::worker_pool<struct worker, supe::duration> pool;
    unsigned in_hand = 0;

    supe::duration some(int longest_ms) {
        return std::chrono::milliseconds(1 + static_cast<int>(app.world.random() * longest_ms));
    }
};

/// Its work is how long a connection is used.
struct worker {
    forwarder& f;
    patterns::permit permit{};
    std::optional<simulated::connection> open{};
    std::optional<stretch> idle{};

    bool keeps() const { return open.has_value(); }
    bool is_useful() const { return true; }
    supe::duration turn() const { return {}; }
    /// The destination takes its time to close it too.
    awaitable<> give_up() {
        idle.reset();
        if (!open) co_return;
        co_await f.self.time().sleep_for(f.some(300));
        open->close();
        open.reset();
        permit.release();
    }
    void take_over(worker& sibling) {
        sibling.idle.reset();
        open.emplace(std::move(*sibling.open));
        sibling.open.reset();
        permit = std::move(sibling.permit);
    }
    awaitable<patterns::permit> granted() {
        const std::vector<std::string> peers{"app:80"};
        for (;;) {
            try {
                patterns::permit p = co_await patterns::acquire(f.self, "/lock", peers, f.process);
                co_return p;
            } catch (const supe::system_error&) {
                throw;
            } catch (const std::runtime_error&) {}  // refused
            co_await f.self.time().sleep_for(f.some(100));
        }
    }
    awaitable<> get_permit() {
        const stretch waits(f.vain, f.vain.waiting);
        awaitable<patterns::permit> from_lock = granted();
        awaitable<> from_sibling = f.pool.from_sibling(*this);
        auto [got, handed] =
            co_await supe::race(f.self.time(), std::move(from_lock), std::move(from_sibling));
        if (!open)
            permit = std::move(*got);
        else if (got)
            got->release();
    }
    awaitable<> handle(supe::duration use) {
        idle.reset();
        if (!open) co_await get_permit();
        if (!open && permit) {
            open.emplace(f.app);
            co_await f.self.time().sleep_for(f.app.world.random() < 0.9 ? 0ms : 1ms);
            permit.connected(open->port(), "app:80");
        }
        --f.in_hand;
        if (!open) co_return;  // asked to shut down
        open->use();
        co_await f.self.time().sleep_for(use);
        ++f.app.served;
        idle.emplace(f.vain, f.vain.idle);
    }
};

/// A lock and two forwarders, one of them below a nested supervisor, as in the relay.
struct relay {
    explicit relay(std::uint64_t seed) : w(seed), app(w), watch(app), vain{w.time()} {
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
            R"({{"name": "t", "max_restarts": 1000, "children": [
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
        const stretch runs(vain, vain.lock, 1s);  // by then all have asked again
        const patterns::permit_limits limits{.permits = cap_in(config),
                                             .reset_rest = simulated::timeout};
        co_await patterns::serve_connection_lock(self, limits, watch, memory);
    }

    /// As many workers as there may be connections, as in the relay's forwarder.
    awaitable<> forward(component& self) {
        const simulated::life alive(watch, self);
        const boost::json::value config = co_await self.config();
        forwarder f{app, vain, self, alive.process(), {self.time(), some(10000)}};
        for (unsigned i = 0; i < cap_in(config); ++i) f.pool.hire(f);
        supe::nursery tasks(self.time());
        self.set_window(16);
        f.pool.start(tasks);
        tasks.start(read_mail(f, tasks));
        tasks.start(make_work(f, 2 * cap_in(config) + 2));
        co_await tasks.join();
    }
    /// A stop either lets the connections end, or is too slow for them.
    awaitable<> read_mail(forwarder& f, supe::nursery& tasks) {
        while (auto mail = co_await f.self.receive()) {
            if (patterns::take_recall(f.self, *mail, f.process)) f.pool.recall();
            mail->ack();
        }
        w.random() < 0.5 ? tasks.cancel() : f.pool.close();
    }
    /// Work comes in bursts, and is not always enough for all workers.
    awaitable<> make_work(forwarder& f, unsigned most) {
        while (!f.self.shutting_down()) {
            const double amount = busy ? 1 : w.random() * w.random();
            for (auto n = static_cast<unsigned>(amount * most); n > 0 && f.in_hand < most; --n) {
                ++f.in_hand;
                f.pool.add(some(w.random() < 0.9 ? 1000 : 10000));
            }
            const supe::time_point next = w.time().now() + some(3000);
            co_await f.self.shutdown_requested_until(next);
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
    vain_waits vain;
    bool busy = false;  ///< work for all is made
};

/// A recall takes the time of a few mails, and of the restarts on its way.
constexpr supe::duration vain_at_most = 1s;

std::string in_vain(const relay& r) {
    return fmt::format(
        "somebody waited for {} ms beside an idle connection",
        std::chrono::duration_cast<std::chrono::milliseconds>(r.vain.longest).count());
}

std::string fault_of(std::uint64_t seed) {
    relay r(seed);
    for (int step = 0; step < 9; ++step) {
        r.w.advance(r.some(1500));
        for (int n = static_cast<int>(r.w.random() * 3); n > 0; --n) r.something_happens();
        r.w.run_ready();
        r.vain.measure();
        if (r.vain.longest > vain_at_most) return fmt::format("step {}: {}", step, in_vain(r));
        if (r.app.most > r.allowed)
            return fmt::format("step {}: {} were open, {} allowed", step, r.app.most, r.allowed);
    }
    r.w.advance(18s);
    r.vain.measure();
    if (r.vain.longest > vain_at_most) return in_vain(r);
    if (r.app.most > r.allowed)
        return fmt::format("{} were open, {} allowed", r.app.most, r.allowed);
    const std::size_t before = r.app.served;
    r.app.most = r.app.connections();
    r.busy = true;
    r.w.advance(14s);  // 3 s until there is work, 10 s of it, and a recall before that
    r.vain.measure();
    if (r.vain.longest > vain_at_most) return "in peace: " + in_vain(r);
    if (r.app.most != r.cap)
        return fmt::format("in peace {} were open, the cap is {}", r.app.most, r.cap);
    if (r.app.served == before) return "nothing is served any more";
    return r.w.stop() ? "" : "it does not stop";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_cap)

// Never above the cap, and afterwards all of it is used. An idle connection is called back, or
// handed over, as soon as somebody waits. The number of seeds is SUPE_SEEDS, the
// first one SUPE_SEED.
BOOST_AUTO_TEST_CASE(holds_whatever_happens) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        const std::string fault = fault_of(seed);
        BOOST_REQUIRE_MESSAGE(fault.empty(),
                              fmt::format("SUPE_SEED={} SUPE_SEEDS=1: {}", seed, fault));
    }
}

BOOST_AUTO_TEST_SUITE_END()
