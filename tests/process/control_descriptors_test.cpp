// Shows what the control socket does where descriptors or memory are short: who is served, who
// makes room, and that each of them is told. Virtual time, real sockets.
#include "tests/support/control_caller.hpp"
#include "tests/support/few_descriptors.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <vector>

using namespace std::chrono_literals;
using support::control_caller;
using support::control_counter;

namespace {

constexpr const char* request = R"({"do":"status","address":"web"})";
constexpr const char* made_room =
    "{\"error\":\"another client needed this connection, on which nothing had come for longest; "
    "try again\",\"code\":1}\n";
constexpr const char* no_descriptor =
    "{\"error\":\"the supervisor has no descriptor left for another client; try "
    "again\",\"code\":1}\n";

/// It sends its request before the server sees the connection.
control_caller at_once(control_counter& c) {
    control_caller one(c.state.path());
    BOOST_REQUIRE(one.connected());
    one.say(std::string(request) + "\n");
    return one;
}

/// Leaves room for so many bytes of further memory.
class little_memory {
public:
    explicit little_memory(rlim_t bytes) {
        ::malloc_trim(0);
        ::getrlimit(RLIMIT_AS, &before_);
        rlim_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlimit lowered{pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + bytes,
                             before_.rlim_max};
        ::setrlimit(RLIMIT_AS, &lowered);
    }
    ~little_memory() { ::setrlimit(RLIMIT_AS, &before_); }
    little_memory(const little_memory&) = delete;

private:
    rlimit before_{};
};

bool is_served(control_caller& c) {
    return c.received().find(R"("state":"running")") != std::string::npos;
}

auto open_ones(std::vector<control_caller>& all) {
    return std::ranges::count_if(all, [](control_caller& s) { return !s.closed(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_descriptors)

// Where no descriptor is left for a connection, the one that has been silent for longest makes
// room, and is told so.
BOOST_AUTO_TEST_CASE(silence_keeps_no_descriptor) {
    control_counter c;
    std::vector<control_caller> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(c.call());
    const support::few_descriptors limit(1);  // for the client
    control_caller asker = c.call(request);
    BOOST_TEST(is_served(asker));
    BOOST_TEST(silent.front().received() == made_room);
    BOOST_TEST(silent.front().closed());
    BOOST_TEST(!silent.back().closed());
}

// Nobody makes room while nobody needs it, though no descriptor is left.
BOOST_AUTO_TEST_CASE(nobody_waits) {
    control_counter c;
    control_caller silent = c.call();
    const support::few_descriptors limit(2);  // for the last one
    control_caller last = c.call();
    c.world.advance(2s);
    BOOST_TEST(!silent.closed());
    BOOST_TEST(!last.closed());
}

// A process with few descriptors allows fewer silent connections: the others are for children.
BOOST_AUTO_TEST_CASE(silence_with_few_descriptors) {
    const support::few_descriptors limit(80);
    control_counter c;
    std::vector<control_caller> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(c.call());
    const auto open = open_ones(silent);
    BOOST_TEST(open >= 10);  // an eighth of 80 and of those that were open before
    BOOST_TEST(open < 20);
    BOOST_TEST(c.serves());
}

// Where few descriptors are left in all, silent connections leave them for the start of a child.
// One that has just come is not silent yet.
BOOST_AUTO_TEST_CASE(silence_keeps_no_child_down) {
    control_counter c;
    const support::few_descriptors limit(21);
    std::vector<control_caller> silent;
    for (int i = 0; i < 6; ++i) silent.push_back(c.call());
    BOOST_TEST(open_ones(silent) == 6);
    c.world.advance(2s);
    BOOST_TEST(c.serves());
    BOOST_TEST(open_ones(silent) == 1);  // 21 less the 7 of the clients, and 12 for a start
    BOOST_TEST(silent.front().received() == made_room);
}

// A client whose request has come is not silent, though the server has not read it yet.
BOOST_AUTO_TEST_CASE(unread_requests) {
    supe::control::server_limits limits;
    limits.silent = 1;
    control_counter c(limits);
    std::vector<control_caller> askers;
    for (int i = 0; i < 5; ++i) askers.push_back(at_once(c));
    c.world.run_ready();
    for (control_caller& one : askers) BOOST_TEST(is_served(one), one.received());
}

// Where nothing is free and nobody is silent, each client is told so, and the next one that finds a
// descriptor is served.
BOOST_AUTO_TEST_CASE(nothing_is_free) {
    control_counter c;
    {
        const support::few_descriptors limit(2);  // for the clients
        control_caller first = at_once(c), second = at_once(c);
        c.world.run_ready();
        for (control_caller* const one : {&first, &second}) {
            BOOST_TEST(one->received() == no_descriptor);
            BOOST_TEST(one->closed());
        }
    }
    BOOST_TEST(c.serves());
}

// A request for which there is no memory is answered, and the next one is served.
BOOST_AUTO_TEST_CASE(no_memory) {
    control_counter c;
    control_caller large = c.call();
    {
        const little_memory limit(4u << 20);
        const std::string piece(10'000, 'x');
        for (std::size_t said = 0; said < (16u << 20) && !large.closed(); c.world.run_ready())
            said += large.say(piece);
    }
    BOOST_TEST(large.received() ==
               "{\"error\":\"the request failed: no memory is left for it\",\"code\":1}\n");
    BOOST_TEST(c.serves());
}

BOOST_AUTO_TEST_SUITE_END()
