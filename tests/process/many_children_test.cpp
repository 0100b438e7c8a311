// A thousand children at once, and a machine without free descriptors.
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

std::vector<std::string> sleepers(int n) {
    std::vector<std::string> all;
    for (int i = 0; i < n; ++i)
        all.push_back(fmt::format(R"({{"name": "c{}", "command": ["/bin/sleep", "1000"]}})", i));
    return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(many_children, support::event_loop)

// A thousand children start, all are killed and restarted at once, and all stop: neither a process
// nor a descriptor is left.
BOOST_AUTO_TEST_CASE(a_thousand) {
    constexpr std::size_t n = 1000;
    {
        real_tree one(*this, tree_of({shell("web", "exec sleep 1000")}));
        BOOST_TEST(one.sees("web-ready"));
    }
    const std::size_t before = support::open_descriptors();
    const std::size_t memory = ::mallinfo2().uordblks;
    {
        real_tree tree(*this, tree_of(sleepers(n), R"("max_restarts": 100000)"));
        BOOST_REQUIRE(tree.sees("component-ready", n));
        BOOST_TEST_MESSAGE("a child: " << (::mallinfo2().uordblks - memory) / n << " bytes, "
                                       << double(support::open_descriptors() - before) / n
                                       << " descriptors");
        for (const supe::child* c : tree.root().children()) ::kill(c->pid(), SIGKILL);
        BOOST_REQUIRE(tree.sees("component-ready", 2 * n));
        BOOST_TEST(tree.stop(60s));
        BOOST_TEST(tree.clean());
    }
    BOOST_TEST(support::open_descriptors() == before);
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

// No descriptor is free for a restart: start-failed with EMFILE, a delay, and another try; the
// other children are not affected.
BOOST_AUTO_TEST_CASE(out_of_descriptors) {
    real_tree tree(*this, tree_of({shell("web", "exec sleep 1000",
                                         R"("backoff": {"max": "20ms"}, "max_restarts": 100000)"),
                                   shell("other", "exec sleep 1000")},
                                  R"("max_restarts": 100000)"));
    BOOST_TEST(tree.sees("other-ready"));
    const pid_t other = tree.pid("other");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit full{3, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &full);
    ::kill(tree.pid("web"), SIGKILL);
    const bool failed = tree.sees("web-start-failed", 3);
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(failed);
    BOOST_TEST(tree.last("web-start-failed").find(R"("error":{"code":"EMFILE","text":)") !=
               std::string::npos);
    BOOST_TEST(tree.sees("web-ready", 2));
    BOOST_TEST(tree.pid("other") == other);
    BOOST_TEST(tree.deaths("web").back().exit == "null");
}

BOOST_AUTO_TEST_SUITE_END()
