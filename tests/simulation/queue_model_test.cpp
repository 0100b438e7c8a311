// The queue's decisions on a real SQLite file beside a plain model of them: random operations,
// crashes and full disks among them, and the same states, counts and ledger after each. What is
// handed over must be one that may be. At the end everything that is not dead is delivered. The
// number of sequences is SUPE_SEEDS, the first one SUPE_SEED.
#include "components/queue/ledger.hpp"
#include "tests/components/queue/logic_scene.hpp"
#include "tests/support/seeds.hpp"

#include <map>
#include <random>
#include <set>

using namespace std::chrono_literals;
using queue_tests::lines;

namespace {

enum class place { waiting, failed, dead, behind };

struct model_webhook {
    int number = 0;  // of arrival
    std::string route, key;
    place at = place::waiting;
    unsigned attempt = 0, refused = 0;
    bool is_out = false;

    bool is_first() const { return at == place::waiting || at == place::failed; }
};

/// Contract §7, Outcome, without care for time: what state each webhook is in.
struct model {
    std::map<std::string, model_webhook> all;
    std::map<std::string, components::route_counts>
        ledger;  // accepted, delivered, dropped, duplicates
    std::set<std::string> paused;
    std::map<std::string, model_webhook> dropped_out;    // dropped, and still on their way
    std::set<std::pair<std::string, std::string>> seen;  // route, dedupe key
    int numbers = 0;

    model_webhook* find(const std::string& id) {
        const auto found = all.find(id);
        return found == all.end() ? nullptr : &found->second;
    }
    bool key_is_taken(const model_webhook& w) {
        return !w.key.empty() && std::ranges::any_of(all, [&](const auto& o) {
            return &o.second != &w && o.second.route == w.route && o.second.key == w.key &&
                   o.second.is_first();
        });
    }
    void let_next(const std::string& route, const std::string& key) {
        model_webhook* next = nullptr;
        for (auto& [id, w] : all) {
            if (key.empty() || w.route != route || w.key != key) continue;
            if (w.is_first()) return;
            if (w.at == place::behind && (!next || w.number < next->number)) next = &w;
        }
        if (next) next->at = place::waiting;
    }
    void arrive(const std::string& id, const std::string& route, const std::string& key,
                const std::string& dedupe) {
        if (!dedupe.empty() && !seen.emplace(route, dedupe).second) {
            ++ledger[route].duplicates;
            return;
        }
        if (all.contains(id)) return;
        model_webhook w{++numbers, route, key};
        if (key_is_taken(w)) w.at = place::behind;
        all[id] = w;
        ++ledger[route].accepted;
    }
    void leave(const std::string& id) {
        const model_webhook was = all.at(id);
        all.erase(id);
        let_next(was.route, was.key);
    }
    void die(model_webhook& w) {
        w.at = place::dead;
        w.is_out = false;
        let_next(w.route, w.key);
    }
    bool waits_for_its_key(const model_webhook& w) {
        return !w.key.empty() && std::ranges::any_of(dropped_out, [&](const auto& o) {
            return o.second.route == w.route && o.second.key == w.key;
        });
    }
    /// The forwarder has not tried it.
    void give_back(const std::string& id, unsigned attempt) {
        model_webhook* w = find(id);
        if (w && attempt == w->attempt + 1) w->is_out = false;
        const auto dropped = dropped_out.find(id);
        if (dropped != dropped_out.end() && attempt == dropped->second.attempt + 1)
            dropped_out.erase(dropped);
    }
    void result(const std::string& id, unsigned attempt, int status) {
        if (status < 0) return give_back(id, attempt);
        const auto dropped = dropped_out.find(id);
        if (dropped != dropped_out.end() && attempt > dropped->second.attempt)
            dropped_out.erase(dropped);
        model_webhook* w = find(id);
        if (!w) return;
        if (status >= 200 && status < 300) {
            ++ledger[w->route].delivered;
            leave(id);
            return;
        }
        if (w->at == place::dead || attempt <= w->attempt) return;
        const bool refusal = status == 404;
        w->is_out = false;
        if (refusal && w->refused + 1 >= 5) {
            w->attempt = attempt;
            die(*w);
            return;
        }
        // A late one of a webhook that is behind another by now changes nothing.
        if (w->at == place::behind) return;
        w->attempt = attempt;
        w->refused += refusal ? 1 : 0;
        w->at = place::failed;
    }
    void revive(const std::string& id) {
        model_webhook* w = find(id);
        if (!w || w->at != place::dead) return;
        w->at = key_is_taken(*w) ? place::behind : place::failed;
        w->refused = 0;
    }
    void drop(const std::string& id) {
        ++ledger[all.at(id).route].dropped;
        if (all.at(id).is_out) dropped_out[id] = all.at(id);
        leave(id);
    }
    std::string counts(const std::string& route) {
        components::route_counts n = ledger[route];
        for (const auto& [id, w] : all) {
            if (w.route != route) continue;
            ++(w.at == place::dead ? n.dead : w.at == place::failed ? n.failed : n.pending);
        }
        return text(n);
    }
    static std::string text(const components::route_counts& n) {
        return fmt::format(
            "accepted {} delivered {} dropped {} duplicates {}, pending {} failed "
            "{} dead {}",
            n.accepted, n.delivered, n.dropped, n.duplicates, n.pending, n.failed, n.dead);
    }
};

components::queue_limits two_lanes() {
    components::queue_limits limits;
    limits.lanes = {{.route = "plain", .forwarder = "f", .in_flight = 3},
                    {.route = "ordered",
                     .forwarder = "g",
                     .in_flight = 3,
                     .ordered = true,
                     .dedupe_for = 1000h}};
    return limits;
}

/// One sequence.
struct run {
    std::uint64_t seed;
    std::mt19937_64 dice{seed};
    queue_tests::scene real{two_lanes()};
    model expected{};
    std::vector<std::pair<std::string, unsigned>> reported{};  // webhooks and attempts of the past
    int arrivals = 0;
    lines latest{};  ///< mail

    std::size_t roll(std::size_t n) { return static_cast<std::size_t>(dice() % n); }
    std::string some_id() {
        return fmt::format("w{}", arrivals == 0 ? 0 : roll(static_cast<std::size_t>(arrivals)));
    }
    std::vector<std::string> out() {
        std::vector<std::string> ids;
        for (const auto& [id, w] : expected.all)
            if (w.is_out) ids.push_back(id);
        for (const auto& [id, w] : expected.dropped_out) ids.push_back(id);
        return ids;
    }
    unsigned next_attempt(const std::string& id) {
        const model_webhook* w = expected.find(id);
        return (w ? *w : expected.dropped_out.at(id)).attempt + 1;
    }
    /// The same mail to both; on a full disk to neither.
    void tell(const std::string& mail, const std::function<void()>& in_model) {
        latest.push_back(mail);
        if (latest.size() > 12) latest.erase(latest.begin());
        if (roll(20) == 0) {
            const support::file_size_limit full(100);
            const lines said = real.take({mail});
            if (said.front() != "done") return;  // nothing has happened
        } else {
            const lines said = real.take({mail});
            BOOST_TEST_REQUIRE((said[0] == "done" || said[0].starts_with("{") || said[0] == "null"),
                               says(mail + ": " + said[0]));
        }
        in_model();
    }
    void arrive() {
        const bool ordered = roll(2) == 0;
        const std::string id = roll(10) ? fmt::format("w{}", arrivals++) : some_id(),
                          route = ordered ? "ordered" : "plain",
                          key = ordered && roll(4) ? fmt::format("k{}", roll(3)) : "",
                          dedupe = ordered && roll(3) == 0 ? fmt::format("d{}", roll(12)) : "";
        if (expected.dropped_out.contains(id)) return;
        std::string more = fmt::format(R"("route":"{}",)", route);
        if (!key.empty()) more += fmt::format(R"("order_key":"{}",)", key);
        if (!dedupe.empty()) more += fmt::format(R"("dedupe_key":"{}",)", dedupe);
        tell(queue_tests::webhook(id, 0, more), [&] { expected.arrive(id, route, key, dedupe); });
    }
    bool hand_over() {
        const auto next = real.logic->next(real.now, real.events);
        if (!next) return false;
        model_webhook* w = expected.find(next->webhook.id);
        BOOST_TEST_REQUIRE(w, says(next->webhook.id + " is handed over and gone"));
        BOOST_TEST_REQUIRE((w->is_first() && !w->is_out), says(next->webhook.id + " may not go"));
        BOOST_TEST_REQUIRE(!expected.waits_for_its_key(*w),
                           says(next->webhook.id + " is too early"));
        BOOST_TEST_REQUIRE(next->webhook.attempt == w->attempt, says(next->webhook.id));
        BOOST_TEST_REQUIRE(!expected.paused.contains(w->route), says("it is paused"));
        w->is_out = true;
        BOOST_TEST_REQUIRE(out().size() <= 6u, says("too many are out"));
        return true;
    }
    void report() {
        const auto ids = out();
        std::string id;
        unsigned attempt = 1;
        if (!ids.empty() && roll(6)) {
            id = ids[roll(ids.size())];
            attempt = next_attempt(id);
        } else if (!reported.empty()) {  // once more, or of an earlier life
            std::tie(id, attempt) = reported[roll(reported.size())];
        } else {
            return;
        }
        constexpr int statuses[] = {200, 200, 200, 500, 0, 404, 404, 404, 429, 410, -1};
        const int status = statuses[roll(std::size(statuses))];
        const std::string more = status == 429 ? R"(,"retry_after_ms":1000)"
                                 : status < 0  ? R"(,"not_tried":true)"
                                               : "";
        reported.emplace_back(id, attempt);
        tell(queue_tests::result(id, attempt, status, more), [&] {
            const model_webhook* w = expected.find(id);
            const bool counts = w && w->at != place::dead && attempt > w->attempt;
            if (counts && status == 410) expected.paused.insert(w->route);
            expected.result(id, attempt, status);
        });
    }
    void crash() {
        real.open();
        for (auto& [id, w] : expected.all) w.is_out = false;
        expected.dropped_out.clear();
    }
    void lose_a_handover() {
        const auto ids = out();
        if (ids.empty()) return;
        const std::string id = ids[roll(ids.size())];
        if (roll(2)) {
            real.logic->put_back(id, real.now, real.now + 1s);
            if (model_webhook* w = expected.find(id)) w->is_out = false;
        } else {
            real.logic->set_aside(id, "poison", real.now, real.events);
            if (model_webhook* w = expected.find(id)) {
                ++w->attempt;
                expected.die(*w);
            }
        }
        expected.dropped_out.erase(id);
    }
    /// What is no longer in the store, after a drop of these.
    void note_drop(const std::vector<std::string>& ids) {
        for (const std::string& one : ids)
            if (expected.find(one) && !real.store->look_up(one)) expected.drop(one);
    }
    std::vector<std::string> queued(const std::string& route) {
        std::vector<std::string> ids;
        for (const auto& [id, w] : expected.all)
            if (w.route == route && w.at != place::dead) ids.push_back(id);
        return ids;
    }
    void drop() {
        const auto ids = out();
        const std::string id = ids.empty() || roll(3) == 0 ? some_id() : ids[roll(ids.size())];
        tell(fmt::format(R"({{"webhooks":{{"what":"drop","id":"{}"}}}})", id), [] {});
        note_drop({id});
    }
    void drop_route() {
        const std::string route = roll(2) ? "ordered" : "plain";
        tell(fmt::format(R"({{"drop":"{}"}})", route), [] {});
        note_drop(queued(route));
    }
    void operate() {
        const std::string id = some_id();
        model_webhook* w = expected.find(id);
        const bool is_dead = w && w->at == place::dead;
        switch (roll(8)) {
            case 0:
                tell(fmt::format(R"({{"dead":{{"what":"retry","id":"{}"}}}})", id), [] {});
                if (is_dead && real.store->find_dead(id) == std::nullopt) expected.revive(id);
                break;
            case 1:
                tell(fmt::format(R"({{"dead":{{"what":"drop","id":"{}"}}}})", id), [] {});
                if (is_dead && real.store->find_dead(id) == std::nullopt) expected.drop(id);
                break;
            case 2: tell(R"({"resume":true})", [&] { expected.paused.clear(); }); break;
            case 3:
            case 4: drop(); break;
            case 5:
                if (roll(4) == 0) drop_route();
                break;
            default: real.now += std::chrono::milliseconds(roll(60'000));
        }
    }
    void step() {
        const std::size_t what = roll(100);
        if (what < 30)
            arrive();
        else if (what < 55)
            hand_over();
        else if (what < 83)
            report();
        else if (what < 86)
            crash();
        else if (what < 90)
            lose_a_handover();
        else
            operate();
        check();
    }
    void check() {
        for (const char* route : {"plain", "ordered"}) {
            const auto& rows = real.store->routes().all();
            const auto row = std::ranges::find(rows, route, &components::route_row::name);
            const std::string found = model::text(row->counts), right = expected.counts(route);
            BOOST_TEST_REQUIRE(found == right,
                               says(fmt::format("{}: {}, not {}", route, found, right)));
            BOOST_TEST_REQUIRE(row->counts.is_balanced(), says(route));
            BOOST_TEST_REQUIRE(row->paused == expected.paused.contains(route), says(route));
        }
    }
    /// The destinations take everything.
    void drain() {
        real.take({queue_tests::resume});
        expected.paused.clear();
        for (int rounds = 0; rounds < 1000; ++rounds) {
            while (hand_over()) {}
            const auto ids = out();
            for (const std::string& id : ids) {
                const unsigned attempt = next_attempt(id);
                real.take({queue_tests::result(id, attempt, 200)});
                expected.result(id, attempt, 200);
            }
            if (!ids.empty()) continue;
            const auto wake = real.logic->wake_at(real.now);
            if (!wake) break;
            real.now = std::max(*wake, real.now);
        }
        check();
        const auto n = real.store->counts();
        BOOST_TEST_REQUIRE(n.queued() == 0u, says("something is stuck"));
        for (const auto& line : components::check_ledger(real.directory / "queue.db"))
            BOOST_TEST_REQUIRE(line.is_right(), says(line.text()));
    }
    std::string says(const std::string& what) const {
        return fmt::format("seed {}: {}, after {}", seed, what, fmt::join(latest, " "));
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_model)

BOOST_AUTO_TEST_CASE(same_as_the_model) {
    for (const std::uint64_t seed : support::seeds(2000)) {
        run one{seed};
        for (int steps = 0; steps < 80; ++steps) one.step();
        one.drain();
    }
}

BOOST_AUTO_TEST_SUITE_END()
