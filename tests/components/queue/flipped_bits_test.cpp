// Shows what becomes of a queue.db in which a byte has changed: no changed webhook is ever handed
// out, and what is not is told, as a dead letter or as a damaged file.
#include "components/queue/checksum.hpp"
#include "components/queue/damaged_store.hpp"
#include "components/queue/ledger.hpp"
#include "tests/components/queue/logic_scene.hpp"
#include "tests/support/files.hpp"

#include <map>

namespace fs = std::filesystem;
using queue_tests::lines;
using queue_tests::webhook;

namespace {

/// A queue with webhooks of all sizes, as it was when its process ended.
struct scene {
    support::temporary_directory directory{support::in_memory()};
    fs::path file = directory / "queue.db";
    std::map<std::string, std::string> came{};
    lines told{};
    components::queue_events events{};
    std::size_t delivered = 0, changed = 0;
    int first_status = 200;  // of each first try

    static constexpr std::int64_t start_ms = 1700000000000;

    void fill(components::webhook_store& store, int from, int to) {
        store.begin();
        const auto lane = store.routes().lane_of("default");
        for (int i = from; i < to; ++i) {
            const std::string id = fmt::format("w{:04}", i);
            const std::string text = webhook(id, std::size_t(i) * 37 % 3000);
            store.insert({.id = id, .text = text, .lane = lane, .accepted_at = start_ms});
            came[id] = text;
        }
        store.commit();
    }
    static void flip(const fs::path& in, std::size_t at, int bit) {
        std::string bytes = support::read_file(in);
        bytes.at(at) = static_cast<char>(bytes[at] ^ 1 << bit);
        support::write_file(in, bytes);
    }
    /// Lives of a queue until nothing is left to hand out. One that cannot begin says why, and the
    /// file stays as it is.
    void drain() {
        const auto tell = [&](const std::string& line) { told.push_back(line); };
        for (int life = 0; life < 3; ++life) {
            std::unique_ptr<components::webhook_store> store;
            try {
                store = components::open_store(file, tell);
                return drain(*store);
            } catch (const components::store_error& e) {
                store.reset();
                if (!e.damaged()) return tell(e.what());
                components::set_aside_damaged(file, e.what(), tell);
            }
        }
        BOOST_FAIL("it is damaged each time");
    }
    void drain(components::webhook_store& store) {
        components::queue_logic logic(
            store, {}, [] { return 0.5; }, [] { return std::uint64_t(1) << 40; });
        std::chrono::system_clock::time_point now(std::chrono::seconds(1700000000));
        while (store.counts().queued() > 0) {
            const auto next = logic.next(now, events);
            now += std::chrono::hours(next ? 0 : 1);
            if (!next) continue;
            const std::string& id = next->webhook.id;
            const auto was = came.find(id);
            if (was == came.end() || was->second != next->webhook.text) ++changed;
            const unsigned attempt = next->webhook.attempt + 1;
            const int status = attempt == 1 ? first_status : 200;
            delivered += status == 200 ? 1 : 0;
            const auto done = logic.take({queue_tests::result(id, attempt, status)}, now, events);
            BOOST_REQUIRE(done.size() == 1u);
        }
    }
};

/// Changes a character of this text in an index: the row is whole, and the index does not lead to
/// it.
void damage_index(const fs::path& file, const std::string& text, const std::string& index) {
    const std::string bytes = support::read_file(file);
    for (auto at = bytes.find(text); at != bytes.npos; at = bytes.find(text, at + 1)) {
        scene::flip(file, at + text.size() - 1, 0);
        SQLite::Database db(file.string());
        SQLite::Statement check(db, "PRAGMA integrity_check");
        while (check.executeStep())
            if (check.getColumn(0).getString().ends_with("missing from index " + index)) return;
        scene::flip(file, at + text.size() - 1, 0);
    }
    BOOST_FAIL("not in " + index);
}

constexpr const char* damaged_letter = "damaged on the disk: its checksum is wrong";

}  // namespace

BOOST_AUTO_TEST_SUITE(flipped_bits)

// The published check value, and one that goes on from another.
BOOST_AUTO_TEST_CASE(checksum) {
    BOOST_TEST(components::crc32c("123456789") == 0xe3069283u);
    BOOST_TEST(components::crc32c(std::string(32, '\0')) == 0x8a9136aau);  // RFC 3720 §B.4
    BOOST_TEST(components::crc32c("6789", components::crc32c("12345")) == 0xe3069283u);
    BOOST_TEST(components::crc32c("") == 0u);
}

// One in a body: that webhook is a dead letter with the reason, and is one again when it is tried
// again. All others are delivered, and the ledger adds up.
BOOST_AUTO_TEST_CASE(in_a_body) {
    scene s;
    {
        components::webhook_store store(s.file);
        s.fill(store, 0, 100);
    }
    const auto at = support::read_file(s.file).find(s.came["w0070"]);
    BOOST_REQUIRE(at != std::string::npos);
    scene::flip(s.file, at + 200, 0);
    for (int again = 0; again < 2; ++again) {
        s.drain();
        BOOST_TEST(s.delivered == 99u);
        BOOST_TEST(s.changed == 0u);
        BOOST_TEST(s.told.empty());
        BOOST_REQUIRE(s.events.dead.size() == 1u);
        BOOST_TEST(s.events.dead[0].id == "w0070");
        BOOST_TEST(s.events.dead[0].reason == damaged_letter);
        s.events = {};
        for (const auto& line : components::check_ledger(s.file))
            BOOST_TEST(line.is_right(), line.text());
        components::webhook_store store(s.file);
        BOOST_TEST(store.counts().dead == 1u);
        store.begin();
        BOOST_TEST(store.revive("w0070", 1, 7) == 1u);
        store.commit();
    }
}

// One in a file that is set aside for another reason: it is known in the new one too.
BOOST_AUTO_TEST_CASE(in_a_body_of_a_damaged_file) {
    scene s;
    {
        components::webhook_store store(s.file);
        s.fill(store, 0, 100);
    }
    scene::flip(s.file, support::read_file(s.file).find(s.came["w0070"]) + 200, 0);
    components::set_aside_damaged(s.file, "test", [](const auto&) {});
    s.drain();
    BOOST_TEST(s.delivered == 99u);
    BOOST_TEST(s.changed == 0u);
    BOOST_TEST(s.events.dead.size() == 1u);
}

// One in the index of ids: nothing is delivered again and again. The file is damaged, is set aside,
// and all rows are in the new one.
BOOST_AUTO_TEST_CASE(in_the_index_of_ids) {
    for (const int status : {200, 503}) {
        scene s;
        {
            components::webhook_store store(s.file);
            s.fill(store, 0, 100);
        }
        damage_index(s.file, "w0070", "sqlite_autoindex_webhooks_1");
        s.first_status = status;
        s.drain();
        BOOST_REQUIRE(s.told.size() == 1u);
        BOOST_TEST(s.delivered == (status == 200 ? 101u : 100u));  // that one twice, or tried anew
        BOOST_TEST(s.events.dead.empty());
        for (const auto& line : components::check_ledger(s.file))
            BOOST_TEST(line.is_right(), line.text());
        BOOST_TEST(components::webhook_store(s.file).counts().queued() == 0u);
    }
}

// One in the index of keys: what is behind another of its key is not left there.
BOOST_AUTO_TEST_CASE(in_the_index_of_keys) {
    scene s;
    {
        components::webhook_store store(s.file);
        store.begin();
        const auto lane = store.routes().lane_of("default");
        for (int i = 0; i < 8; ++i) {
            const std::string id = fmt::format("w{:04}", i), key = fmt::format("the-key{}", i / 4);
            s.came[id] = webhook(id, 10, fmt::format(R"("order_key":"{}",)", key));
            store.insert(
                {.id = id, .text = s.came[id], .lane = lane, .order_key = key, .accepted_at = 7});
        }
        store.commit();
    }
    damage_index(s.file, "the-key1", "by_key");
    s.drain();
    BOOST_REQUIRE(s.told.size() == 1u);
    BOOST_TEST(s.delivered >= 8u);
    BOOST_TEST(components::webhook_store(s.file).counts().queued() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
