// Shows which points in time the command line takes.
#include "components/command_line/moment.hpp"

#include "supe/text/units.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(moment)

BOOST_AUTO_TEST_CASE(given) {
    const std::chrono::system_clock::time_point now{std::chrono::seconds(1700000000)};
    const auto read = [&](const char* text) {
        const auto at = components::parse_moment(text, now);
        return at ? supe::print_utc(*at) : "no";
    };
    BOOST_TEST(read("2h") == "2023-11-14T20:13:20.000Z");
    BOOST_TEST(read("3d") == "2023-11-11T22:13:20.000Z");
    BOOST_TEST(read("2026-01-31") == "2026-01-31T00:00:00.000Z");
    BOOST_TEST(read("2026-01-31T12:05") == "2026-01-31T12:05:00.000Z");
    BOOST_TEST(read("2026-01-31 12:05:07") == "2026-01-31T12:05:07.000Z");
    BOOST_TEST(read("2026-01-31T12:05:07.250Z") == "2026-01-31T12:05:07.250Z");
    BOOST_TEST(read("2026-01-31T12:05:07.5Z") == "2026-01-31T12:05:07.500Z");  // as providers write
    for (const char* text : {"", "now", "2026", "2026-13-01", "2026-02-30", "2026-01-31T",
                             "2026-01-31T25:00", "2026-01-31T12:60", "2026-01-31T12:05.5",
                             "2026-01-31T12:05Zulu", "2026-01-31T12:05+01:00", "-2h", "2026-1-31"})
        BOOST_TEST(read(text) == "no", text);
    // Where the system's clock has no room for them.
    const auto ms = [&](const std::string& text) {
        return components::parse_moment(text, now)->time_since_epoch().count();
    };
    BOOST_TEST(ms("9999-12-31T23:59:59.999Z") == 253402300799999);
    BOOST_TEST(ms("0001-01-01") == -62135596800000);
}

BOOST_AUTO_TEST_SUITE_END()
