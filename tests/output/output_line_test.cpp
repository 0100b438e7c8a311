// Shows a line as text and as JSON, and the address of a line that comes through a nested
// supervisor (contract §6).
#include "supe/output/output_line.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using namespace supe;
using namespace std::chrono_literals;

namespace {

std::string text(std::string_view label, std::string_view line, colours shown = colours::off) {
    std::string out;
    append_text_line(out, label, line, shown);
    return out;
}

std::string json(std::string_view line) {
    std::string out;
    append_json_line(out, "2026-01-31T12:00:00.000Z", "/web", stream::err, line);
    return out;
}

std::string split(std::string_view line, std::string_view nested) {
    const auto [address, rest] = split_label(line, nested);
    return std::string(address) + "|" + std::string(rest);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(output_line)

// The plain name of a child of the root, the address below, `supe` for the root's own log.
BOOST_AUTO_TEST_CASE(labels) {
    BOOST_TEST(label_of("/web") == "web");
    BOOST_TEST(label_of("/dam/queue") == "/dam/queue");
    BOOST_TEST(label_of("/") == "supe");
}

// As text: the label and the line, nothing else; bytes that are not UTF-8 stay as they are.
BOOST_AUTO_TEST_CASE(text_is_kept_byte_for_byte) {
    BOOST_TEST(text("web", "a\xff \tb\r") == "[web] a\xff \tb\r\n");
    BOOST_TEST(text("web", "") == "[web] \n");
    BOOST_TEST(text("web", "x", colours::on).starts_with("\x1b[3"));
    BOOST_TEST(text("web", "x", colours::on).ends_with("m[web]\x1b[0m x\n"));
    BOOST_TEST(text("web", "x", colours::on) == text("web", "x", colours::on));
}

// As JSON: one object whatever the child prints, with exactly four members in their order.
BOOST_AUTO_TEST_CASE(json_escapes_what_it_must) {
    BOOST_TEST(json("hi") ==
               "{\"at\":\"2026-01-31T12:00:00.000Z\",\"address\":\"/"
               "web\",\"stream\":\"stderr\",\"line\":\"hi\"}\n");
    BOOST_TEST(json("a\xff\xfe\"\\\x1b[0m\xc3\xa4")
                   .ends_with("\"line\":\"a\\\\xff\\\\xfe\\\"\\\\\\u001b[0m\xc3\xa4\"}\n"));
    for (int c = 0; c < 256; ++c) {
        const std::string line = json(std::string("x") + static_cast<char>(c));
        BOOST_TEST(boost::json::parse(line).at("line").as_string().size() >= 2u);
    }
}

// A nested supervisor labels the lines that it passes on. A line without a label at or below its
// address is its own.
BOOST_AUTO_TEST_CASE(label_of_a_nested_line) {
    BOOST_TEST(split("[/dam/queue] a [b] c", "/dam") == "/dam/queue|a [b] c");
    BOOST_TEST(split("[/dam] failed", "/dam") == "/dam|failed");
    BOOST_TEST(split("[/dam/queue] ", "/dam") == "/dam/queue|");
    for (const char* own : {"terminate called", "[/damp/x] y", "[/other] y", "[/dam/x]y",
                            "[/dam/x]", "[", "", "[web] x"})
        BOOST_TEST(split(own, "/dam") == "/dam|" + std::string(own));
}

// Times are UTC to the millisecond, also for the same time twice.
BOOST_AUTO_TEST_CASE(times) {
    utc_text stamp;
    const auto t = std::chrono::system_clock::from_time_t(1767225600) + 5ms;
    BOOST_TEST(stamp.of(t) == "2026-01-01T00:00:00.005Z");
    BOOST_TEST(stamp.of(t) == "2026-01-01T00:00:00.005Z");
    BOOST_TEST(stamp.of(t + 1s) == "2026-01-01T00:00:01.005Z");
}

BOOST_AUTO_TEST_SUITE_END()
