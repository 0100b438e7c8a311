// Shows what a power cut leaves: all that was synced, and of the rest nothing, or any part.
#include "tests/support/disk_model.hpp"
#include "tests/support/power_cut/record.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <set>

using model = support::disk_model;
using files = model::files;
using enum support::disk_model::damage;

namespace {

/// Always the last of the possible.
std::uint64_t highest(std::uint64_t n) { return n - 1; }

model::dice seeded(std::uint64_t seed) {
    return [dice = std::mt19937_64(seed)](std::uint64_t n) mutable { return dice() % n; };
}

std::string record_of(power_cut::change what, const std::string& path, std::uint64_t at = 0,
                      const std::string& data = {}) {
    const power_cut::record head{what, static_cast<std::uint32_t>(path.size()),
                                 static_cast<std::uint32_t>(data.size()), 0, at};
    return std::string(reinterpret_cast<const char*>(&head), sizeof head) + path + data;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(disk_model)

// Programs see all that they wrote; a cut leaves what was synced.
BOOST_AUTO_TEST_CASE(unsynced_bytes_are_lost) {
    model disk;
    disk.write("/d/a", 0, "hello");
    disk.sync("/d/a");
    disk.write("/d/a", 5, " world");
    disk.write("/d/a", 0, "J");
    BOOST_TEST((disk.now() == files{{"/d/a", "Jello world"}}));
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", "hello"}}));
    disk.sync("/d/a");
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", "Jello world"}}));
    disk.truncate("/d/a", 2);
    BOOST_TEST((disk.now() == files{{"/d/a", "Je"}}));
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", "Jello world"}}));
}

// What a failed sync was to save is never saved, though programs see it: but what is written again.
BOOST_AUTO_TEST_CASE(failed_syncs) {
    model disk;
    disk.write("/d/a", 0, "hello");
    disk.sync("/d/a");
    disk.write("/d/a", 0, "Jello world");
    disk.fail_sync("/d/a");
    BOOST_TEST((disk.now() == files{{"/d/a", "Jello world"}}));
    disk.write("/d/a", 8, "RL");
    disk.sync("/d/a");
    BOOST_TEST((disk.now() == files{{"/d/a", "Jello woRLd"}}));
    BOOST_TEST(
        (disk.after_cut(lost, highest) == files{{"/d/a", std::string("hello\0\0\0RL", 10)}}));
    BOOST_TEST((disk.after_cut(torn, highest) == disk.after_cut(lost, highest)));
}

// A gap is zeros.
BOOST_AUTO_TEST_CASE(gaps) {
    model disk;
    disk.write("/d/a", 3, "x");
    BOOST_TEST((disk.now() == files{{"/d/a", std::string("\0\0\0x", 4)}}));
}

// A new file is gone until it or its directory is synced; its bytes need their own sync.
BOOST_AUTO_TEST_CASE(names) {
    model disk;
    disk.create("/d/a");
    disk.write("/d/a", 0, "a");
    BOOST_TEST(disk.after_cut(lost, highest).empty());
    disk.sync("/d");
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", ""}}));
    disk.remove("/d/a");
    BOOST_TEST(disk.now().empty());
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", ""}}));
    disk.sync("/other");
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", ""}}));
    disk.sync("/d");
    BOOST_TEST(disk.after_cut(lost, highest).empty());
}

// The usual way to replace a file: at every moment the old or the new one is there, whole.
BOOST_AUTO_TEST_CASE(replacement) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        model disk(files{{"/d/a", "old"}});
        disk.write("/d/a.new", 0, "new");
        disk.sync("/d/a.new");
        disk.rename("/d/a.new", "/d/a");
        const auto left = disk.after_cut(torn, seeded(seed));
        BOOST_TEST_INFO("seed " << seed);
        BOOST_TEST((left == files{{"/d/a", "old"}, {"/d/a.new", "new"}} ||
                    left == files{{"/d/a", "new"}}));
        disk.sync("/d");
        BOOST_TEST((disk.after_cut(torn, seeded(seed)) == files{{"/d/a", "new"}}));
    }
}

// Torn: some sectors of a write are there and others not, later writes perhaps without earlier
// ones; what was synced stays.
BOOST_AUTO_TEST_CASE(torn_writes) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        model disk(files{{"/d/a", std::string(2048, 'o')}});
        disk.write("/d/a", 256, std::string(1024, 'n'));
        const std::string left = disk.after_cut(torn, seeded(seed)).at("/d/a");
        BOOST_TEST(left.size() == 2048u);
        BOOST_TEST((left.substr(0, 256) == std::string(256, 'o')));
        BOOST_TEST((left.substr(1280) == std::string(768, 'o')));
        seen.insert({left[256], left[512], left[1024]});
    }
    BOOST_TEST(seen.size() == 8u);
    model disk;
    disk.write("/d/a", 0, "1");
    disk.write("/d/a", 1, "2");
    disk.sync("/d");
    bool later_alone = false;
    for (std::uint64_t seed = 0; seed < 100; ++seed)
        later_alone |= disk.after_cut(torn, seeded(seed)).at("/d/a") == std::string(
                                                                            "\0"
                                                                            "2",
                                                                            2);
    BOOST_TEST(later_alone);
}

// The records of the shim, the last of them cut off.
BOOST_AUTO_TEST_CASE(records) {
    using power_cut::change;
    model disk;
    const std::string all =
        record_of(change::create, "/d/a") + record_of(change::write, "/d/a", 0, "hello") +
        record_of(change::sync, "/d/a") + record_of(change::rename, "/d/a", 0, "/d/b") +
        record_of(change::truncate, "/d/b", 1) + record_of(change::create, "/d/c") +
        record_of(change::remove, "/d/c");
    const std::string last = record_of(change::write, "/d/b", 1, "oho");
    play_records(disk, all + last.substr(0, last.size() - 1));
    BOOST_TEST((disk.now() == files{{"/d/b", "h"}}));
    BOOST_TEST((disk.after_cut(lost, highest) == files{{"/d/a", "hello"}}));
}

BOOST_AUTO_TEST_SUITE_END()
