// Shows that the ledger is recomputed from the rows, also beside a queue that runs, and that a
// difference is seen.
#include "components/queue/ledger.hpp"
#include "tests/components/queue/logic_scene.hpp"

using queue_tests::lines;
using queue_tests::result;
using queue_tests::scene;
using queue_tests::webhook;

namespace {

lines texts(const scene& s) {
    lines all;
    for (const auto& line : components::check_ledger(s.directory / "queue.db"))
        all.push_back(line.text());
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ledger)

// Accepted = delivered + dead + dropped + queued, of each route, while the queue has the file open.
BOOST_AUTO_TEST_CASE(balanced) {
    components::queue_limits limits;
    limits.lanes.push_back({.route = "b", .forwarder = "f", .retry = {.refused = 1}});
    scene s(limits);
    queue_tests::same(
        texts(s),
        {"default: accepted 0 = delivered 0 + dead 0 + dropped 0 + queued 0 (duplicates: 0)",
         "b: accepted 0 = delivered 0 + dead 0 + dropped 0 + queued 0 (duplicates: 0)"});
    for (const char* id : {"a1", "a2", "a3"}) s.take({webhook(id)});
    for (const char* id : {"b1", "b2", "b3"}) s.take({webhook(id, 0, R"("route":"b",)")});
    s.mark_delivery();
    s.take(
        {result("a1", 1, 200), result("a2", 1, 503), result("b1", 1, 404), result("b2", 1, 404)});
    s.take({R"({"dead":{"what":"drop","id":"b1"}})"});
    queue_tests::same(
        texts(s),
        {"default: accepted 3 = delivered 1 + dead 0 + dropped 0 + queued 2 (duplicates: 0)",
         "b: accepted 3 = delivered 0 + dead 1 + dropped 1 + queued 1 (duplicates: 0)"});
    // An operator drops what a route has queued; the dead stay.
    queue_tests::same(
        s.take({R"({"drop":"b"})", R"({"drop":"c"})"}),
        {R"({"done":1,"more":false})", R"({"error":"drop: there is no route \"c\""})"});
    queue_tests::same(
        texts(s),
        {"default: accepted 3 = delivered 1 + dead 0 + dropped 0 + queued 2 (duplicates: 0)",
         "b: accepted 3 = delivered 0 + dead 1 + dropped 2 + queued 0 (duplicates: 0)"});
}

// A row that went without the ledger, and a ledger that does not add up.
BOOST_AUTO_TEST_CASE(differences) {
    scene s;
    s.take({webhook("a"), webhook("b")});
    const std::string file = s.directory / "queue.db";
    SQLite::Database(file, SQLite::OPEN_READWRITE).exec("DELETE FROM webhooks WHERE id = 'a'");
    auto line = components::check_ledger(file).at(0);
    BOOST_TEST(!line.is_right());
    BOOST_TEST(line.text() ==
               "default: accepted 2 = delivered 0 + dead 0 + dropped 0 + queued 2 (duplicates: 0); "
               "counted: pending 2, failed 0, dead 0, bytes 40, kept 0; rows: pending 1, failed 0, "
               "dead 0, bytes 20, kept 0");
    SQLite::Database(file, SQLite::OPEN_READWRITE)
        .exec("UPDATE routes SET pending = 1, bytes = 20");
    line = components::check_ledger(file).at(0);
    BOOST_TEST(!line.is_right());
    BOOST_TEST(line.text().starts_with("default: accepted 2 IS NOT delivered 0 + "), line.text());
}

// A file that is missing, or of another version, is told.
BOOST_AUTO_TEST_CASE(no_ledger) {
    const support::temporary_directory directory;
    const auto why = [&](const char* name) -> std::string {
        try {
            components::check_ledger(directory / name);
            return "checked";
        } catch (const supe::sqlite_error& e) {
            return e.what();
        }
    };
    BOOST_TEST(why("queue.db").ends_with("queue.db: unable to open database file"));
    SQLite::Database((directory / "old.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("PRAGMA user_version = 1");
    BOOST_TEST(why("old.db").find("of version 1") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
