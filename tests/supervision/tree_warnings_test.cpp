// What a tree file allows and may not be meant.
#include "supe/supervision/tree_warnings.hpp"

#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace {

std::string warnings(const std::string& children, const std::string& members = "") {
    const auto tree = supe::parse_tree(
        fmt::format(R"({{"name": "t", {}"children": [{}]}})", members, children), "t", "/");
    return fmt::format("{}", fmt::join(supe::warnings_of(tree), "\n"));
}

std::string child(const std::string& members, const std::string& name = "a") {
    return fmt::format(R"({{"name": "{}", "command": ["x"]{}{}}})", name,
                       members.empty() ? "" : ", ", members);
}

supe::backoff_spec delays(supe::milliseconds first, supe::milliseconds max) {
    supe::backoff_spec b;
    b.first = first;
    b.max = max;
    b.jitter = 0;
    return b;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tree_warnings)

// The defaults give no warning, with any number of children, below a nested supervisor, on demand.
BOOST_AUTO_TEST_CASE(defaults_are_well) {
    BOOST_TEST(warnings(child("")) == "");
    BOOST_TEST(warnings(child(R"("instances": 50)") + "," + child(R"("demand": true)", "b") +
                        R"(, {"name": "n", "children": [)" + child(R"("restart": "temporary")") +
                        "]}") == "");
    BOOST_TEST(warnings("") == "");
    BOOST_TEST(warnings("", R"("max_restarts": 5,)") == "");  // children come with `supe add`
}

// The most restarts are those with the shortest delays: their growth, and what the jitter takes
// off.
BOOST_AUTO_TEST_CASE(restarts_within_a_window) {
    BOOST_TEST(supe::most_restarts(delays(0ms, 0ms), 1s, 1000) == 1000u);
    BOOST_TEST(supe::most_restarts(delays(1s, 1s), 10s, 1000) == 10u);
    // 0, 100, 200 … 3,200 ms are 6.3 s; the next one is 6.4 s
    BOOST_TEST(supe::most_restarts(delays(0ms, 30s), 10s, 1000) == 7u);
    auto jittered = delays(1s, 1s);
    jittered.jitter = 0.5;
    BOOST_TEST(supe::most_restarts(jittered, 10s, 1000) == 20u);
}

// A run of `reset_after` makes the delays begin anew: where it is shorter than they are, more
// restarts fit.
BOOST_AUTO_TEST_CASE(runs_that_reset_the_delay) {
    auto b = delays(1s, 1h);
    b.factor = 10;  // 1 s, 10 s, 100 s …
    BOOST_TEST(supe::most_restarts(b, 60s, 1000) == 2u);
    b.reset_after = 9s;  // five runs of 9 s, and delays of 1 s six times
    BOOST_TEST(supe::most_restarts(b, 60s, 1000) == 6u);
    b.reset_after = 0s;
    BOOST_TEST(supe::most_restarts(b, 60s, 1000) == 60u);
}

// A child's limit that its delays, or its supervisor's limit, keep from being passed.
BOOST_AUTO_TEST_CASE(never_passed) {
    BOOST_TEST(warnings(child(R"("backoff": {"first": "10s"})")) ==
               "/a: max_restarts 10 within 1m can never be passed, and it is restarted for ever: "
               "its delays (backoff) allow at most 4 crashes in that time");
    BOOST_TEST(warnings(child(R"("backoff": {"first": "10s"}, "max_restarts": 3)")) == "");
    BOOST_TEST(warnings(child(R"("max_restarts": 10, "within": "5s", "backoff": {"max": "0s"})"),
                        R"("max_restarts": 10,)") ==
               "/a: max_restarts 10 within 5s can never be passed: its supervisor fails first "
               "(max_restarts 10 within 10s)");
    BOOST_TEST(warnings(child(R"("max_restarts": 9, "within": "5s", "backoff": {"max": "0s"})"),
                        R"("max_restarts": 10,)") == "");
}

// A supervisor's limit that the file states.
BOOST_AUTO_TEST_CASE(never_passed_by_all) {
    BOOST_TEST(warnings(child("") + "," + child("", "b"), R"("max_restarts": 20,)") ==
               "/: max_restarts 20 within 10s can never be passed: the delays of its children "
               "(backoff) allow at most 16 crashes in that time");
    BOOST_TEST(warnings(child(R"("instances": 3)"), R"("max_restarts": 20,)") == "");
    BOOST_TEST(warnings(R"({"name": "n", "max_restarts": 3, "children": [)" +
                        child(R"("restart": "temporary")") + "]}") ==
               "/n: max_restarts 3 within 10s can never be passed: the delays of its children "
               "(backoff) allow at most 0 crashes in that time");
}

// Limits that the first crash passes.
BOOST_AUTO_TEST_CASE(passed_at_once) {
    BOOST_TEST(warnings(child(""), R"("max_restarts": 0,)") ==
               "/: max_restarts 0: the first crash of a child ends this supervisor");
    BOOST_TEST(warnings(child(R"("max_restarts": 0)")) ==
               "/a: max_restarts 0: its first crash passes this limit");
}

BOOST_AUTO_TEST_CASE(fields_without_effect) {
    BOOST_TEST(warnings(child(R"("retry_after": "1m")")) ==
               "/a: retry_after has no effect: on_excessive is not retry");
    BOOST_TEST(warnings(child(R"("retry_after": "1m", "on_excessive": "retry")")) == "");
    BOOST_TEST(warnings(child(R"("restart": "temporary", "on_excessive": "escalate")")) ==
               "/a: max_restarts, within and on_excessive have no effect: a temporary child is "
               "never restarted");
    BOOST_TEST(warnings(child(R"("restart": "temporary", "demand": true)")) ==
               "/a: demand with restart temporary: its first crash takes it out of the tree, and "
               "its waiting mail to the dead letters");
}

BOOST_AUTO_TEST_CASE(directories) {
    BOOST_TEST(warnings(child(R"("directory": "/no/such")")) ==
               R"(/a: directory "/no/such" is not there)");
    BOOST_TEST(warnings(child(R"("log": {"file": "/no/such/a.log"})")) ==
               R"(/a: the directory of its log "/no/such" is not there)");
    BOOST_TEST(warnings(R"({"name": "n", "children": [)" + child(R"("directory": "/dev/null")") +
                        "]}") == R"(/n/a: directory "/dev/null" is no directory)");
}

// A limit on everything.
BOOST_AUTO_TEST_CASE(not_too_many) {
    std::string children;
    for (int i = 0; i < 60; ++i)
        children += (i ? "," : "") + child(R"("max_restarts": 0)", fmt::format("c{}", i));
    const std::string all = warnings(children);
    BOOST_TEST(std::count(all.begin(), all.end(), '\n') == 50);
    BOOST_TEST(all.ends_with("\nand 10 warnings more"));
}

BOOST_AUTO_TEST_SUITE_END()
