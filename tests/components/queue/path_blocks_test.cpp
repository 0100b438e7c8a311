// Shows that a search for a rare path reads little of a large file, and finds what a look at each
// webhook would find: over restarts, failed commits and deletions, and in files of earlier
// versions.
#include "components/queue/webhook_store.hpp"
#include "tests/support/temporary_directory.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>

using components::webhook_filter;
using direction = components::search_range::direction;

namespace {

using lines = std::vector<std::string>;

struct scene {
    support::temporary_directory directory{support::in_memory()};
    std::optional<components::webhook_store> store{};
    int pages = 0;  // of the latest search

    scene() { open(); }
    std::string file() const { return (directory / "queue.db").string(); }
    void open() {
        store.reset();
        store.emplace(file());
        store->begin();
        store->routes().lane_of("default");
        store->commit();
    }
    /// In one transaction.
    void insert(int from, int to, const std::string& target) {
        store->begin();
        for (int i = from; i < to; ++i) insert_one(std::to_string(i), target);
        store->commit();
    }
    void insert_one(const std::string& id, const std::string& target) {
        const std::string text = fmt::format(
            R"({{"id":"{}","received_at":7,"method":"POST","target":"{}"}})", id, target);
        store->insert({.id = id, .text = text, .accepted_at = 7});
    }
    void remove(int from, int to) {
        store->begin();
        for (int i = from; i < to; ++i) store->remove(std::to_string(i));
        store->commit();
    }
    lines search(const std::string& path, direction order = direction::newest_first) {
        lines found;
        components::search_range range{.order = order};
        for (pages = 0;; ++pages) {
            auto page = store->search({.path = path}, range, {500, 8 << 20});
            for (const auto& w : page.found) found.push_back(w.id);
            if (!page.rest) break;
            range = *page.rest;
        }
        return found;
    }
    int rows(const std::string& table) {
        return SQLite::Database(file()).execAndGet("SELECT count(*) FROM " + table).getInt();
    }
};

void same(const lines& found, const lines& expected) {
    BOOST_TEST(found == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(path_blocks)

// What fits a path or its beginning has the number by which it is looked for.
BOOST_AUTO_TEST_CASE(keys_of_what_fits) {
    std::mt19937 dice(1);
    const auto text = [&](std::size_t most, std::string_view characters) {
        std::string t = "/";
        for (std::size_t n = dice() % most; n > 0; --n) t += characters[dice() % characters.size()];
        return t;
    };
    int fitting = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string target = text(24, "/ab?"), wanted = text(i % 2 ? 3 : 24, "/ab") + "*";
        const bool fits = components::path_fits(wanted, target);
        const auto key = components::key_of_search(wanted);
        const auto keys = components::path_keys(target);
        fitting += fits && key;
        if (fits && key) BOOST_TEST(std::ranges::count(keys, *key) > 0, target + " " + wanted);
        BOOST_TEST(keys.size() <= 9u);
        const std::string path = target.substr(0, target.find('?'));
        BOOST_TEST(components::key_of_search(path).value() == keys.back());
    }
    BOOST_TEST(fitting > 100);
    for (const char* any : {"*", "/*", "/a*"}) BOOST_TEST(!components::key_of_search(any));
}

// One of 20,000 is found in one page; without blocks each page looks at 2,000.
BOOST_AUTO_TEST_CASE(a_rare_one_is_found_at_once) {
    scene s;
    s.insert(0, 5000, "/often?x=1");
    s.insert(5000, 5001, "/shop/rare");
    s.insert(5001, 20000, "/often");
    for (const auto order : {direction::newest_first, direction::oldest_first}) {
        for (const char* path : {"/shop/rare", "/shop/*", "/shop/ra*"}) {
            same(s.search(path, order), {"5000"});
            BOOST_TEST(s.pages == 0);
        }
        same(s.search("/nothing", order), {});
        BOOST_TEST(s.pages == 0);
    }
    BOOST_TEST(s.search("/often").size() == 19999u);
    s.open();
    same(s.search("/shop/rare"), {"5000"});
    BOOST_TEST(s.pages == 0);
}

// A file of version 4 has no blocks: all is found all the same, and what comes from now on has
// them.
BOOST_AUTO_TEST_CASE(a_file_of_the_fourth_version) {
    scene s;
    s.insert(0, 1, "/rare");
    s.insert(1, 5000, "/often");
    s.store.reset();
    SQLite::Database(s.file(), SQLite::OPEN_READWRITE)
        .exec(
            "DROP TABLE paths; ALTER TABLE webhooks DROP COLUMN checksum; PRAGMA user_version = 4");
    s.open();
    BOOST_TEST(s.rows("paths") == 0);
    same(s.search("/rare"), {"0"});
    BOOST_TEST(s.pages > 0);
    s.insert(5000, 10000, "/often");
    s.insert(10000, 10001, "/rare");
    same(s.search("/rare"), {"10000", "0"});
    BOOST_TEST(s.rows("paths") == 4);
    BOOST_TEST(SQLite::Database(s.file()).execAndGet("PRAGMA user_version").getInt() == 5);
}

// The blocks of webhooks that are gone go too.
BOOST_AUTO_TEST_CASE(no_block_without_webhooks) {
    scene s;
    for (int from = 0; from < 60'000; from += 1000) {
        s.insert(from, from + 1000, "/often");
        if (from > 0) s.remove(from - 1000, from);
    }
    BOOST_TEST(s.rows("webhooks") == 1000);
    BOOST_TEST(s.rows("paths") < 8);
}

// A block with many paths is full of these.
BOOST_AUTO_TEST_CASE(many_paths) {
    scene s;
    s.store->begin();
    for (int i = 0; i < 6000; ++i)
        s.insert_one(std::to_string(i), fmt::format("/{0}/a/{0}/b/{0}/c", i));
    s.store->commit();
    BOOST_TEST(s.rows("paths") == 8);
    same(s.search("/77/a/*"), {"77"});
    same(s.search("/5999/a/5999/b/5999/c"), {"5999"});
}

// Whatever happens in between, a search finds what fits, in its order.
BOOST_AUTO_TEST_CASE(nothing_is_missed) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937 dice(seed);
            scene s;
            std::vector<std::pair<std::string, std::string>> there;  // id, target
            for (int turn = 0, id = 0; turn < 60; ++turn) {
                const std::string target = turn % 7 == 3 ? "/rare/" + std::to_string(turn % 3)
                                                         : "/often/" + std::to_string(turn % 2);
                const bool fails = dice() % 8 == 0;
                s.store->begin();
                for (auto n = dice() % (turn % 7 == 3 ? 3 : 500); n > 0; --n) {
                    s.insert_one(std::to_string(++id), target);
                    if (!fails) there.emplace_back(std::to_string(id), target);
                }
                fails ? s.store->rollback() : s.store->commit();
                if (dice() % 10 == 0) s.open();
                if (dice() % 4 == 0 && !there.empty()) {
                    const auto end = there.begin() + static_cast<long>(dice() % there.size());
                    s.store->begin();
                    for (auto w = there.begin(); w != end; ++w) s.store->remove(w->first);
                    s.store->commit();
                    there.erase(there.begin(), end);
                }
            }
            for (const char* path : {"/rare/0", "/rare/1", "/rare/*", "/often/1", "/ofte*", "/*"}) {
                lines expected;
                for (const auto& [id, target] : there)
                    if (components::path_fits(path, target)) expected.push_back(id);
                same(s.search(path, direction::oldest_first), expected);
                std::ranges::reverse(expected);
                same(s.search(path), expected);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
