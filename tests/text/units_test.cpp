// Durations, sizes and points in time, as text and back.
#include "supe/text/units.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(units)

// Points in time, to the millisecond below.
BOOST_AUTO_TEST_CASE(points_in_time) {
    using std::chrono::system_clock;
    const auto text = [](std::chrono::microseconds since_1970) {
        return supe::print_utc(system_clock::time_point(since_1970));
    };
    BOOST_TEST(text(0us) == "1970-01-01T00:00:00.000Z");
    BOOST_TEST(text(1769860800s + 7ms + 999us) == "2026-01-31T12:00:00.007Z");
    BOOST_TEST(text(-1us) == "1969-12-31T23:59:59.999Z");
}

// Points in time are read as they are printed; the rest of a form may be missing, and nothing
// stands for one that is wrong.
BOOST_AUTO_TEST_CASE(read_points_in_time) {
    const auto read = [](const char* text) {
        const auto at = supe::parse_utc(text);
        return at ? supe::print_utc(*at) : "no";
    };
    BOOST_TEST(read("2026-01-31T12:00:00.007Z") == "2026-01-31T12:00:00.007Z");
    BOOST_TEST(read("2026-01-31 12:00:00.0079") == "2026-01-31T12:00:00.007Z");
    BOOST_TEST(read("2026-01-31T23:59Z") == "2026-01-31T23:59:00.000Z");
    BOOST_TEST(read("2026-01-31") == "2026-01-31T00:00:00.000Z");
    BOOST_TEST(read("1969-12-31T23:59:59.5Z") == "1969-12-31T23:59:59.500Z");
    for (const char* bad : {"", "2026-01-3", "2026-01-31Z", "2026-01-31T", "2026-01-31T12",
                            "2026-01-31T12:00:", "2026-01-31T12:00:00.Z", "2026-01-31T12:00.5Z",
                            "2026-01-31T12:00:00,5Z", "2026-02-29T12:00:00Z",
                            "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
                            "2026-01-31T12:00:00z", " 2026-01-31", "2026-01-31T12:00:00Z "})
        BOOST_TEST(read(bad) == "no", bad);
}

// Durations and sizes, both ways.
BOOST_AUTO_TEST_CASE(durations_and_sizes) {
    using supe::parse_bytes;
    using supe::parse_duration;
    BOOST_TEST((parse_duration("250ms") == 250ms && parse_duration("8s") == 8s &&
                parse_duration("5m") == 5min && parse_duration("1h") == 1h));
    BOOST_TEST((parse_duration("0") == 0ms && parse_duration("0h") == 0ms &&
                parse_duration("007s") == 7s));
    BOOST_TEST((parse_duration("87600h") == 87600h && parse_duration("3650d") == 87600h));
    for (const std::string bad : {"", "s", "8", "8S", " 8s", "8s ", "8 s", "+8s", "-8s", "1.5s",
                                  "8sec", "1h30m", "87601h", "99999999999999999999s", "0x8s"})
        BOOST_TEST(!parse_duration(bad), bad);
    BOOST_TEST((supe::print_duration(0ms) == "0ms" && supe::print_duration(1500ms) == "1500ms" &&
                supe::print_duration(60s) == "1m"));
    BOOST_TEST((supe::print_duration(90s) == "90s" && supe::print_duration(2h) == "2h" &&
                supe::print_duration(25h) == "25h" && supe::print_duration(48h) == "2d"));
    BOOST_TEST((parse_bytes("0") == 0u && parse_bytes("512") == 512u &&
                parse_bytes("512B") == 512u && parse_bytes("64KiB") == 65536u));
    BOOST_TEST((parse_bytes("10GiB") == std::size_t(10) << 30 &&
                parse_bytes("1024TiB") == std::size_t(1) << 50));
    for (const std::string bad : {"", "B", "1KB", "1kib", "1 KiB", "-1B", "1.5MiB", "1025TiB",
                                  "1125899906842625", "99999999999999999999"})
        BOOST_TEST(!parse_bytes(bad), bad);
    BOOST_TEST((supe::print_bytes(1536) == "1536B" && supe::print_bytes(3 << 20) == "3MiB"));
}

BOOST_AUTO_TEST_SUITE_END()
