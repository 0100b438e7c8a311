// Shows that the store keeps order, counts and promises, on a real SQLite file.
#include "components/queue/webhook_store.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <random>

using store_type = components::webhook_store;
using components::failure;
using components::read_limit;
using components::store_error;

namespace {

constexpr read_limit plenty{1000, 1 << 30};

std::string ids(const std::vector<components::stored_webhook>& found) {
    std::string text;
    for (const auto& w : found) text += w.id + " ";
    return text;
}

std::string counts(const store_type& s) {
    const auto& n = s.counts();
    return fmt::format("pending {} failed {} dead {} bytes {}", n.pending, n.failed, n.dead,
                       n.bytes);
}

struct scene {
    support::temporary_directory directory{support::in_memory()};
    std::optional<store_type> store{directory / "queue.db"};
    void reopen() {
        store.reset();
        store.emplace(directory / "queue.db");
    }
    void insert(std::initializer_list<const char*> all, std::string_view text = "{}") {
        store->begin();
        for (const char* id : all) store->insert(id, text);
        store->commit();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_store)

// In order of arrival, each once, with its text byte for byte; and so after a reopen.
BOOST_AUTO_TEST_CASE(keeps_in_order) {
    scene s;
    s.insert({"b", "a", "c"}, std::string_view("x\0y", 3));
    s.store->begin();
    BOOST_TEST(!s.store->insert("a", "other"));
    BOOST_TEST(s.store->insert("d", ""));
    s.store->commit();
    for (int opened = 0; opened < 2; ++opened, s.reopen()) {
        const auto all = s.store->pending_after(0, plenty);
        BOOST_TEST(ids(all) == "b a c d ");
        BOOST_TEST((all[1].text == std::string("x\0y", 3)));
        BOOST_TEST(all[3].text == "");
        BOOST_TEST(ids(s.store->pending_after(all[1].seq, plenty)) == "c d ");
        BOOST_TEST(counts(*s.store) == "pending 4 failed 0 dead 0 bytes 9");
    }
}

// A number that was used is not used again: what came later is always behind.
BOOST_AUTO_TEST_CASE(the_last_place_is_not_given_twice) {
    scene s;
    s.insert({"a", "b"});
    const auto last = s.store->pending_after(0, plenty).back().seq;
    s.store->begin();
    s.store->remove("b");
    s.store->commit();
    s.reopen();
    s.insert({"c"});
    BOOST_TEST(ids(s.store->pending_after(last, plenty)) == "c ");
}

// Every change of state keeps the counts right, also when it is asked twice, or of what is not
// there.
BOOST_AUTO_TEST_CASE(states_and_counts) {
    scene s;
    s.insert({"a", "b", "c", "d"}, "12345");
    store_type& store = *s.store;
    store.begin();
    store.mark_failed("a", 1, failure::outage, 100);
    store.mark_failed("b", 1, failure::refusal, 50);
    store.mark_dead("c", 5, "why", 300);
    store.commit();
    BOOST_TEST(counts(store) == "pending 1 failed 2 dead 1 bytes 20");
    BOOST_TEST(store.tries_of("b")->attempt == 1u);
    BOOST_TEST(store.tries_of("b")->refused == 1u);
    BOOST_TEST(store.tries_of("a")->refused == 0u);
    BOOST_TEST(!store.tries_of("c"));
    BOOST_TEST(!store.tries_of("nobody"));
    store.begin();
    store.mark_failed("b", 2, failure::refusal, 70);
    store.mark_failed("c", 9, failure::refusal, 70);
    store.mark_dead("c", 6, "again", 300);
    store.mark_dead("a", 2, "too", 300);
    store.mark_failed("nobody", 1, failure::outage, 1);
    store.mark_dead("nobody", 1, "x", 300);
    store.remove("nobody");
    store.remove("d");
    store.commit();
    BOOST_TEST(store.tries_of("b")->refused == 2u);
    for (int opened = 0; opened < 2; ++opened, s.reopen())
        BOOST_TEST(counts(*s.store) == "pending 0 failed 1 dead 2 bytes 15");
    s.store->begin();
    for (const char* id : {"a", "b", "c", "d"}) s.store->remove(id);
    s.store->commit();
    BOOST_TEST(counts(*s.store) == "pending 0 failed 0 dead 0 bytes 0");
}

// The counts that are kept are those of the rows, after anything.
BOOST_AUTO_TEST_CASE(counts_are_those_of_the_rows) {
    scene s;
    std::mt19937 dice(3);
    for (int step = 0; step < 300; ++step) {
        const std::string id = "w" + std::to_string(dice() % 20);
        s.store->begin();
        switch (dice() % 5) {
            case 0: s.store->remove(id); break;
            case 1:
                s.store->mark_failed(id, 1, dice() % 2 ? failure::refusal : failure::outage, 7);
                break;
            case 2: s.store->mark_dead(id, 1, "x", 1); break;
            default: s.store->insert(id, std::string(dice() % 50, 'x'));
        }
        if (dice() % 4 == 0)
            s.store->rollback();
        else
            s.store->commit();
        if (dice() % 20 == 0) s.reopen();
    }
    SQLite::Database file((s.directory / "queue.db").string());
    const auto sum = [&](const char* what) {
        return file.execAndGet(std::string("SELECT ") + what + " FROM webhooks").getInt();
    };
    BOOST_TEST(counts(*s.store) == fmt::format("pending {} failed {} dead {} bytes {}",
                                               sum("sum(state = 0)"), sum("sum(state = 1)"),
                                               sum("sum(state = 2)"), sum("sum(length(text))")));
}

// Those that are due for longest first, and nothing that is not due yet.
BOOST_AUTO_TEST_CASE(due_in_order) {
    scene s;
    s.insert({"a", "b", "c", "d"});
    s.store->begin();
    s.store->mark_failed("a", 1, failure::outage, 300);
    s.store->mark_failed("b", 1, failure::outage, 100);
    s.store->mark_failed("c", 1, failure::outage, 100);
    s.store->commit();
    BOOST_TEST(ids(s.store->due_after(0, 0, 100, plenty)) == "");
    const auto due = s.store->due_after(0, 0, 101, plenty);
    BOOST_TEST(ids(due) == "b c ");
    BOOST_TEST(due[0].due_at == 100);
    BOOST_TEST(ids(s.store->due_after(100, due[0].seq, 1000, plenty)) == "c a ");
    BOOST_TEST(ids(s.store->due_after(300, due[0].seq, 1000, plenty)) == "");
    BOOST_TEST(ids(s.store->pending_after(0, plenty)) == "d ");
}

// Reading ahead is bounded in number and in bytes; one that is larger than all comes alone.
BOOST_AUTO_TEST_CASE(reads_within_limits) {
    scene s;
    s.insert({"a", "b", "c", "d"}, std::string(1000, 'x'));
    BOOST_TEST(ids(s.store->pending_after(0, {2, 1 << 30})) == "a b ");
    BOOST_TEST(ids(s.store->pending_after(0, {100, 1500})) == "a b ");
    BOOST_TEST(ids(s.store->pending_after(0, {100, 2000})) == "a b ");
    BOOST_TEST(ids(s.store->pending_after(0, {100, 1})) == "a ");
}

// A rollback leaves all as it was: rows, counts and the pause.
BOOST_AUTO_TEST_CASE(rollback_undoes_all) {
    scene s;
    s.insert({"a", "b"}, "123");
    s.store->begin();
    s.store->insert("c", "1");
    s.store->remove("a");
    s.store->mark_failed("b", 1, failure::refusal, 5);
    s.store->set_paused(true);
    s.store->rollback();
    for (int opened = 0; opened < 2; ++opened, s.reopen()) {
        BOOST_TEST(counts(*s.store) == "pending 2 failed 0 dead 0 bytes 6");
        BOOST_TEST(ids(s.store->pending_after(0, plenty)) == "a b ");
        BOOST_TEST(!s.store->paused());
    }
}

// What was not committed is not there after a crash; what was, is. So is the pause.
BOOST_AUTO_TEST_CASE(only_commits_survive) {
    scene s;
    s.insert({"a"});
    s.store->begin();
    s.store->set_paused(true);
    s.store->commit();
    s.store->begin();
    s.store->insert("b", "{}");
    s.reopen();
    BOOST_TEST(ids(s.store->pending_after(0, plenty)) == "a ");
    BOOST_TEST(s.store->paused());
}

// A full disk is an error that names the file, nothing is half done, and the next try is as good as
// new.
BOOST_AUTO_TEST_CASE(a_full_disk) {
    scene s;
    s.insert({"a"});
    const std::string large(200000, 'x');
    for (int again = 0; again < 2; ++again) {
        const support::file_size_limit full(60000);
        const auto try_it = [&] {
            s.store->begin();
            s.store->insert("b", "small");
            s.store->insert("c", large);
            s.store->commit();
        };
        BOOST_CHECK_EXCEPTION(try_it(), store_error, [&](const store_error& e) {
            return std::string(e.what()).starts_with((s.directory / "queue.db").string() + ": ");
        });
        s.store->rollback();
        BOOST_TEST(counts(*s.store) == "pending 1 failed 0 dead 0 bytes 2");
        BOOST_TEST(ids(s.store->pending_after(0, plenty)) == "a ");
    }
    s.insert({"b"}, large);
    s.reopen();
    BOOST_TEST(ids(s.store->pending_after(0, plenty)) == "a b ");
}

// What was removed leaves room inside the file for what comes.
BOOST_AUTO_TEST_CASE(room_inside_the_file) {
    scene s;
    BOOST_TEST(s.store->reusable_bytes() == 0u);
    s.insert({"a"}, std::string(1 << 20, 'x'));
    BOOST_TEST(s.store->reusable_bytes() < 10000u);
    s.store->begin();
    s.store->remove("a");
    s.store->commit();
    BOOST_TEST(s.store->reusable_bytes() >= std::size_t(1 << 20));
}

// For the owner's eyes alone, and plain text for those who look into it with other tools.
BOOST_AUTO_TEST_CASE(the_file) {
    scene s;
    s.insert({"a"});
    for (const char* name : {"queue.db", "queue.db-wal", "queue.db-shm"}) {
        struct stat found{};
        BOOST_REQUIRE(::stat((s.directory / name).c_str(), &found) == 0);
        BOOST_TEST((found.st_mode & 0777) == 0600u, name);
    }
    SQLite::Database other((s.directory / "queue.db").string());
    BOOST_TEST(other.execAndGet("SELECT count(*) FROM webhooks WHERE id = 'a'").getInt() == 1);
    BOOST_TEST(other.execAndGet("PRAGMA journal_mode").getString() == "wal");
}

// A file as the first version wrote it opens, with all that is in it.
BOOST_AUTO_TEST_CASE(a_file_of_the_first_version) {
    const support::temporary_directory directory{support::in_memory()};
    {
        SQLite::Database first((directory / "queue.db").string(),
                               SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        first.exec(R"(
            PRAGMA journal_mode = WAL;
            CREATE TABLE webhooks (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
                state INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
                refused INTEGER NOT NULL DEFAULT 0, due_at INTEGER NOT NULL DEFAULT 0, reason TEXT,
                text BLOB NOT NULL);
            CREATE INDEX failed_by_due ON webhooks (due_at) WHERE state = 1;
            CREATE INDEX pending_by_seq ON webhooks (seq) WHERE state = 0;
            CREATE INDEX dead_by_seq ON webhooks (seq) WHERE state = 2;
            CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
            INSERT INTO webhooks VALUES (3, 'a', 0, 0, 0, 0, NULL, x'313233'),
                (5, 'b', 1, 2, 1, 70, NULL, x'3435'), (7, 'c', 2, 5, 5, 300, 'why', x'36');
            INSERT INTO meta VALUES ('counts', '1 1 1 6'), ('paused', '1');
        )");
    }
    store_type store(directory / "queue.db");
    BOOST_TEST(counts(store) == "pending 1 failed 1 dead 1 bytes 6");
    BOOST_TEST(store.paused());
    BOOST_TEST(store.pending_after(0, plenty).at(0).text == "123");
    BOOST_TEST(store.due_after(0, 0, 71, plenty).at(0).attempt == 2u);
    BOOST_TEST(store.find_dead("c")->reason == "why");
}

// A file that is no database, and a directory that is not there, are told with the name.
BOOST_AUTO_TEST_CASE(what_cannot_be_opened) {
    const support::temporary_directory directory;
    std::ofstream(directory / "queue.db") << std::string(5000, 'x');
    BOOST_CHECK_EXCEPTION(
        store_type(directory / "queue.db"), store_error, [](const store_error& e) {
            return std::string(e.what()).find("queue.db: file is not a database") !=
                   std::string::npos;
        });
    BOOST_CHECK_EXCEPTION(
        store_type(directory / "no/queue.db"), store_error, [](const store_error& e) {
            return std::string(e.what()).ends_with("queue.db: No such file or directory");
        });
}

BOOST_AUTO_TEST_SUITE_END()
