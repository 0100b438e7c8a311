// Shows that a rate of deliveries holds over the lives of the forwarder.
#include "components/forwarder/start_rate.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace {

struct scene {
    support::temporary_directory directory{support::in_memory()};
    support::virtual_loop loop;
    std::filesystem::path file = directory / "forwarder.rate";

    components::start_rate life(patterns::rate_limiter::settings limit = {.count = 10,
                                                                          .period = 1h}) {
        return components::start_rate(limit, loop.time(), file);
    }
    static int started(components::start_rate& rate) {
        int n = 0;
        while (n < 1000 && rate.take() == 0s) ++n;
        return n;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(start_rate)

// Each life goes on where the last one was, whether it ended or was killed.
BOOST_AUTO_TEST_CASE(over_lives) {
    scene s;
    auto first = s.life();
    BOOST_TEST(first.is_full());
    BOOST_TEST(s.started(first) == 10);
    BOOST_TEST(!first.is_full());
    s.loop.advance(12min);
    auto second = s.life();
    BOOST_TEST(s.started(second) == 2);
    s.loop.advance(1h);
    BOOST_TEST(second.is_full());
    auto third = s.life();
    BOOST_TEST(third.is_full());
    BOOST_TEST(s.started(third) == 10);
}

// A clock that was set, or a file that is none of ours, holds nothing up for longer than an empty
// bucket would.
BOOST_AUTO_TEST_CASE(odd_files) {
    for (const char* text : {"", "rubbish", "99999999999999999", "-5", "9e99"}) {
        scene s;
        support::write_file(s.file, text);
        auto rate = s.life();
        s.loop.advance(1h);
        BOOST_TEST(s.started(rate) == 10, text);
    }
}

// A high rate is written once a second at most.
BOOST_AUTO_TEST_CASE(written_seldom) {
    scene s;
    auto rate = s.life({.count = 1000, .period = 1s});
    rate.take();
    const std::string once = support::read_file(s.file);
    BOOST_TEST(!once.empty());
    s.loop.advance(500ms);
    rate.take();
    BOOST_TEST(support::read_file(s.file) == once);
    s.loop.advance(500ms);
    rate.take();
    BOOST_TEST(support::read_file(s.file) != once);
}

// No rate: anything goes, and there is no file.
BOOST_AUTO_TEST_CASE(without_a_rate) {
    scene s;
    components::start_rate rate(std::nullopt, s.loop.time(), s.file);
    BOOST_TEST(s.started(rate) == 1000);
    BOOST_TEST(rate.is_full());
    BOOST_TEST(!std::filesystem::exists(s.file));
}

BOOST_AUTO_TEST_SUITE_END()
