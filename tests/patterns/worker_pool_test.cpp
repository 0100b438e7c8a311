// Shows how workers share a queue, and when they give up what they keep: in virtual time.
#include "patterns/worker_pool.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// What the workers of one test share.
struct shop {
    supe::clock& time;
    supe::duration takes = 1s;
    bool spoils = false;    ///< what a worker keeps is useless after one piece of work
    std::size_t most = 99;  ///< may be kept at once: another one has to be handed over
    patterns::worker_pool<struct keeper, int>* pool = nullptr;
    std::vector<supe::time_point> turns{};  ///< when one more piece may begin, if any
    std::vector<std::string> log{};
    std::size_t working = 0, most_working = 0, kept = 0, most_kept = 0, made = 0;
};

/// Needs something to work with, and keeps it.
struct keeper {
    shop& s;
    bool has = false;
    bool spoilt = false;

    bool keeps() const { return has; }
    bool is_useful() const { return !spoilt; }
    supe::awaitable<> give_up() {
        if (has) co_await s.time.sleep_for(10ms);
        s.kept -= has;
        has = spoilt = false;
    }
    void take_over(keeper& sibling) {
        has = std::exchange(sibling.has, false);
        spoilt = std::exchange(sibling.spoilt, false);
    }
    supe::duration turn() {
        if (s.turns.empty()) return 0s;
        const supe::duration wait = s.turns.front() - s.time.now();
        if (wait <= 0s) s.turns.erase(s.turns.begin());
        return wait;
    }
    supe::awaitable<> handle(int work) {
        while (!has && s.kept >= s.most) co_await s.pool->from_sibling(*this);
        if (!has) ++s.made, ++s.kept;
        has = true;
        s.most_kept = std::max(s.most_kept, s.kept);
        s.most_working = std::max(s.most_working, ++s.working);
        co_await s.time.sleep_for(s.takes);
        --s.working;
        spoilt = s.spoils;
        s.log.push_back(std::to_string(work));
    }
};

struct scene {
    support::virtual_loop loop{};
    shop s{loop.time()};
    patterns::worker_pool<keeper, int> pool{loop.time(), 15s};
    supe::nursery all{loop.time()};

    explicit scene(int workers) {
        s.pool = &pool;
        for (int i = 0; i < workers; ++i) pool.hire(s);
        pool.start(all);
        loop.run_ready();
    }
    ~scene() {
        all.cancel();
        loop.run_ready();
    }
    std::string done() {
        std::string text;
        for (const std::string& line : std::exchange(s.log, {})) text += line + " ";
        return text;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(worker_pool)

// Work goes in its order to as many as there are, and no piece waits for the next one.
BOOST_AUTO_TEST_CASE(in_order_and_at_once) {
    scene t(2);
    for (int i = 1; i <= 5; ++i) t.pool.add(i);
    t.loop.advance(1s);
    BOOST_TEST(t.done() == "1 2 ");
    t.loop.advance(2s);
    BOOST_TEST(t.done() == "3 4 5 ");
    BOOST_TEST(t.s.most_working == 2u);
    t.pool.add(6);
    t.loop.advance(1s);
    BOOST_TEST(t.done() == "6 ");
}

// One that keeps something comes before one that would have to make it.
BOOST_AUTO_TEST_CASE(those_that_keep_come_first) {
    scene t(3);
    for (int i = 1; i <= 5; ++i) {
        t.pool.add(i);
        t.loop.advance(2s);
    }
    BOOST_TEST(t.done() == "1 2 3 4 5 ");
    BOOST_TEST(t.s.made == 1u);
}

// What is kept is given up after the time without work, and the pool is busy until then.
BOOST_AUTO_TEST_CASE(idle) {
    scene t(2);
    BOOST_TEST(!t.pool.is_busy());
    t.pool.add(1);
    BOOST_TEST(t.pool.is_busy());
    t.loop.advance(15s);
    BOOST_TEST(t.s.kept == 1u);
    BOOST_TEST(t.pool.is_busy());
    t.loop.advance(2s);
    BOOST_TEST(t.s.kept == 0u);
    BOOST_TEST(!t.pool.is_busy());
}

// A recall takes it from the idle at once, and from those at work when their piece is done; work
// that waits is done with another one.
BOOST_AUTO_TEST_CASE(recall) {
    scene t(2);
    t.pool.add(1);
    t.loop.advance(2s);
    t.pool.recall();
    t.loop.advance(100ms);
    BOOST_TEST(t.s.kept == 0u);
    t.pool.add(2);
    t.loop.advance(500ms);
    t.pool.recall();
    t.pool.add(3);
    t.pool.add(4);
    t.loop.advance(10ms);
    BOOST_TEST(t.s.kept == 2u);
    BOOST_TEST(t.s.made == 3u);
    t.loop.advance(5s);
    BOOST_TEST(t.done() == "1 2 3 4 ");
    BOOST_TEST(t.s.made == 4u);  // work was waiting, and it was given up all the same
}

// A worker that is free hands what it keeps to the sibling that has waited longest with work in
// hand, before it begins younger work.
BOOST_AUTO_TEST_CASE(handed_to_a_sibling) {
    scene t(3);
    t.s.most = 1;
    for (int i = 1; i <= 5; ++i) t.pool.add(i);
    for (const char* next : {"1 ", "2 ", "3 ", "4 ", "5 "}) {
        t.loop.advance(1s);
        BOOST_TEST(t.done() == next);
    }
    BOOST_TEST(t.s.made == 1u);
    BOOST_TEST(t.s.most_kept == 1u);
}

// The same where the keeper was idle before the sibling began to wait, and did not hear of work.
BOOST_AUTO_TEST_CASE(an_idle_one_hands_over_too) {
    scene t(2);
    t.pool.add(1);
    t.loop.advance(2s);
    keeper needs{t.s};
    t.s.most = 1;
    t.all.start(needs.handle(2));
    t.loop.advance(1s);
    BOOST_TEST(t.done() == "1 2 ");
    BOOST_TEST(t.s.made == 1u);
}

// What was called back is given up, and not handed over: others were first.
BOOST_AUTO_TEST_CASE(a_recall_comes_before_siblings) {
    scene t(2);
    t.s.most = 1;
    t.pool.add(1);
    t.pool.add(2);
    t.loop.advance(500ms);
    t.pool.recall();
    t.loop.advance(600ms);
    BOOST_TEST(t.s.kept == 0u);
    BOOST_TEST(t.done() == "1 ");
}

// Work begins when it is its turn, each piece at the next one. A worker that waits for that has
// nothing in hand: what it keeps can be called back, and is given up after the time.
BOOST_AUTO_TEST_CASE(turns) {
    scene t(2);
    const supe::time_point start = t.loop.time().now();
    for (const auto at : {0s, 10s, 10s, 60s, 60s}) t.s.turns.push_back(start + at);
    for (int i = 1; i <= 5; ++i) t.pool.add(i);
    t.loop.advance(2s);
    BOOST_TEST(t.done() == "1 ");
    BOOST_TEST(t.s.kept == 1u);
    t.pool.recall();
    t.loop.advance(100ms);
    BOOST_TEST(t.s.kept == 0u);
    t.loop.advance(9s);
    BOOST_TEST(t.done() == "2 3 ");
    t.loop.advance(16s);
    BOOST_TEST(t.s.kept == 0u);
    BOOST_TEST(t.pool.is_busy());
    t.loop.advance(34s);
    BOOST_TEST(t.done() == "4 5 ");
}

// What has become useless is not kept for the time.
BOOST_AUTO_TEST_CASE(useless) {
    scene t(1);
    t.s.spoils = true;
    t.pool.add(1);
    t.loop.advance(1s + 100ms);
    BOOST_TEST(t.s.kept == 0u);
    BOOST_TEST(!t.pool.is_busy());
}

// After close() what is in hand is finished, nothing is begun, and nothing is kept at the end.
BOOST_AUTO_TEST_CASE(close) {
    scene t(2);
    for (int i = 1; i <= 4; ++i) t.pool.add(i);
    t.loop.advance(500ms);
    t.pool.close();
    t.loop.advance(500ms);
    BOOST_TEST(t.done() == "1 2 ");
    t.loop.advance(100ms);
    BOOST_TEST(t.all.size() == 0u);
    BOOST_TEST(t.s.kept == 0u);
}

// Whatever comes when: each piece is done once, never more than there are workers, and in the end
// nothing is kept.
BOOST_AUTO_TEST_CASE(sweep) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        std::mt19937_64 dice(seed);
        const int workers = 1 + static_cast<int>(dice() % 4);
        scene t(workers);
        t.s.takes = std::chrono::milliseconds(dice() % 50);
        int added = 0;
        for (int step = 0; step < 100; ++step) {
            const unsigned what = dice() % 10;
            t.s.spoils = dice() % 5 == 0;
            if (what < 6) t.pool.add(added++);
            if (what == 6) t.pool.recall();
            if (what > 6)
                t.loop.advance(std::chrono::milliseconds(dice() % (what == 9 ? 20000 : 40)));
        }
        t.loop.advance(1min);
        BOOST_TEST(!t.pool.is_busy(), "seed " << seed);
        BOOST_TEST(t.s.kept == 0u, "seed " << seed);
        BOOST_TEST(t.s.most_kept <= static_cast<std::size_t>(workers), "seed " << seed);
        BOOST_TEST(t.s.log.size() == static_cast<std::size_t>(added), "seed " << seed);
        BOOST_TEST(std::set<std::string>(t.s.log.begin(), t.s.log.end()).size() == t.s.log.size(),
                   "seed " << seed);
    }
}

BOOST_AUTO_TEST_SUITE_END()
