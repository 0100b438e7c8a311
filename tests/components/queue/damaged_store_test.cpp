// Shows what becomes of a queue.db that is damaged: it is kept under another name, what can be read
// of it goes on, and each loss is told.
#include "components/queue/damaged_store.hpp"
#include "components/queue/ledger.hpp"
#include "tests/components/queue/logic_scene.hpp"

#include <algorithm>
#include <fstream>

namespace fs = std::filesystem;
using queue_tests::lines;
using queue_tests::webhook;

namespace {

constexpr std::size_t page = 16384;

struct scene {
    support::temporary_directory directory{support::in_memory()};
    fs::path file = directory / "queue.db";
    lines told{};

    std::unique_ptr<components::webhook_store> open() {
        return components::open_store(file, [this](const auto& line) { told.push_back(line); });
    }
    /// A hundred that wait, in each of two routes; the first has failed, the second is dead.
    void fill() {
        auto store = open();
        store->begin();
        const auto a = store->routes().lane_of("default"), b = store->routes().lane_of("b");
        for (int i = 0; i < 100; ++i) {
            const std::string of_a = fmt::format("a{}", i), of_b = fmt::format("b{}", i),
                              key = fmt::format(R"("route":"b","order_key":"k{}",)", i % 2);
            store->insert({.id = of_a, .text = webhook(of_a, 2000), .lane = a, .accepted_at = 7});
            store->insert({.id = of_b,
                           .text = webhook(of_b, 2000, key),
                           .lane = b,
                           .order_key = fmt::format("k{}", i % 2),
                           .accepted_at = 7});
        }
        store->mark_failed("a0", {{a, 3, 1, 2, 7}, 500}, {3, 400, 5, 503, "why"});
        store->mark_dead("a1", 5, "refused", 300);
        store->commit();
    }
    /// Overwrites pages in the middle.
    void damage(std::size_t from, std::size_t pages) {
        std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
        out.seekp(static_cast<std::streamoff>(from * page));
        const std::string rubbish(pages * page, '\xee');
        out.write(rubbish.data(), static_cast<std::streamsize>(rubbish.size()));
    }
    std::size_t files(const std::string& part) const {
        std::size_t n = 0;
        for (const auto& entry : fs::directory_iterator(directory.path()))
            n += entry.path().filename().string().find(part) != std::string::npos ? 1 : 0;
        return n;
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(damaged_store)

// A whole file, and a missing one, are opened without a word.
BOOST_AUTO_TEST_CASE(nothing_is_damaged) {
    scene s;
    s.fill();
    BOOST_TEST(s.open()->counts().accepted == 200u);
    BOOST_TEST(s.told.empty());
    BOOST_TEST(s.files("damaged") == 0u);
}

// A file of which nothing can be read: the queue begins empty, and the file is kept as it is.
BOOST_AUTO_TEST_CASE(nothing_can_be_read) {
    scene s;
    std::ofstream(s.file) << std::string(5000, 'x');
    for (int again = 1; again <= 2; ++again) {
        BOOST_TEST(s.open()->counts().accepted == 0u);
        BOOST_TEST(s.told.size() == std::size_t(again));
        BOOST_TEST(has(s.told.back(), "file is not a database"), s.told.back());
        BOOST_TEST(has(s.told.back(), fmt::format("it is kept as {}.damaged-{}, and 0 webhooks",
                                                  s.file.string(), again)),
                   s.told.back());
        BOOST_TEST(fs::file_size(s.file.string() + fmt::format(".damaged-{}", again)) == 5000u);
        for (const char* ending : {"", "-wal", "-shm"}) fs::remove(s.file.string() + ending);
        std::ofstream(s.file) << std::string(5000, 'x');
    }
}

// Pages in the middle are lost: the other webhooks go on, in their order and state, and the line
// says that something is missing. So with a file of the first version.
BOOST_AUTO_TEST_CASE(some_can_be_read) {
    scene s;
    s.fill();
    s.damage(20, 4);
    components::set_aside_damaged(s.file, "test",
                                  [&](const auto& line) { s.told.push_back(line); });
    auto store = s.open();
    BOOST_REQUIRE(s.told.size() == 1u);
    BOOST_TEST(has(s.told[0], "places that cannot be read"), s.told[0]);
    const auto n = store->counts();
    BOOST_TEST(n.accepted > 150u);
    BOOST_TEST(n.accepted < 200u);
    BOOST_TEST(n.failed == 1u);
    BOOST_TEST(n.dead == 1u);
    BOOST_TEST(n.is_balanced());
    BOOST_TEST(has(s.told[0], fmt::format("{} webhooks of it are in the new one", n.accepted)),
               s.told[0]);
    BOOST_TEST(store->tries_of("a0")->attempt == 3u);
    const auto attempts = store->attempts_of(store->look_up("a0")->seq);
    BOOST_REQUIRE(attempts.size() == 1u);
    BOOST_TEST(attempts[0].n == 3u);
    BOOST_TEST(attempts[0].at == 400);
    BOOST_TEST(attempts[0].ms == 5);
    BOOST_TEST(attempts[0].status == 503);
    BOOST_TEST(attempts[0].reason == "why");
    BOOST_TEST(!has(s.told[0], "attempts"), s.told[0]);
    BOOST_TEST(store->find_dead("a1")->reason == "refused");
    BOOST_TEST(store->routes().all().size() == 2u);
    BOOST_TEST(s.files("recovered") == 0u);
    // Of each key one comes first, and the others behind it.
    const auto lane = store->routes().all()[1].name == "b" ? 2 : 1;
    BOOST_TEST(store->waiting_after(lane, 0, {100, 1 << 30}).size() == 2u);
    for (const auto& line : components::check_ledger(s.file))
        BOOST_TEST(line.is_right(), line.text());
}

// Attempts that cannot be read cost no webhook, and the line says so.
BOOST_AUTO_TEST_CASE(attempts_that_cannot_be_read) {
    scene s;
    s.fill();
    const int root = SQLite::Database(s.file.string(), SQLite::OPEN_READWRITE)
                         .execAndGet("SELECT rootpage FROM sqlite_schema WHERE name = 'attempts'")
                         .getInt();
    s.damage(static_cast<std::size_t>(root) - 1, 1);
    components::set_aside_damaged(s.file, "test",
                                  [&](const auto& line) { s.told.push_back(line); });
    const auto store = s.open();
    BOOST_TEST(store->counts().accepted == 200u);
    BOOST_TEST(store->tries_of("a0")->attempt == 3u);
    BOOST_TEST(store->attempts_of(store->look_up("a0")->seq).empty());
    BOOST_TEST(has(s.told.at(0), "; the attempts of 2 webhooks cannot be read"), s.told[0]);
}

// A file that lost its last page goes on with all the others. A route that was paused or held stays
// so, and its duplicates are known.
BOOST_AUTO_TEST_CASE(short_of_its_last_page) {
    scene s;
    s.fill();
    {
        const auto store = s.open();
        store->begin();
        const auto b = store->routes().lane_of("b");
        store->routes().at(b).paused = true;
        store->routes().at(b).held_until = 1700003600000;
        BOOST_TEST(!store->is_duplicate(b, "json:/id=7", 1700000000000, 1000));
        store->commit();
    }
    fs::resize_file(s.file, fs::file_size(s.file) - page);
    const auto store = s.open();
    BOOST_REQUIRE(s.told.size() == 1u);
    BOOST_TEST(store->counts().accepted >= 200u - page / 2000, s.told[0]);
    BOOST_TEST(store->routes().at(store->routes().lane_of("b")).paused);
    BOOST_TEST(!store->routes().at(store->routes().lane_of("default")).paused);
    BOOST_TEST(store->routes().at(store->routes().lane_of("b")).held_until == 1700003600000);
    store->begin();
    BOOST_TEST(
        store->is_duplicate(store->routes().lane_of("b"), "json:/id=7", 1700000000500, 1000));
    store->commit();
}

// Only what stands on the damaged page is missing.
BOOST_AUTO_TEST_CASE(one_damaged_page) {
    for (std::size_t lost = 10; lost < 40; lost += 3) {
        scene s;
        s.fill();
        s.damage(lost, 1);
        components::set_aside_damaged(s.file, "test",
                                      [&](const auto& line) { s.told.push_back(line); });
        BOOST_TEST(s.open()->counts().accepted >= 200u - page / 2000, s.told.back());
    }
}

BOOST_AUTO_TEST_CASE(of_the_first_version) {
    scene s;
    fs::copy_file(fs::path(SUPE_SOURCE_DIR) / "tests/components/queue/first_version.db", s.file);
    components::set_aside_damaged(s.file, "test",
                                  [&](const auto& line) { s.told.push_back(line); });
    const auto n = s.open()->counts();
    BOOST_TEST(n.accepted == 5u);
    BOOST_TEST(n.failed == 2u);
    BOOST_TEST(n.dead == 1u);
    BOOST_TEST(!has(s.told.at(0), "missing"), s.told[0]);
}

// A recovery that was cut off before the damaged file had its new name begins anew; one that was
// cut off later is finished.
BOOST_AUTO_TEST_CASE(cut_off) {
    scene s;
    s.fill();
    fs::copy_file(s.file, s.file.string() + ".recovered");
    BOOST_TEST(s.open()->counts().accepted == 200u);
    BOOST_TEST(s.files("recovered") == 0u);
    fs::rename(s.file, s.file.string() + ".recovered");
    std::ofstream(s.file.string() + "-wal") << "of the damaged one";
    BOOST_TEST(s.open()->counts().accepted == 200u);
    BOOST_TEST(s.files("recovered") == 0u);
    BOOST_TEST(s.files("damaged") == 1u);
}

// A newer file is not damaged: it stays where it is.
BOOST_AUTO_TEST_CASE(a_newer_version) {
    scene s;
    SQLite::Database(s.file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("PRAGMA user_version = 6");
    BOOST_CHECK_THROW(s.open(), components::store_error);
    BOOST_TEST(s.files("damaged") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
