// Shows what becomes of the queue whose file, or the log beside it, is deleted or moved under it:
// it acknowledges no webhook that the next life would not find, and delivers what it has. The
// decisions on a real SQLite file, and the component in virtual time.
#include "tests/components/queue/logic_scene.hpp"
#include "tests/components/queue/queue_world.hpp"

using namespace queue_tests;

namespace {

namespace fs = std::filesystem;

struct losing : scene {
    fs::path file = directory / "queue.db", log = directory / "queue.db-wal",
             aside = directory / "aside";

    std::string refusal(const fs::path& lost) {
        return lost.string() + " was deleted, moved or replaced under the running queue";
    }
    /// As the metrics say: `writable`, or why no webhook is taken.
    std::string says() {
        const auto all = boost::json::parse(take({R"({"metrics":true})"}).at(0));
        const std::string refuses(all.at("refuses").as_string());
        BOOST_TEST(all.at("writable").as_bool() == refuses.empty());
        return refuses.empty() ? "writable" : refuses;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lost_file)

// New ones are refused, results are not; the metrics say both. Back in its place it takes webhooks.
BOOST_AUTO_TEST_CASE(moved_and_back) {
    losing s;
    same(s.take({webhook("a"), webhook("b")}), {"done", "done"});
    BOOST_TEST(s.says() == "writable");
    fs::rename(s.file, s.aside);
    same(s.take({webhook("c")}), {s.refusal(s.file)});
    BOOST_TEST(s.says() == s.refusal(s.file));
    same(s.mark_delivery(), {"a/1", "b/1"});
    same(s.take({result("a", 1, 200)}), {"done"});
    BOOST_TEST(s.counts() == "1 pending, 0 failed, 0 dead, 1 handed");
    BOOST_TEST(!s.logic->may_begin_anew());
    fs::rename(s.aside, s.file);
    BOOST_TEST(s.says() == "writable");
    same(s.take({webhook("c")}), {"done"});
    s.open();
    same(s.mark_delivery(), {"b/1", "c/1"});
}

// A copy at its place is another file.
BOOST_AUTO_TEST_CASE(replaced) {
    losing s;
    fs::rename(s.file, s.aside);
    fs::copy_file(s.aside, s.file);
    same(s.take({webhook("a")}), {s.refusal(s.file)});
}

// Deleted: it may begin anew once all is delivered, and nothing waits for an operator.
BOOST_AUTO_TEST_CASE(deleted) {
    losing s;
    s.take({webhook("a"), webhook("b")});
    BOOST_TEST(!s.logic->may_begin_anew());
    fs::remove(s.file);
    s.mark_delivery();
    s.take({result("a", 1, 200)});
    for (unsigned n = 1; n <= 5; ++n) s.take({result("b", n, 404)});
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 1 dead, 0 handed");
    BOOST_TEST(!s.logic->may_begin_anew());
    s.take({R"({"webhooks":{"what":"drop","id":"b"}})"});
    BOOST_TEST(s.logic->may_begin_anew());
}

// The log alone: no webhook is taken, and what is in the log comes into the file, so that the next
// life has it.
BOOST_AUTO_TEST_CASE(without_its_log) {
    losing s;
    s.take({webhook("a")});
    fs::remove(s.log);
    same(s.take({webhook("b")}), {s.refusal(s.log)});
    BOOST_TEST(s.logic->may_begin_anew());
    s.open();
    same(s.mark_delivery(), {"a/1"});
    same(s.take({webhook("b")}), {"done"});
}

// Nothing that is kept goes before its time because no disk can be asked.
BOOST_AUTO_TEST_CASE(what_is_kept) {
    losing s;
    s.limits.keep_delivered = 3600s;
    s.open();
    s.take({webhook("a")});
    s.mark_delivery();
    s.take({result("a", 1, 200)});
    s.free = 0;
    fs::rename(s.file, s.aside);
    BOOST_TEST(!s.logic->forget_delivered(s.now));
    fs::rename(s.aside, s.file);
    BOOST_TEST(s.logic->forget_delivered(s.now));
}

// The whole way: what was acknowledged arrives, what comes meanwhile is refused, and the next life
// has a new file.
BOOST_AUTO_TEST_CASE(until_all_is_delivered) {
    queue_world s;
    s.holds = {"forwarder"};
    s.run();
    s.send("a");
    s.w.advance(2s);
    BOOST_TEST(s.kept.contains("a"));
    fs::rename(s.directory / "queue.db", s.directory / "aside");
    fs::remove(s.directory / "queue.db-wal");
    s.send("b");
    s.w.advance(2s);
    BOOST_TEST(!s.kept.contains("b"));
    BOOST_TEST(s.refused == 1u);
    BOOST_TEST(!fs::exists(s.directory / "queue.db"));
    s.holds.clear();
    s.w.advance(5s);
    BOOST_TEST(s.delivered["a"] == 1);
    BOOST_TEST(fs::exists(s.directory / "queue.db"));
    BOOST_TEST(s.w.count("component-crashed") == 1u);
    s.send("c");
    s.w.advance(2s);
    BOOST_TEST(s.kept.contains("c"));
    BOOST_TEST(s.delivered["c"] == 1);
}

// One that has no name any more cannot be moved back: it is saved again, with all that it has, and
// the next life goes on with that.
BOOST_AUTO_TEST_CASE(saved_again) {
    queue_world s;
    s.holds = {"forwarder"};
    s.run();
    s.send("a");
    s.w.advance(2s);
    BOOST_TEST(s.kept.contains("a"));
    fs::remove(s.directory / "queue.db");
    s.send("b");
    s.w.advance(5s);
    BOOST_TEST(fs::exists(s.directory / "queue.db"));
    BOOST_TEST(!fs::exists(s.directory / "queue.db.copy"));
    BOOST_TEST(s.w.count("component-crashed") == 1u);
    s.send("c");
    s.holds.clear();
    s.w.advance(40s);
    BOOST_TEST(s.delivered["a"] >= 1);  // it was on its way when the queue ended
    BOOST_TEST(s.delivered["c"] == 1);
}

// Step by step, with what is committed meanwhile; a copy that is given up leaves nothing.
BOOST_AUTO_TEST_CASE(copied_in_steps) {
    losing s;
    for (int n = 0; n < 9; ++n) s.take({webhook(fmt::format("w{}", n), 1 << 20)});
    BOOST_TEST(!s.store->copy_of_deleted());
    fs::remove(s.file);
    {
        const auto given_up = s.store->copy_of_deleted();
        BOOST_REQUIRE(given_up);
        BOOST_TEST(given_up->step());
    }
    BOOST_TEST(!fs::exists(s.file.string() + ".copy"));
    const auto copy = s.store->copy_of_deleted();
    BOOST_TEST(copy->step());
    s.mark_delivery();
    s.take({result("w0", 1, 200)});
    while (copy->step()) {}
    copy->put_in_place();
    s.open();
    BOOST_TEST(s.counts() == "8 pending, 0 failed, 0 dead, 0 handed");
    BOOST_TEST(s.store->counts().delivered == 1u);
}

// A file that comes back where another one had begun is not read through the log of that one.
BOOST_AUTO_TEST_CASE(moved_back_over_another) {
    losing s;
    s.take({webhook("a")});
    BOOST_TEST(s.store->make_room());
    fs::rename(s.file, s.aside);
    s.open();
    same(s.take({webhook("b")}), {"done"});
    s.mark_delivery();
    s.take({result("b", 1, 200)});
    fs::rename(s.aside, s.file);
    BOOST_TEST(s.logic->look_for_file() == s.refusal(s.file));
    BOOST_TEST(s.logic->may_begin_anew());
    s.store->leave_file();
    s.open();
    same(s.mark_delivery(), {"a/1"});
}

BOOST_AUTO_TEST_SUITE_END()
