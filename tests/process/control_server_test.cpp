// Shows that the control socket serves operators, whatever other clients connect to it. Virtual
// time, real sockets.
#include "tests/support/control_caller.hpp"
#include "tests/support/files.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;
using supe::control::server_limits;
using support::control_caller;
using support::control_counter;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        all.push_back(text.substr(at, end - at));
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_server)

// The socket exists as soon as the server does, for this user alone. A stale one is replaced, and
// no other file is left.
BOOST_AUTO_TEST_CASE(the_socket) {
    support::player_world world(support::control_tree);
    const support::temporary_directory state;
    const fs::path socket = state.path() / "control.sock";
    for (int i = 0; i < 2; ++i) {
        support::write_file(socket, "stale");
        support::write_file(state.path() / "control.sock.new", "stale");
        const supe::control::server server(world.root(), state.path());
        struct stat found{};
        BOOST_REQUIRE(::stat(socket.c_str(), &found) == 0);
        BOOST_TEST(S_ISSOCK(found.st_mode));
        BOOST_TEST((found.st_mode & 0777) == 0600u);
        BOOST_TEST(!fs::exists(state.path() / "control.sock.new"));
        BOOST_TEST(control_caller(state.path()).connected());
    }
    BOOST_TEST(!fs::exists(socket));
    BOOST_CHECK_THROW(supe::control::server(world.root(), state.path() / "none"),
                      supe::system_error);
}

// The path of a state directory may be longer than the path of a socket can be.
BOOST_AUTO_TEST_CASE(a_long_path) {
    support::player_world world(support::control_tree);
    const support::temporary_directory state;
    const fs::path deep = state.path() / std::string(200, 'd');
    fs::create_directory(deep);
    const supe::control::server server(world.root(), deep);
    BOOST_TEST(fs::exists(deep / "control.sock"));
}

// A line is a request, a line is the answer, and the connection ends; a malformed request is
// answered with an error.
BOOST_AUTO_TEST_CASE(one_question_one_answer) {
    control_counter c;
    control_caller asker = c.call(R"({"do":"status","address":"web"})");
    BOOST_TEST(lines_of(asker.received()).size() == 1u);
    BOOST_TEST(asker.closed());
    for (const char* bad : {"hello", "[1]", "{\"do\":", "\xff\xfe"}) {
        const auto received = c.call(bad).received();
        BOOST_TEST(received == "{\"error\":\"the request is no JSON object\",\"code\":2}\n");
    }
    control_caller half = c.call();
    half.say("{\"do\":\"status\",\"address\":\"web\"}");
    half.half_close();
    c.world.run_ready();
    BOOST_TEST(half.received().empty());  // a request without its newline is not complete
    BOOST_TEST(half.closed());
    control_caller polite = c.call(R"({"do":"status","address":"web"})");
    polite.half_close();
    c.world.run_ready();
    BOOST_TEST(!polite.received().empty());
}

// Any number of connections that send nothing, or half a request, keep no other client out; after
// 10 s they are closed.
BOOST_AUTO_TEST_CASE(silence_keeps_no_client_out) {
    control_counter c;
    std::vector<control_caller> silent;
    for (int i = 0; i < 300; ++i) {
        silent.push_back(c.call());
        if (i % 2) silent.back().say("{\"do\":");
        c.world.run_ready();
    }
    BOOST_TEST(c.serves());
    std::size_t open = 0;
    for (control_caller& s : silent) open += !s.closed();
    BOOST_TEST(open <= 64u);
    BOOST_TEST(open > 0u);
    c.world.advance(11s);
    for (control_caller& s : silent) BOOST_TEST(s.closed());
    BOOST_TEST(c.serves());
}

/// A server with room for three requests of 80,000 bytes.
struct little_room : control_counter {
    little_room() : control_counter(limits()) {}
    static server_limits limits() {
        server_limits limits;
        limits.request = 100'000;
        limits.requests = 250'000;
        return limits;
    }
    void pour(control_caller& into, std::size_t bytes = 80'000) {
        for (std::size_t poured = 0; poured < bytes && !into.closed(); world.run_ready())
            poured += into.say(std::string(10'000, 'x'));
    }
    control_caller call_with_much() {
        control_caller c = call();
        pour(c);
        return c;
    }
};

constexpr const char* no_room =
    "{\"error\":\"the supervisor has no room for another large request now; try "
    "again\",\"code\":1}\n";

// A request without an end is refused at its limit, and many large ones are refused together:
// memory is bounded. The answer says which it is.
BOOST_AUTO_TEST_CASE(huge_requests) {
    little_room c;
    control_caller one = c.call();
    c.pour(one, 150'000);
    BOOST_TEST(one.received() == "{\"error\":\"the request is too large\",\"code\":2}\n");
    std::vector<control_caller> many;
    for (int i = 0; i < 4; ++i) many.push_back(c.call_with_much());
    BOOST_TEST(many.back().received() == no_room);
    BOOST_TEST(many.back().closed());
    BOOST_TEST(!many.front().closed());
    BOOST_TEST(c.serves());
    many.clear();
    c.world.run_ready();
    control_caller again = c.call_with_much();
    BOOST_TEST(!again.closed());  // the memory of the others is free again
}

// Large requests that do not come to their end keep no other one out: after 2 s the one that began
// first gives way, though it sends a byte now and then, and is told why.
BOOST_AUTO_TEST_CASE(slow_large_requests) {
    little_room c;
    std::vector<control_caller> slow;
    for (int i = 0; i < 3; ++i) {
        slow.push_back(c.call_with_much());
        c.world.advance(100ms);
    }
    c.world.advance(1600ms);
    BOOST_TEST(c.call_with_much().received() == no_room);
    slow[0].say("x");
    c.world.advance(200ms);
    control_caller large = c.call_with_much();
    BOOST_TEST(slow[0].received() ==
               "{\"error\":\"the request came too slowly, and another one needed its room; try "
               "again\",\"code\":4}\n");
    BOOST_TEST(slow[0].closed());
    BOOST_TEST(!slow[1].closed());
    large.say("\n");
    c.world.run_ready();
    BOOST_TEST(large.received().find("the request is no JSON object") != std::string::npos);
    BOOST_TEST(c.serves());
    c.world.advance(11s);
    for (control_caller& s : slow) BOOST_TEST(s.closed());
}

// A thousand connections that send nothing keep nobody out, and end no request that is on its way.
BOOST_AUTO_TEST_CASE(a_thousand_idle_clients) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit enough{std::min<rlim_t>(before.rlim_max, 4096), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &enough);
    {
        control_counter c;
        control_caller large = c.call();
        const std::string piece(10'000, ' ');
        std::vector<control_caller> idle;
        for (int i = 0; i < 1000; ++i) {
            idle.push_back(c.call());
            if (i % 30 != 0) continue;
            large.say(piece);
            c.world.run_ready();
            BOOST_REQUIRE(c.serves());
        }
        BOOST_TEST(std::ranges::count_if(idle, [](control_caller& s) { return !s.closed(); }) < 64);
        large.say("{\"do\":\"status\",\"address\":\"web\"}\n");
        c.world.run_ready();
        BOOST_TEST(large.received().find(R"("state":"running")") != std::string::npos);
        BOOST_TEST(c.serves());
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
}

// While a command takes long the client gets empty lines; when it closes, its command no longer
// counts in the limit.
BOOST_AUTO_TEST_CASE(signs_of_life) {
    server_limits limits;
    limits.silent = limits.places.waiting = 2;
    control_counter c(limits);
    const std::string endless = R"({"do":"mail","to":"deaf","msg":1,"wait":true})";
    control_caller waiting = c.call(endless);
    c.world.advance(10s);
    BOOST_TEST(waiting.received() == "\n\n\n");
    for (int i = 0; i < 20; ++i) {
        control_caller leaving = c.call(endless);
        leaving.hang_up();
        c.world.advance(7s);
    }
    BOOST_TEST(c.serves());
    BOOST_TEST(!waiting.closed());
}

// Clients that wait have places of their own. Where all are taken, the next one is told so, and
// those that ask or order are served: also with the limits as they are.
BOOST_AUTO_TEST_CASE(waiting_keeps_no_operator_out) {
    control_counter c;
    std::vector<control_caller> waiting;
    for (int i = 0; i < 340; ++i)
        waiting.push_back(c.call(R"({"do":"mail","to":"deaf","msg":1,"wait":true})"));
    const std::string refusal =
        "{\"error\":\"too many clients: 256 of them wait for mail or notices already; try again "
        "when some are done\",\"code\":1}\n";
    BOOST_TEST(waiting[255].received() == "");
    BOOST_TEST(waiting[256].received() == refusal);
    BOOST_TEST(waiting[339].closed());
    BOOST_TEST(c.call(R"({"do":"notices"})").received() == refusal);
    BOOST_TEST(c.serves());
    BOOST_TEST(c.call(R"({"do":"stop","address":"web"})").received() ==
               "{\"ok\":\"/web is stopped\"}\n");
    waiting.clear();
    c.world.advance(4s);  // the next heartbeat finds out
    BOOST_TEST(c.call(R"({"do":"notices","names":["never"]})").received() == "\n");
}

// So have orders: those that are under way do not keep out questions.
BOOST_AUTO_TEST_CASE(orders_keep_no_question_out) {
    server_limits limits;
    limits.places.orders = 2;
    control_counter c(limits);
    const std::string stop = R"({"do":"stop","address":"deaf"})";
    control_caller one = c.call(stop), two = c.call(stop), three = c.call(stop);
    BOOST_TEST(three.received().find("too many clients: 2 of them wait for an operation already") !=
               std::string::npos);
    BOOST_TEST(c.serves());
    c.world.advance(10s);
    BOOST_TEST(one.received().find("is stopped") != std::string::npos);
    BOOST_TEST(two.closed());
    BOOST_TEST(c.call(stop).received().find("is stopped") != std::string::npos);
}

// A client that does not read its answer is closed after a minute. What waits for such clients is
// bounded: past it a further one gets an error.
BOOST_AUTO_TEST_CASE(unread_answers) {
    server_limits limits;
    limits.unread_answers = 1'500'000;
    control_counter c(limits);
    // The answer names the address.
    const std::string question =
        R"({"do":"status","address":"/)" + std::string(1'000'000, 'x') + "\"}\n";
    const auto asks = [&](control_caller& who) {
        for (std::size_t said = 0; said < question.size(); c.world.run_ready())
            said += who.say(question.substr(said));
    };
    control_caller deaf = c.call(), other = c.call();
    asks(deaf);
    asks(other);
    BOOST_TEST(other.received() ==
               "{\"error\":\"too many answers wait to be read by other clients; try "
               "again\",\"code\":1}\n");
    c.world.advance(61s);
    BOOST_TEST(c.serves());
    BOOST_TEST(deaf.received().size() < 1'000'000u);
    BOOST_TEST(deaf.closed());
}

// Few clients at once are shown a dead letter, which may be large. The others wait, and one that
// leaves makes room.
BOOST_AUTO_TEST_CASE(shown_letters) {
    control_counter c;
    supe::answer_room& room = c.world.root().large_answers();
    std::vector<supe::answer_room::place> held;
    const auto take = [&]() -> supe::awaitable<> {
        auto place = co_await room.enter(true);
        held.push_back(std::move(*place));
    };
    while (held.size() < supe::answer_room::most) c.service.start(take()), c.world.run_ready();
    const std::string show = R"({"do":"dead","what":"show","id":"1"})";
    control_caller one = c.call(show), two = c.call(show);
    BOOST_TEST(one.received() == "");
    BOOST_TEST(room.waiting() == 2u);
    BOOST_TEST(c.serves());
    one.hang_up();
    c.world.advance(10s);  // heartbeats find out
    BOOST_TEST(room.waiting() == 1u);
    held.pop_back();
    c.world.run_ready();
    BOOST_TEST(two.received().find("no dead letter 1") != std::string::npos);
}

// Notices: an empty line when the watch has begun, the cached ones first, then each as it comes;
// output only when named.
BOOST_AUTO_TEST_CASE(notices) {
    control_counter c;
    control_caller all = c.call(R"({"do":"notices"})");
    control_caller crashes = c.call(R"({"do":"notices","names":["web-crashed"]})");
    control_caller fresh = c.call(R"({"do":"notices","names":["web-started"],"fresh":true})");
    BOOST_TEST(fresh.received() == "\n");
    BOOST_TEST(crashes.received() == "\n");
    BOOST_TEST(all.received().find("\"notice\":\"web-started\"") != std::string::npos);
    c.world.crash("/web");
    c.world.run_ready();
    const auto lines = lines_of(crashes.received());
    BOOST_REQUIRE(lines.size() == 2u);
    const json::value notice = json::parse(lines[1]);
    BOOST_TEST(notice.as_object().size() == 4u);
    BOOST_TEST(notice.at("notice") == "web-crashed");
    BOOST_TEST(notice.at("source") == "web");
    BOOST_TEST(notice.at("message").at("exit").at("signal") == "SIGKILL");
    BOOST_TEST(std::string(notice.at("at").as_string()).ends_with("Z"));
    BOOST_TEST(lines_of(fresh.received()).size() == 2u);
    // A cached notice has the time and the source of its publication.
    c.world.advance(1h);
    BOOST_TEST(lines_of(c.call(R"({"do":"notices","names":["web-crashed"]})").received()).at(1) ==
               lines[1]);
}

// Each line of output of a child looks among the names that a client listens to.
BOOST_AUTO_TEST_CASE(too_many_names_to_listen_to) {
    control_counter c;
    const auto listen = [](std::size_t count, std::size_t length) {
        std::string names;
        for (std::size_t n = 0; n < count; ++n)
            names += (n ? ",\"" : "\"") + std::string(length, 'n') + "\"";
        return R"({"do":"notices","names":[)" + names + "]}";
    };
    BOOST_TEST(c.call(listen(4096, 4)).received() == "\n");
    BOOST_TEST(c.call(listen(1, 1024)).received() == "\n");
    for (const std::string& request : {listen(4097, 4), listen(1, 1025)})
        BOOST_TEST(c.call(request).received() ==
                   "{\"error\":\"names: at most 4096, of 1024 bytes each\",\"code\":2}\n");
}

// A reader that is too slow is disconnected, and takes no more memory than its limit; one that is
// gone leaves no watch behind.
BOOST_AUTO_TEST_CASE(slow_readers_of_notices) {
    server_limits limits;
    limits.unread_notices = 100'000;
    limits.silent = limits.places.waiting = 2;
    control_counter c(limits);
    control_caller slow = c.call(R"({"do":"notices","names":["sale"]})");
    const std::string sale = "\"" + std::string(10'000, 'n') + "\"";
    for (int i = 0; i < 200; ++i) c.world.root().notices().publish("sale", sale);
    c.world.run_ready();
    control_caller other = c.call(R"({"do":"notices","names":["sale"]})");
    for (int i = 0; i < 5; ++i) c.world.root().notices().publish("sale", sale);
    c.world.run_ready();
    BOOST_TEST(lines_of(other.received()).size() ==
               7u);  // the empty line, the cached one, and five
    while (!slow.closed()) {
        const auto before = slow.received().size();
        c.world.run_ready();
        if (slow.received().size() == before && !slow.closed()) c.world.advance(1s);
        BOOST_REQUIRE(slow.received().size() < 3'000'000u);
    }
    for (int i = 0; i < 20; ++i) {
        control_caller leaving = c.call(R"({"do":"notices","names":["never"]})");
        leaving.hang_up();
        c.world.advance(7s);
    }
    BOOST_TEST(c.serves());
}

// All that listen share a limit: past it the slowest is closed, and those that read go on.
BOOST_AUTO_TEST_CASE(slow_readers_together) {
    server_limits limits;
    limits.all_unread_notices = 3'000'000;
    control_counter c(limits);
    const std::string listen = R"({"do":"notices","names":["sale"]})";
    std::vector<control_caller> slow;
    for (int i = 0; i < 8; ++i) slow.push_back(c.call(listen));
    control_caller reads = c.call(listen);
    const std::string sale = "\"" + std::string(100'000, 'n') + "\"";
    for (int i = 0; i < 10; ++i) {
        c.world.root().notices().publish("sale", sale);
        c.world.run_ready();
        while (lines_of(reads.received()).size() < static_cast<std::size_t>(i) + 2)
            c.world.run_ready();
    }
    const auto closed = std::ranges::count_if(c.world.lines(), [](const std::string& line) {
        return line.find("a client that listens to notices does not read them") !=
               std::string::npos;
    });
    BOOST_TEST(closed >= 4);  // of the 8 MB less what the sockets hold, 3 MB are left
    BOOST_TEST(closed < 8);
    BOOST_TEST(!reads.closed());
    BOOST_TEST(lines_of(reads.received()).size() == 11u);
}

BOOST_AUTO_TEST_SUITE_END()
