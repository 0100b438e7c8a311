// What waits for a disk that cannot be written is bounded by what the supervisor holds.
#include "supe/mail/journal_steps.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>

using supe::journal_step;
using kind = supe::journal_step::kind;

namespace {

journal_step step(kind what, std::uint64_t sequence, std::string text = {}) {
    journal_step s{.what = what, .sequence = sequence};
    (what == kind::keep ? s.id : s.text) = std::move(text);
    return s;
}

std::string shown(const supe::journal_steps& steps) {
    static const char* const names[] = {"put", "erase", "back", "keep", "discard"};
    std::string all;
    for (const journal_step& s : steps)
        all +=
            fmt::format("{} {} {}{};", names[static_cast<int>(s.what)], s.sequence, s.text, s.id);
    return all;
}

template <class... Steps>
std::string left(Steps... steps) {
    supe::journal_steps all;
    (all.push_back(std::move(steps)), ...);
    return shown(supe::without_pointless_steps(std::move(all)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_steps)

// Of a mail the last counters matter, and none once it is erased. Order is kept.
BOOST_AUTO_TEST_CASE(counters) {
    BOOST_TEST(left(step(kind::put_back, 1, "a"), step(kind::put_back, 2, "b"),
                    step(kind::put_back, 1, "c")) == "back 2 b;back 1 c;");
    BOOST_TEST(left(step(kind::put_back, 1, "a"), step(kind::erase, 1, "x"),
                    step(kind::put_back, 2, "b")) == "erase 1 x;back 2 b;");
}

// A letter that was discarded again is not written. One that comes again after that is.
BOOST_AUTO_TEST_CASE(letters) {
    BOOST_TEST(left(step(kind::keep, 0, "a"), step(kind::keep, 0, "b"),
                    step(kind::discard, 0, "a")) == "keep 0 b;discard 0 a;");
    BOOST_TEST(left(step(kind::keep, 0, "a"), step(kind::discard, 0, "a"),
                    step(kind::keep, 0, "a")) == "discard 0 a;keep 0 a;");
}

// A thousand dead letters one after the other, of which the oldest goes each time, leave one text.
BOOST_AUTO_TEST_CASE(bounded) {
    supe::journal_steps steps;
    for (int n = 0; n < 1000; ++n) {
        steps.push_back(step(kind::keep, 0, std::to_string(n)));
        if (n > 0) steps.push_back(step(kind::discard, 0, std::to_string(n - 1)));
    }
    steps = supe::without_pointless_steps(std::move(steps));
    BOOST_TEST(std::ranges::count(steps, kind::keep, &journal_step::what) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
