// The room that the queue keeps for a full disk: a real file with real blocks, given up once.
#include "components/queue/disk_ballast.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/stat.h>
#include <boost/test/unit_test.hpp>

namespace {

/// Bytes that the file takes on the disk; 0 where there is none.
std::uint64_t taken_by(const std::filesystem::path& file) {
    struct stat s{};
    return ::stat(file.c_str(), &s) == 0 ? static_cast<std::uint64_t>(s.st_blocks) * 512 : 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(disk_ballast)

BOOST_AUTO_TEST_CASE(kept_and_given_up) {
    const support::temporary_directory directory;
    const auto file = directory / "queue.db.ballast";
    components::disk_ballast ballast(file);
    BOOST_TEST(!ballast.give_up());
    ballast.keep(4 * components::disk_ballast::size - 1);  // too little is left for that
    BOOST_TEST(taken_by(file) == 0u);
    ballast.keep(4 * components::disk_ballast::size);
    BOOST_TEST(taken_by(file) >= components::disk_ballast::size);
    components::disk_ballast of_the_next_life(file);
    BOOST_TEST(of_the_next_life.give_up());
    BOOST_TEST(taken_by(file) == 0u);
    BOOST_TEST(!of_the_next_life.give_up());
    of_the_next_life.keep(4 * components::disk_ballast::size);
    BOOST_TEST(taken_by(file) >= components::disk_ballast::size);
}

// Where the file cannot be made there is no second try for each batch.
BOOST_AUTO_TEST_CASE(not_to_be_had) {
    components::disk_ballast ballast("/no/such/directory/ballast");
    ballast.keep(~0ull);
    BOOST_TEST(!ballast.give_up());
}

BOOST_AUTO_TEST_SUITE_END()
