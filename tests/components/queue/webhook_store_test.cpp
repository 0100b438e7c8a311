// Shows that the store keeps order, counts and promises, on a real SQLite file.
#include "components/queue/webhook_store.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <boost/test/unit_test.hpp>
#include <fstream>

using store_type = components::webhook_store;
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
    const auto n = s.counts();
    return fmt::format("pending {} failed {} dead {} bytes {}", n.pending, n.failed, n.dead,
                       n.bytes);
}

struct scene {
    support::temporary_directory directory{support::in_memory()};
    std::optional<store_type> store{directory / "queue.db"};

    scene() {
        in_transaction([&] { store->routes().lane_of("default"); });
    }
    void reopen() {
        store.reset();
        store.emplace(directory / "queue.db");
    }
    void in_transaction(const std::function<void()>& change) {
        store->begin();
        change();
        store->commit();
    }
    void insert(std::initializer_list<const char*> all, std::string_view text = "{}",
                const std::string& key = "") {
        in_transaction([&] {
            for (const char* id : all)
                store->insert({.id = id, .text = text, .order_key = key, .accepted_at = 7});
        });
    }
    void fail(const char* id, unsigned attempt, std::int64_t due_at, unsigned refused = 0) {
        store->mark_failed(id, {{1, attempt, refused, attempt, 0}, due_at},
                           {attempt, due_at, 5, 503, "why"});
    }
    std::string waiting(std::int64_t turn = 0) {
        return ids(store->waiting_after(1, turn, plenty));
    }
};

void upgrade_from(int version) {
    scene s;
    s.insert({"a", "b"});
    s.store.reset();
    const auto database = [&] {
        return SQLite::Database((s.directory / "queue.db").string(), SQLite::OPEN_READWRITE);
    };
    database().exec("ALTER TABLE webhooks DROP COLUMN checksum");
    database().exec(fmt::format("PRAGMA user_version = {}", version));
    s.reopen();
    BOOST_TEST(s.waiting() == "a b ");
    s.insert({"c"});
    for (const auto& w : s.store->waiting_after(1, 0, plenty)) BOOST_TEST(w.is_whole);
    BOOST_TEST(s.store->counts().accepted == 3u);
    BOOST_TEST(database().execAndGet("PRAGMA user_version").getInt() == 5);
    BOOST_TEST(database().execAndGet("SELECT count(checksum) FROM webhooks").getInt() == 1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_store)

// In order of arrival, each once, with its text byte for byte; and so after a reopen.
BOOST_AUTO_TEST_CASE(keeps_in_order) {
    scene s;
    s.insert({"b", "a", "c"}, std::string_view("x\0y", 3));
    s.in_transaction([&] {
        BOOST_TEST(!s.store->insert({.id = "a", .text = "other"}));
        BOOST_TEST(s.store->insert({.id = "d", .text = ""}));
    });
    for (int opened = 0; opened < 2; ++opened, s.reopen()) {
        const auto all = s.store->waiting_after(1, 0, plenty);
        BOOST_TEST(ids(all) == "b a c d ");
        BOOST_TEST((all[1].text == std::string("x\0y", 3)));
        BOOST_TEST(all[1].accepted_at == 7);
        BOOST_TEST(all[3].text == "");
        BOOST_TEST(s.waiting(all[1].turn) == "c d ");
        BOOST_TEST(counts(*s.store) == "pending 4 failed 0 dead 0 bytes 9");
    }
}

// A number that was used is not used again: what came later is always behind.
BOOST_AUTO_TEST_CASE(the_last_place_is_not_given_twice) {
    scene s;
    s.insert({"a", "b"});
    const auto last = s.store->waiting_after(1, 0, plenty).back().turn;
    s.in_transaction([&] { s.store->remove("b"); });
    s.reopen();
    s.insert({"c"});
    BOOST_TEST(s.waiting(last) == "c ");
}

// Every change of state keeps the counts right, also when it is asked twice, or of what is not
// there.
BOOST_AUTO_TEST_CASE(states_and_counts) {
    scene s;
    s.insert({"a", "b", "c", "d"}, "12345");
    store_type& store = *s.store;
    s.in_transaction([&] {
        s.fail("a", 1, 100);
        s.fail("b", 1, 50, 1);
        store.mark_dead("c", 5, "why", 300);
    });
    BOOST_TEST(counts(store) == "pending 1 failed 2 dead 1 bytes 20");
    BOOST_TEST(store.tries_of("b")->attempt == 1u);
    BOOST_TEST(store.tries_of("b")->refused == 1u);
    BOOST_TEST(store.tries_of("a")->refused == 0u);
    BOOST_TEST(!store.tries_of("c"));
    BOOST_TEST(!store.tries_of("nobody"));
    s.in_transaction([&] {
        s.fail("b", 2, 70, 2);
        s.fail("c", 9, 70, 9);
        store.mark_dead("c", 6, "again", 300);
        store.mark_dead("a", 2, "too", 300);
        s.fail("nobody", 1, 1);
        store.mark_dead("nobody", 1, "x", 300);
        BOOST_TEST(!store.remove("nobody"));
        BOOST_TEST(store.remove("d").value_or(0) == 1);
    });
    BOOST_TEST(store.tries_of("b")->refused == 2u);
    for (int opened = 0; opened < 2; ++opened, s.reopen())
        BOOST_TEST(counts(*s.store) == "pending 0 failed 1 dead 2 bytes 15");
    s.in_transaction([&] {
        for (const char* id : {"a", "b", "c", "d"}) s.store->remove(id);
    });
    BOOST_TEST(counts(*s.store) == "pending 0 failed 0 dead 0 bytes 0");
    const auto n = s.store->counts();
    BOOST_TEST(n.accepted == 4u);
    BOOST_TEST(n.delivered == 4u);
    BOOST_TEST(n.is_balanced());
}

// Those that are due for longest first, and nothing that is not due yet.
BOOST_AUTO_TEST_CASE(due_in_order) {
    scene s;
    s.insert({"a", "b", "c", "d"});
    s.in_transaction([&] {
        s.fail("a", 1, 300);
        s.fail("b", 1, 100);
        s.fail("c", 1, 100);
    });
    BOOST_TEST(ids(s.store->due_after(1, 0, 0, 99, plenty)) == "");
    const auto due = s.store->due_after(1, 0, 0, 100, plenty);
    BOOST_TEST(ids(due) == "b c ");
    BOOST_TEST(due[0].due_at == 100);
    BOOST_TEST(ids(s.store->due_after(1, 100, due[0].seq, 1000, plenty)) == "c a ");
    BOOST_TEST(ids(s.store->due_after(1, 300, due[0].seq, 1000, plenty)) == "");
    BOOST_TEST(s.store->next_due(1, 100).value_or(0) == 300);
    BOOST_TEST(!s.store->next_due(1, 300));
    BOOST_TEST(s.waiting() == "d ");
    s.in_transaction([&] { s.store->make_due(1, 50); });
    BOOST_TEST(ids(s.store->due_after(1, 0, 0, 50, plenty)) == "a b c ");
}

// Reading ahead is bounded in number and in bytes; one that is larger than all comes alone.
BOOST_AUTO_TEST_CASE(reads_within_limits) {
    scene s;
    s.insert({"a", "b", "c", "d"}, std::string(1000, 'x'));
    const auto read = [&](read_limit limit) { return ids(s.store->waiting_after(1, 0, limit)); };
    BOOST_TEST(read({2, 1 << 30}) == "a b ");
    BOOST_TEST(read({100, 1500}) == "a b ");
    BOOST_TEST(read({100, 2000}) == "a b ");
    BOOST_TEST(read({100, 1}) == "a ");
}

// Of a key only the first one waits for its delivery; the next one's turn comes when it is gone or
// dead, behind all that wait by then. One that has failed holds back its key.
BOOST_AUTO_TEST_CASE(order_of_a_key) {
    scene s;
    s.insert({"a1", "a2", "a3"}, "{}", "a");
    s.insert({"b1", "b2"}, "{}", "b");
    s.insert({"x"});
    BOOST_TEST(s.waiting() == "a1 b1 x ");
    s.in_transaction([&] { s.store->remove("a1"); });
    BOOST_TEST(s.waiting() == "b1 x a2 ");
    s.reopen();
    s.in_transaction([&] { s.fail("b1", 1, 100); });
    BOOST_TEST(s.waiting() == "x a2 ");
    s.insert({"y"});
    s.in_transaction([&] { s.store->mark_dead("b1", 2, "why", 1); });
    BOOST_TEST(s.waiting() == "x a2 y b2 ");
    BOOST_TEST(counts(*s.store) == "pending 5 failed 0 dead 1 bytes 12");
    // A dead one that is tried again comes when its key is free.
    s.in_transaction([&] { s.store->revive("b1", 1, 50); });
    BOOST_TEST(ids(s.store->due_after(1, 0, 0, 1000, plenty)) == "");
    s.in_transaction([&] { s.store->remove("b2"); });
    BOOST_TEST(s.waiting() == "x a2 y b1 ");
    s.in_transaction([&] { s.store->remove("b1"); });
    s.in_transaction([&] { BOOST_TEST(s.store->drop_queued(1, 2) == 2u); });  // a2 and a3
    BOOST_TEST(s.waiting() == "x y ");
    BOOST_TEST(s.store->counts().dropped == 2u);
    BOOST_TEST(s.store->counts().is_balanced());
}

// A key that came lately is a duplicate; one that came before the window is not. What is too old is
// forgotten.
BOOST_AUTO_TEST_CASE(duplicates) {
    scene s;
    const auto comes = [&](const char* key, std::int64_t now) {
        bool is = false;
        s.in_transaction([&] { is = s.store->is_duplicate(1, key, now, 100); });
        return is;
    };
    BOOST_TEST(!comes("a", 1000));
    BOOST_TEST(comes("a", 1000));
    s.reopen();
    BOOST_TEST(comes("a", 1099));
    BOOST_TEST(!comes("a", 1100));
    BOOST_TEST(comes("a", 1199));
    for (int i = 0; i < 50; ++i) BOOST_TEST(!comes(std::to_string(i).c_str(), 1100 + i));
    BOOST_TEST(s.store->counts().seen == 51u);
    for (int i = 0; i < 13; ++i) comes(std::to_string(100 + i).c_str(), 9000 + i);
    BOOST_TEST(s.store->counts().seen == 13u);
    BOOST_TEST(s.store->counts().duplicates == 3u);
    s.store->begin();
    s.store->is_duplicate(1, "new", 9100, 100);
    s.store->rollback();
    BOOST_TEST(!comes("new", 9101));
}

// Of the tries that failed the first three are kept and the last seven; they go with the webhook.
BOOST_AUTO_TEST_CASE(attempts_are_kept) {
    scene s;
    s.insert({"a"});
    s.in_transaction([&] {
        for (unsigned n = 1; n <= 30; ++n) s.fail("a", n, n);
        s.store->mark_dead("a", 30, "why", 30);
    });
    const auto dead = s.store->find_dead("a");
    std::string kept;
    for (const auto& n : s.store->attempts_of(dead->seq)) kept += std::to_string(n.n) + " ";
    BOOST_TEST(kept == "1 2 3 24 25 26 27 28 29 30 ");
    BOOST_TEST(s.store->attempts_of(dead->seq).front().reason == "why");
    s.in_transaction([&] { s.store->drop_dead("a", 1); });
    BOOST_TEST(s.store->attempts_of(dead->seq).empty());
}

// A rollback leaves all as it was: rows, counts, the pause, a new route.
BOOST_AUTO_TEST_CASE(rollback_undoes_all) {
    scene s;
    s.insert({"a", "b"}, "123");
    s.store->begin();
    s.store->insert({.id = "c", .text = "1"});
    s.store->remove("a");
    s.fail("b", 1, 5);
    s.store->routes().at(1).paused = true;
    s.store->routes().lane_of("other");
    s.store->rollback();
    for (int opened = 0; opened < 2; ++opened, s.reopen()) {
        BOOST_TEST(counts(*s.store) == "pending 2 failed 0 dead 0 bytes 6");
        BOOST_TEST(s.waiting() == "a b ");
        BOOST_TEST(!s.store->routes().at(1).paused);
        BOOST_TEST(s.store->routes().all().size() == 1u);
    }
}

// What was not committed is not there after a crash; what was, is. So is the pause.
BOOST_AUTO_TEST_CASE(only_commits_survive) {
    scene s;
    s.insert({"a"});
    s.in_transaction([&] { s.store->routes().at(1).paused = true; });
    s.store->begin();
    s.store->insert({.id = "b", .text = "{}"});
    s.reopen();
    BOOST_TEST(s.waiting() == "a ");
    BOOST_TEST(s.store->routes().at(1).paused);
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
            s.store->insert({.id = "b", .text = "small"});
            s.store->insert({.id = "c", .text = large});
            s.store->commit();
        };
        BOOST_CHECK_EXCEPTION(try_it(), store_error, [&](const store_error& e) {
            return !e.damaged() &&
                   std::string(e.what()).starts_with((s.directory / "queue.db").string() + ": ");
        });
        s.store->rollback();
        BOOST_TEST(counts(*s.store) == "pending 1 failed 0 dead 0 bytes 2");
        BOOST_TEST(s.waiting() == "a ");
    }
    s.insert({"b"}, large);
    s.reopen();
    BOOST_TEST(s.waiting() == "a b ");
}

// What was removed leaves room inside the file for what comes.
BOOST_AUTO_TEST_CASE(room_inside_the_file) {
    scene s;
    BOOST_TEST(s.store->reusable_bytes() == 0u);
    s.insert({"a"}, std::string(1 << 20, 'x'));
    BOOST_TEST(s.store->reusable_bytes() < 10000u);
    s.in_transaction([&] { s.store->remove("a"); });
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

// A reader keeps SQLite from emptying its log; on a full disk no later commit would.
BOOST_AUTO_TEST_CASE(a_log_that_a_reader_made_long) {
    scene s;
    const auto log = [&] { return std::filesystem::file_size(s.directory / "queue.db-wal"); };
    {
        SQLite::Database other((s.directory / "queue.db").string(), SQLite::OPEN_READONLY);
        SQLite::Statement reads(other, "SELECT id FROM webhooks UNION ALL SELECT 'x'");
        BOOST_TEST(reads.executeStep());
        for (int n = 0; n < 40; ++n)
            s.insert({fmt::format("w{}", n).c_str()}, std::string(200'000, 'x'));
        BOOST_TEST(log() > 6'000'000u);
    }
    s.store->make_room();
    BOOST_TEST(log() == 0u);
    BOOST_TEST(s.store->counts().pending == 40u);
}

// A file that the first version wrote, with all that is in it: two that wait, two that have failed,
// one that is dead, a destination that is paused. It is written as today from then on, and what
// comes is behind what was there.
BOOST_AUTO_TEST_CASE(a_file_of_the_first_version) {
    scene s;
    s.store.reset();
    std::filesystem::copy_file(
        std::filesystem::path(SUPE_SOURCE_DIR) / "tests/components/queue/first_version.db",
        s.directory / "queue.db", std::filesystem::copy_options::overwrite_existing);
    for (int opened = 0; opened < 2; ++opened) {
        s.reopen();
        store_type& store = *s.store;
        BOOST_TEST(counts(store) == "pending 2 failed 2 dead 1 bytes 1465");
        BOOST_TEST(store.counts().accepted == 5u);
        BOOST_TEST(store.counts().is_balanced());
        BOOST_TEST(store.routes().at(1).name == "default");
        BOOST_TEST(store.routes().at(1).paused);
        BOOST_TEST(s.waiting() == "01M8K72M4VFCXF5KVF20QQJKEZ 01M8K72M6MTGE1JW751EJW5JPC ");
        const auto due = store.due_after(1, 0, 0, std::int64_t(1) << 50, plenty);
        BOOST_TEST(ids(due) == "01M8K72K3WJJKB7464KFNHECJS 01M8K70EZW806A3NM9CF8T3YHY ");
        BOOST_TEST(due[1].attempt == 6u);
        BOOST_TEST(due[1].accepted_at > 1700000000000);  // the upgrade
        BOOST_TEST(store.tries_of(due[1].id)->delays == 5u);
        BOOST_TEST(store.dead_after(0, plenty).at(0).reason == "refused 5 times, at last with 404");
    }
    s.insert({"new"});
    BOOST_TEST(s.waiting().ends_with("01M8K72M6MTGE1JW751EJW5JPC new "));
    s.in_transaction([&] {
        for (const char* id : {"01M8K72M4VFCXF5KVF20QQJKEZ", "01M8K72K3WJJKB7464KFNHECJS"})
            s.store->remove(id);
    });
    BOOST_TEST(counts(*s.store) == "pending 2 failed 1 dead 1 bytes 884");
    BOOST_TEST(s.store->counts().is_balanced());
}

// Files of versions 3 and 4 have no checksums: they are of today's version then, and keep what they
// hold. What comes has one.
BOOST_AUTO_TEST_CASE(files_of_the_third_and_fourth_version) {
    for (const int version : {3, 4}) upgrade_from(version);
}

// An early file without a version of its own is one of the first.
BOOST_AUTO_TEST_CASE(a_file_without_a_version) {
    const support::temporary_directory directory{support::in_memory()};
    SQLite::Database((directory / "queue.db").string(),
                     SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec(R"(
            CREATE TABLE webhooks (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
                state INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
                refused INTEGER NOT NULL DEFAULT 0, due_at INTEGER NOT NULL DEFAULT 0, reason TEXT,
                text BLOB NOT NULL);
            CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
            INSERT INTO webhooks VALUES (3, 'a', 0, 0, 0, 0, NULL, x'313233');
            INSERT INTO meta VALUES ('counts', '1 0 0 3');
        )");
    store_type store(directory / "queue.db");
    BOOST_TEST(store.waiting_after(1, 0, plenty).at(0).text == "123");
    BOOST_TEST(counts(store) == "pending 1 failed 0 dead 0 bytes 3");
}

// A file of a later version, one that is no database, and a directory that is not there, are told
// with the name; only the second is damaged.
BOOST_AUTO_TEST_CASE(what_cannot_be_opened) {
    const support::temporary_directory directory;
    const auto refusal = [&](const char* name) {
        try {
            store_type opened(directory / name);
            return std::string("opened");
        } catch (const store_error& e) {
            return (e.damaged() ? "damaged: " : "") + std::string(e.what());
        }
    };
    std::ofstream(directory / "text.db") << std::string(5000, 'x');
    BOOST_TEST(refusal("text.db") ==
               "damaged: " + (directory / "text.db").string() + ": file is not a database");
    BOOST_TEST(refusal("no/queue.db").ends_with("no/queue.db: No such file or directory"));
    SQLite::Database((directory / "later.db").string(),
                     SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("PRAGMA user_version = 6");
    BOOST_TEST(
        refusal("later.db")
            .ends_with(
                "later.db: a newer version of this program wrote it (format 6, 5 is known here)"));
}

BOOST_AUTO_TEST_SUITE_END()
