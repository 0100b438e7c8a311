// The important cases of OTP's supervisor_SUITE with real processes: which children keep their
// pids.
#include "tests/support/program.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

const std::string idle = "echo up; exec sleep 1000";

std::vector<std::string> three() { return {shell("a", idle), shell("b", idle), shell("c", idle)}; }

struct fixture : support::event_loop {
    /// Kills b of three. Returns which children have another pid when all are up again: as "-b-".
    std::string changed_by_crash_of_b(const std::string& strategy) {
        real_tree tree(*this, tree_of(three(), fmt::format(R"("strategy": "{}")", strategy)));
        BOOST_TEST(tree.sees("component-ready", 3));
        const std::string names = "abc";
        std::vector<pid_t> before;
        for (const char name : names) before.push_back(tree.pid(std::string(1, name)));
        ::kill(before[1], SIGKILL);
        BOOST_TEST(tree.sees("b-ready", 2));
        if (strategy != "one_for_one") BOOST_TEST(tree.sees("c-ready", 2));
        std::string changed;
        for (std::size_t i = 0; i < 3; ++i)
            changed += tree.pid(std::string(1, names[i])) == before[i] ? '-' : names[i];
        BOOST_TEST(tree.stop());
        BOOST_TEST(tree.clean());
        return changed;
    }

    support::finished run_tree(const std::string& tree) {
        const support::temporary_directory tmp;
        std::ofstream(tmp / "tree.json") << tree;
        return support::run(*this,
                            {SUPE_BINARY, "run", tmp / "tree.json", "--state", tmp / "state"});
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(otp, fixture)

// one_for_one, one_for_all, rest_for_one: which pids change when the second of three children is
// killed.
BOOST_AUTO_TEST_CASE(strategies) {
    BOOST_TEST(changed_by_crash_of_b("one_for_one") == "-b-");
    BOOST_TEST(changed_by_crash_of_b("one_for_all") == "abc");
    BOOST_TEST(changed_by_crash_of_b("rest_for_one") == "-bc");
}

// A permanent child is restarted after any end, a transient one only after a crash, a temporary one
// never: it leaves the tree.
BOOST_AUTO_TEST_CASE(restart_types) {
    const std::string calm = R"("backoff": {"first": "10s"})";
    real_tree tree(*this,
                   tree_of({shell("permanent", "exit 0", R"("restart": "permanent", )" + calm),
                            shell("done", "exit 0", R"("restart": "transient")"),
                            shell("crashing", "exit 3", R"("restart": "transient", )" + calm),
                            shell("temporary", "kill -KILL $$", R"("restart": "temporary")")}));
    BOOST_TEST(tree.sees("component-removed"));
    BOOST_TEST(tree.sees("crashing-crashed"));
    BOOST_TEST(tree.sees("permanent-shutdown"));
    BOOST_TEST(tree.sees("done-shutdown"));
    using status = supe::restarter::status;
    BOOST_TEST((tree.root().status_of(tree["permanent"]) == status::backing_off));
    BOOST_TEST((tree.root().status_of(tree["crashing"]) == status::backing_off));
    BOOST_TEST((tree.root().status_of(tree["done"]) == status::stopped));
    BOOST_TEST(tree.root().find("temporary") == nullptr);
    BOOST_TEST(tree.last("temporary-crashed")
                   .starts_with(R"({"name":"temporary","exit":{"signal":"SIGKILL","core":false})"));
}

// `clean_exits` decides what is a crash; a signal is always a crash.
BOOST_AUTO_TEST_CASE(clean_exits) {
    real_tree tree(
        *this,
        tree_of({shell("three", "exit 3", R"("restart": "transient", "clean_exits": [0, 3])"),
                 shell("nine", "kill -KILL $$",
                       R"("restart": "transient", "clean_exits": [9, 137], "max_restarts": 0)")}));
    BOOST_TEST(tree.sees("three-shutdown"));
    BOOST_TEST(tree.sees("nine-crashed"));
    BOOST_TEST(tree.count("three-crashed") == 0u);
}

// Children stop in reverse order, each only when the next one is gone.
BOOST_AUTO_TEST_CASE(stop_in_reverse) {
    const std::string slow = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done";
    real_tree tree(*this, tree_of({shell("a", slow), shell("b", slow), shell("c", slow)}));
    for (const char* up : {"[a] up", "[b] up", "[c] up"}) BOOST_TEST(tree.prints(up));
    BOOST_TEST(tree.stop());
    std::vector<std::string> byes;
    for (const auto& line : tree.lines())
        if (line.ends_with("bye")) byes.push_back(line);
    const std::vector<std::string> expected{"[c] bye", "[b] bye", "[a] bye"};
    BOOST_TEST(byes == expected, boost::test_tools::per_element());
}

// Past its limit the supervisor stops its children and fails: the root ends with 1, a nested one is
// a crash above.
BOOST_AUTO_TEST_CASE(escalation) {
    const std::string crashing =
        shell("web", "exit 3", R"("backoff": {"max": "1ms"}, "max_restarts": 100)");
    const auto root = run_tree(tree_of({crashing}, R"("max_restarts": 2)"));
    BOOST_TEST(root.code == 1);
    BOOST_TEST(
        root.output.find("more than 2 restarts within 10 s; the last was web: exit code 3") !=
            std::string::npos,
        root.output);
    const auto nested = run_tree(tree_of(
        {fmt::format(R"({{"name": "dam", "max_restarts": 2, "children": [{}]}})", crashing)},
        R"("max_restarts": 1)"));
    BOOST_TEST(nested.code == 1);
    BOOST_TEST(nested.output.find("more than 1 restarts within 10 s; the last was dam: ") !=
                   std::string::npos,
               nested.output);
}

// A first start that fails stops the children before it, in reverse, and fails the tree with the
// cause.
BOOST_AUTO_TEST_CASE(first_start_fails) {
    const auto tree =
        run_tree(tree_of({shell("a", idle), R"({"name": "b", "command": ["/nowhere/b"]})",
                          shell("c", "echo never")}));
    BOOST_TEST(tree.code == 1);
    BOOST_TEST(
        tree.output.find("child b could not be started: /nowhere/b: No such file or directory") !=
            std::string::npos,
        tree.output);
    BOOST_TEST(tree.output.find("never") == std::string::npos);
}

// SIGTERM: a stop in order, exit code 0. A second one, a second later, kills at once what ignores
// it. Further ones, up to the last moment, change nothing.
BOOST_AUTO_TEST_CASE(signals_of_the_root) {
    const support::temporary_directory tmp;
    std::ofstream(tmp / "tree.json")
        << tree_of({shell("web", "trap '' TERM INT; echo up; while :; do sleep 1000; done",
                          R"("shutdown": "100s")")});
    support::program root(*this, {SUPE_BINARY, "run", tmp / "tree.json", "--state", tmp / "state"});
    BOOST_TEST(root.prints("[web] up"));
    root.signal(SIGTERM);
    BOOST_TEST(root.prints("SIGTERM: stopping"));
    BOOST_TEST(until(
        [&] {
            root.signal(SIGTERM);
            return root.output().find("killing what is left") != std::string::npos;
        },
        20s));
    BOOST_TEST(until(
        [&] {
            root.signal(SIGTERM);
            return root.has_ended();
        },
        20s));
    BOOST_TEST(root.wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
