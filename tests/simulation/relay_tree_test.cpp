// Shows that the relay loses nothing, delivers nothing twice without need, keeps its cap and its
// ledger, and drains its backlog, whatever befalls it: all of its components in a simulated tree
// whose processes are killed, frozen, restarted and reloaded at random, also in the middle of a
// commit or a delivery, before destinations that fail in each way.
#include "tests/simulation/simulated_relay.hpp"
#include "tests/support/quiet_output.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using simulated::mood;
using simulated::site;

namespace {

/// Once all is well: the longest pause of a retry and of a circuit is 30 s, a permit rests for 61 s
/// at most, and a sender's mail is in doubt for 20 s.
constexpr auto drains_within = 150s;

/// One run: what happens is decided by the seed.
struct run {
    run(std::uint64_t seed, const std::filesystem::path& directory)
        : r(seed, directory, seed % 2 == 0) {
        r.killed_at_commit = r.chance(0.5) ? 0.01 : 0;
        r.refused_at_commit = r.chance(0.3) ? 0.02 : 0;
        r.killed_at_request = r.chance(0.3) ? 0.02 : 0;
    }

    simulated::relay r;
    std::vector<std::string> trail{};
    std::vector<std::string> frozen{};

    void note(std::string what) {
        r.say("--- {}", what);
        trail.push_back(std::move(what));
    }

    void send_some() {
        const std::size_t n = r.chance(0.2) ? 2 + r.roll(6) : 1;
        for (std::size_t i = 0; i < n; ++i) r.post(r.new_webhook(true));
        note(fmt::format("{} sent", n));
    }
    /// Their senders got no 200, or think so.
    void send_again() {
        if (r.sent.empty()) return;
        const std::size_t number = r.roll(r.sent.size());
        if (!r.sent[number].kept.empty() && !r.sent[number].once) return;
        r.post(static_cast<int>(number));
        note(fmt::format("{} sent again", number));
    }
    std::string some_address() {
        const auto all = r.addresses();
        return all[r.roll(all.size())];
    }
    void crash() {
        const std::string address = some_address();
        r.w.crash(address);
        note("kill " + address);
    }
    /// Before anything else happens, also what is due by now.
    void crash_at_once() {
        const std::string address = some_address();
        r.post(r.new_webhook(true));
        r.w.kill(address);
        note("a webhook, and kill " + address);
    }
    /// As SIGSTOP.
    void freeze() {
        frozen.push_back(some_address());
        r.w.freeze(frozen.back());
        note("freeze " + frozen.back());
    }
    void thaw() {
        for (const std::string& address : frozen) r.w.thaw(address);
        frozen.clear();
        note("thaw");
    }
    void restart() {
        const std::string address = some_address();
        const bool is_below = address.starts_with("/dam/");
        supe::supervisor* const owner = r.w.supervisor_at(is_below ? "/dam" : "/");
        note("restart " + address);
        if (!owner) return;
        r.w.begin(owner->admin().restart(address.substr(is_below ? 5 : 1)));
    }
    void reload() {
        site& s = r.sites[r.roll(r.sites.size())];
        s.cap = 1 + static_cast<unsigned>(r.roll(4));
        s.allowed = std::max(s.allowed, s.cap);
        r.w.begin(r.w.root().admin().reload(r.tree()));
        note(fmt::format("reload: {} has {} connections", s.route, s.cap));
    }
    /// The whole relay ends and begins anew.
    void begin_anew() {
        if (r.chance(0.5)) {
            thaw();  // an operator's stop waits for a supervisor that stands still
            note("stop and start");
            if (!r.w.stop(120s)) return r.wrong("it does not stop");
        } else {
            note("kill and start");
        }
        if (!r.w.clean_up()) r.wrong("something is left of it");
        r.start();
    }
    void change_mood() {
        site& s = r.sites[r.roll(r.sites.size())];
        s.now = r.chance(0.5) ? mood::well
                              : simulated::troubles[r.roll(std::size(simulated::troubles))];
        note(fmt::format("{} is in mood {}", s.route, static_cast<int>(s.now)));
    }
    void resume() {
        r.w.mail("/dam/queue", R"({"resume":true})");
        note("resume");
    }
    void let_time_pass() {
        const supe::duration d = r.some(r.chance(0.15) ? 60000 : r.chance(0.5) ? 3000 : 100);
        r.w.advance(d);
        note(fmt::format("{} ms", d / 1ms));
    }

    void something_happens() {
        const std::size_t what = r.roll(100);
        if (what < 45) return send_some();
        if (what < 52) return send_again();
        if (what < 71) return crash();
        if (what < 76) return crash_at_once();
        if (what < 81) return restart();
        if (what < 85) return reload();
        if (what < 87) return begin_anew();
        if (what < 90) return freeze();
        if (what < 92) return thaw();
        if (what < 98) return change_mood();
        resume();
    }
    void check() {
        if (const std::string off = r.store.imbalance(); !off.empty()) r.wrong(off);
    }

    void make_peace() {
        note("peace");
        thaw();
        r.killed_at_commit = r.refused_at_commit = r.killed_at_request = 0;
        r.calm = true;
        for (site& s : r.sites) s.now = mood::well;
        r.w.advance(25s);  // restarts are over
        resume();
        r.w.advance(drains_within - 25s);
    }

    /// What is neither delivered nor dead; `what`: a webhook that its sender had a 200 for.
    void check_kept(const std::set<std::string>& dead) {
        for (std::size_t number = 0; number < r.sent.size(); ++number) {
            const simulated::sent_webhook& one = r.sent[number];
            const site& s = r.sites[one.site];
            const auto is_done = [&](const std::string& id) {
                const auto known = s.arrivals.find(id);
                return dead.contains(id) || (known != s.arrivals.end() && known->second.taken);
            };
            std::size_t ids = 0, done = 0;
            for (const auto& [id, a] : s.arrivals) {
                if (a.number != static_cast<int>(number)) continue;
                ++ids;
                if (is_done(id)) ++done;
            }
            if (ids > one.posts)
                r.wrong(
                    fmt::format("{} was sent {} times and is {} webhooks", number, one.posts, ids));
            if (one.once && ids > 1)
                r.wrong(fmt::format("{} is a duplicate that is delivered", number));
            // A duplicate of a webhook that is dead is not kept either: the letter is there.
            const bool once_is_done =
                one.once && (done > 0 || std::ranges::any_of(one.kept, is_done));
            for (const std::string& id : one.kept)
                if (!is_done(id) && !once_is_done)
                    r.wrong(fmt::format("{} ({}) was answered 200 and is lost", number, id));
        }
    }
    void check_ledger(const std::set<std::string>& dead) {
        const auto lines = r.store.ledger();
        if (lines.size() != r.sites.size()) return r.wrong("the ledger has other routes");
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const auto& line = lines[i];
            if (!line.is_right()) r.wrong(line.text());
            std::size_t taken = 0;
            for (const auto& [id, a] : r.sites[i].arrivals)
                taken += a.taken && !dead.contains(id) ? 1 : 0;
            if (line.counters.delivered != taken)
                r.wrong(fmt::format("{} were taken: {}", taken, line.text()));
            if (line.counters.queued() > 0) r.wrong("it does not drain: " + line.text());
        }
    }
    /// All connections that there may be, and not one more.
    void check_peace() {
        for (site& s : r.sites) {
            s.app.most = s.app.connections();
            s.allowed = s.cap;
        }
        const std::size_t first = r.sent.size();
        for (std::size_t i = 0; i < 6 * r.sites.size(); ++i) r.post(r.new_webhook(false));
        r.w.advance(5s);
        for (std::size_t n = first; n < r.sent.size(); ++n)
            if (r.sent[n].kept.empty()) r.wrong("in peace a webhook is refused");
        for (const site& s : r.sites)
            if (s.app.most > s.cap) r.wrong("in peace there are more connections than the cap");
    }

    std::string fault() {
        const std::size_t operations = 25 + r.roll(36);
        for (std::size_t i = 0; i < operations && r.fault.empty(); ++i) {
            something_happens();
            let_time_pass();
            check();
        }
        if (r.fault.empty()) make_peace();
        if (r.fault.empty()) check_peace();
        const std::set<std::string> dead = r.store.dead();
        if (r.fault.empty()) check_ledger(dead);
        if (r.fault.empty()) check_kept(dead);
        if (r.fault.empty() && !r.w.stop(60s)) r.wrong("it does not stop");
        return r.fault;
    }
};

std::string fault_of(std::uint64_t seed) {
    const support::temporary_directory directory{support::in_memory()};
    run one(seed, directory.path());
    const std::string fault = one.fault();
    return fault.empty() ? "" : fmt::format("{}, after: {}", fault, fmt::join(one.trail, "; "));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_tree)

// The number of seeds is SUPE_SEEDS, the first one SUPE_SEED.
BOOST_AUTO_TEST_CASE(nothing_is_lost_whatever_happens) {
    const auto seeds = support::seeds(100);
    for (const std::uint64_t seed : seeds) {
        std::string fault;
        {
            // What the components print would hide the seed; of one seed it is of use.
            const support::quiet_output quiet(seeds.size() > 1);
            fault = fault_of(seed);
        }
        BOOST_REQUIRE_MESSAGE(fault.empty(),
                              fmt::format("SUPE_SEED={} SUPE_SEEDS=1: {}", seed, fault));
    }
}

// After a 410 the forwarder gives back what it has not begun: that waits until an operator goes on,
// and no attempt counts.
BOOST_AUTO_TEST_CASE(a_paused_route_has_nothing_in_hand) {
    const support::quiet_output quiet(true);
    const support::temporary_directory directory{support::in_memory()};
    simulated::relay r(1, directory.path(), false);
    r.calm = true;
    r.w.advance(1s);
    site& s = r.sites.front();
    s.now = mood::gone;
    for (int n = 0; n < 15; ++n) r.post(r.new_webhook(false));
    r.w.advance(10s);
    const std::size_t tried = s.arrivals.size();
    BOOST_TEST(tried >= 1u);
    BOOST_TEST(tried <= 2 * s.cap);
    s.now = mood::well;
    r.w.mail("/dam/queue", R"({"resume":true})");
    r.w.advance(30s);
    BOOST_TEST(s.arrivals.size() == 15u);
    std::size_t times = 0;
    for (const auto& [id, a] : s.arrivals) {
        BOOST_TEST(a.attempt == a.times, id);
        times += a.times;
    }
    BOOST_TEST(times == 15 + tried);
    BOOST_TEST(r.fault == "");
}

// A reload that changes the lock, the queue and the forwarder of a route at once sends nothing
// twice.
BOOST_AUTO_TEST_CASE(a_reload_sends_nothing_twice) {
    const support::quiet_output quiet(true);
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const support::temporary_directory directory{support::in_memory()};
        simulated::relay r(seed, directory.path(), false);
        r.calm = true;
        r.w.advance(1s);
        for (int n = 0; n < 60; ++n) r.post(r.new_webhook(false));
        r.w.advance(100ms);
        site& s = r.sites.front();
        s.allowed = ++s.cap;
        BOOST_TEST(s.arrivals.size() < 60u);
        BOOST_TEST(r.w.by_hand(r.w.root().admin().reload(r.tree())) == "");
        r.w.advance(drains_within);
        BOOST_TEST(r.fault == "");
        BOOST_TEST(s.arrivals.size() == 60u);
        for (const auto& [id, a] : s.arrivals)
            BOOST_TEST(a.times == 1u, fmt::format("seed {}: {} came {} times", seed, id, a.times));
    }
}

BOOST_AUTO_TEST_SUITE_END()
