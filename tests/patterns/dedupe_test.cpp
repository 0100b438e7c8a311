// Shows what patterns::dedupe knows, also in the next life and after a line that was cut off.
#include "patterns/dedupe.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>

using namespace std::chrono_literals;

namespace {

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dedupe)

// The last ids of the window are known, in this life and in the next one; older ones are not.
BOOST_AUTO_TEST_CASE(window) {
    const support::temporary_directory place;
    for (int life = 0; life < 3; ++life) {
        patterns::dedupe seen(place / "seen", 10);
        for (int i = 0; i < 100; ++i) {
            const std::string id = std::to_string(life * 100 + i);
            BOOST_TEST(!seen.contains(id));
            seen.add(id);
            BOOST_TEST(seen.contains(id));
            BOOST_TEST(seen.size() == (life == 0 ? std::min(i + 1u, 10u) : 10u));
        }
        patterns::dedupe next(place / "seen", 10);
        for (int i = 80; i < 100; ++i)
            BOOST_TEST(next.contains(std::to_string(life * 100 + i)) == (i >= 90));
        seen = std::move(next);
    }
}

// An id is any string. One that is added twice counts once.
BOOST_AUTO_TEST_CASE(any_string) {
    const support::temporary_directory place;
    const std::set<std::string> ids{"", "two\nlines", "\"quoted\"", "\xc3\xa4",
                                    std::string("\0x", 2)};
    {
        patterns::dedupe seen(place / "seen", 10);
        for (int twice = 0; twice < 2; ++twice)
            for (const std::string& id : ids) seen.add(id);
        BOOST_TEST(seen.size() == ids.size());
    }
    const patterns::dedupe seen(place / "seen", 10);
    BOOST_TEST(seen.size() == ids.size());
    for (const std::string& id : ids) BOOST_TEST(seen.contains(id));
}

// However many come, the file has at most twice the window.
BOOST_AUTO_TEST_CASE(file_is_bounded) {
    const support::temporary_directory place;
    patterns::dedupe seen(place / "seen", 5);
    for (int i = 0; i < 1000; ++i) {
        seen.add(std::to_string(i));
        const std::string text = text_of(place / "seen");
        BOOST_TEST(std::ranges::count(text, '\n') <= 10);
    }
    BOOST_TEST(text_of(place / "seen").ends_with("\"999\"\n"));
}

// A line that a crash cut off is not known, and does not spoil the next one.
BOOST_AUTO_TEST_CASE(line_that_was_cut_off) {
    const support::temporary_directory place;
    std::ofstream(place / "seen") << "\"a\"\n\"b\"\nnoise\n\"c";
    {
        patterns::dedupe seen(place / "seen", 10);
        BOOST_TEST(seen.contains("a"));
        BOOST_TEST(seen.contains("b"));
        BOOST_TEST(seen.size() == 2u);
        seen.add("d");
    }
    BOOST_TEST(text_of(place / "seen") == "\"a\"\n\"b\"\n\"d\"\n");
}

// A place that cannot be had is an error that names it.
BOOST_AUTO_TEST_CASE(no_place) {
    const support::temporary_directory place;
    BOOST_CHECK_EXCEPTION(
        patterns::dedupe(place / "none/seen", 10), std::runtime_error, [](const auto& e) {
            return std::string(e.what()).find("none/seen: cannot write the ids: No such") !=
                   std::string::npos;
        });
}

// A component crashes between the effect of a mail and its ack: the mail comes again, and its
// effect does not.
BOOST_AUTO_TEST_CASE(effect_once) {
    const support::temporary_directory place;
    std::vector<std::string> effects;
    const auto payer = [&](supe::component& self) -> supe::awaitable<> {
        patterns::dedupe seen(place / "seen", 10);
        while (auto mail = co_await self.receive()) {
            if (!seen.contains(mail->id())) {
                effects.push_back(mail->body());
                seen.add(mail->id());
            }
            co_await self.time().sleep_for(1s);
            mail->ack();
        }
    };
    supe::simulation::world w;
    w.provide("c", payer);
    w.run(R"({"name": "t", "children": [{"name": "c", "component": "c"}]})");
    w.mail("c", "1");
    w.mail("c", "2");
    w.advance(500ms);
    BOOST_TEST(w.crash("/c"));
    w.advance(10s);
    BOOST_TEST(w.starts_of("/c") == 2u);
    BOOST_TEST(effects == (std::vector<std::string>{"1", "2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
