// Shows that a webhook on a direct line reaches the queue, or the next life of it, for as long as
// somebody waits for it: real sockets between two simulated processes.
#include "components/direct_line/direct_line.hpp"
#include "components/direct_line/direct_intake.hpp"
#include "supe/component/component.hpp"
#include "supe/simulation/world.hpp"
#include "supe/storage/private_socket.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;
using strings = std::vector<std::string>;

namespace {

/// A sender, and a keeper that does what it is told to.
struct scene {
    support::temporary_directory directory;
    std::filesystem::path socket = directory / "queue.socket";
    world w;
    enum class mood { keeps, refuses, says_nothing } keeper = mood::keeps;
    strings seen{};      ///< what reached the keeper, in order
    strings outcomes{};  ///< what the sender heard
    std::optional<components::direct_line> line{};
    supe::clock* time = nullptr;
    supe::nursery* waits = nullptr;

    scene() {
        w.provide("sender", [this](component& c) { return send(c); });
        w.provide("keeper", [this](component& c) { return keep(c); });
        w.run(R"({"name": "t", "children": [
            {"name": "keeper", "component": "keeper", "backoff": {"first": "1s", "jitter": 0}},
            {"name": "sender", "component": "sender"}]})");
        w.advance(1s);
    }
    ~scene() { w.stop(); }

    /// The line ends with the process that has it.
    struct line_of_process {
        std::optional<components::direct_line>& line;
        ~line_of_process() { line.reset(); }
    };
    awaitable<> send(component& c) {
        const line_of_process own{line};
        line.emplace(c.time(), socket);
        time = &c.time();
        supe::nursery all(c.time());
        waits = &all;
        all.start(line->run());
        all.start(end_with(c, all));
        co_await all.join();
    }
    awaitable<> end_with(component& c, supe::nursery& all) {
        co_await c.shutdown_requested();
        all.cancel();
    }
    awaitable<> keep(component& c) {
        supe::timer arrived(c.time());
        components::direct_intake intake(c.time(), socket, arrived);
        supe::nursery all(c.time());
        all.start(intake.run());
        all.start(end_with(c, all));
        all.start(answer(intake, arrived));
        co_await all.join();
    }
    awaitable<> answer(components::direct_intake& intake, supe::timer& arrived) {
        for (;;) {
            for (const components::direct_intake::webhook& one : intake.take()) {
                seen.push_back(one.text);
                if (keeper == mood::keeps) intake.answer(one);
                if (keeper == mood::refuses) intake.answer(one, "it is full");
            }
            if (intake.waiting() == 0) co_await arrived.wait();
        }
    }
    awaitable<> wait_for(std::string webhook, supe::duration limit) {
        const std::string name = webhook.substr(0, 20);
        const supe::error_code error = co_await line->keep(std::move(webhook), time->now() + limit);
        outcomes.push_back(name + ": " + (error ? error.message() : "kept"));
    }
    void post(const std::string& webhook, supe::duration limit = 20s) {
        waits->start(wait_for(webhook, limit));
        w.run_ready();
    }
    strings heard() { return std::exchange(outcomes, {}); }
};

std::string text_of(std::size_t bytes) { return '"' + std::string(bytes - 2, 'x') + '"'; }

}  // namespace

BOOST_AUTO_TEST_SUITE(direct_line)

BOOST_AUTO_TEST_CASE(kept_or_refused) {
    scene s;
    for (const char* webhook : {"1", "2", "3"}) s.post(webhook);
    BOOST_TEST(s.heard() == (strings{"1: kept", "2: kept", "3: kept"}));
    s.keeper = scene::mood::refuses;
    s.post("4");
    BOOST_TEST(s.heard() ==
               strings{"4: " + make_error_code(supe::mail_error::dead_lettered).message()});
    BOOST_TEST(s.seen == (strings{"1", "2", "3", "4"}));
}

// The next life of the queue gets what the one before had not answered, in order.
BOOST_AUTO_TEST_CASE(sent_again) {
    scene s;
    s.post("1");
    s.keeper = scene::mood::says_nothing;
    s.post("2");
    s.post("3");
    s.keeper = scene::mood::keeps;
    s.w.crash("/keeper");
    s.post("4");
    BOOST_TEST(s.heard() == (strings{"1: kept"}));
    s.w.advance(2s);
    BOOST_TEST(s.heard() == (strings{"2: kept", "3: kept", "4: kept"}));
    BOOST_TEST(s.seen == (strings{"1", "2", "3", "2", "3", "4"}));
}

// Whoever waits no longer has its webhook sent no more.
BOOST_AUTO_TEST_CASE(until_its_deadline) {
    scene s;
    s.keeper = scene::mood::says_nothing;
    s.post("1", 1s);
    s.post("2");
    s.w.advance(1s);
    BOOST_TEST(s.heard() ==
               strings{"1: " + make_error_code(supe::mail_error::timed_out).message()});
    s.keeper = scene::mood::keeps;
    s.w.crash("/keeper");
    s.w.advance(2s);
    BOOST_TEST(s.seen == (strings{"1", "2", "2"}));
    BOOST_TEST(s.heard() == (strings{"2: kept"}));
}

// A large one is sent whole, and one that no mail could carry on is refused before it is sent.
BOOST_AUTO_TEST_CASE(large_ones) {
    scene s;
    const std::string large = text_of(12 << 20);
    s.post(large);
    s.w.advance(100ms);
    BOOST_REQUIRE(s.seen.size() == 1u);
    BOOST_TEST((s.seen[0] == large));
    BOOST_TEST(s.heard().size() == 1u);
    s.post(text_of(17 << 20));
    BOOST_TEST(s.heard().at(0).find("Message too long") != std::string::npos);
    BOOST_TEST(s.seen.size() == 1u);
}

// More than may wait for the queue at once: all arrive, once it takes them.
BOOST_AUTO_TEST_CASE(many_large_ones) {
    scene s;
    for (int i = 0; i < 8; ++i) s.post(text_of(4 << 20));
    s.w.advance(1s);
    BOOST_TEST(s.heard().size() == 8u);
    BOOST_TEST(s.seen.size() == 8u);
}

// A keeper that stands still finds no pile of what nobody waits for any more.
BOOST_AUTO_TEST_CASE(nothing_piles_up) {
    scene s;
    s.w.freeze("/keeper");
    for (int wave = 0; wave < 20; ++wave) {
        s.post(text_of(4 << 20), 1s);
        s.w.advance(1s);
    }
    BOOST_TEST(s.heard().size() == 20u);
    s.w.thaw("/keeper");
    s.post("1");
    s.w.advance(1s);
    BOOST_TEST(s.heard() == (strings{"1: kept"}));
    BOOST_TEST(s.seen.size() == 2u);  // the first, and the one that was waited for
}

// What is no frame is passed over. Nobody else can connect.
BOOST_AUTO_TEST_CASE(nonsense) {
    scene s;
    const supe::unique_fd stranger = supe::connect_private(s.socket);
    BOOST_REQUIRE(stranger);
    const std::string nonsense = "\n\nhello\n7\n{}\n8 {\"no\n9 \"fine\"\nno end";
    ::send(stranger.get(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL);
    s.w.run_ready();
    char answers[100];
    const ssize_t n = ::recv(stranger.get(), answers, sizeof answers, 0);
    BOOST_TEST(std::string_view(answers, n > 0 ? static_cast<std::size_t>(n) : 0) ==
               "8 it is no JSON\n9 \n");
    s.post("1");
    BOOST_TEST(s.heard() == (strings{"1: kept"}));
    BOOST_TEST(s.seen == (strings{"\"fine\"", "1"}));
    struct stat known{};
    BOOST_TEST(::stat(s.socket.c_str(), &known) == 0);
    BOOST_TEST((known.st_mode & 0777) == 0600u);
}

// However many others connect, a sender that was pushed out connects again.
BOOST_AUTO_TEST_CASE(many_strangers) {
    scene s;
    std::vector<supe::unique_fd> strangers;
    for (int i = 0; i < 100; ++i) {
        strangers.push_back(supe::connect_private(s.socket));
        s.w.run_ready();
    }
    s.w.advance(1s);
    s.post("1");
    BOOST_TEST(s.heard() == (strings{"1: kept"}));
}

// Where it cannot listen, it goes on trying.
BOOST_AUTO_TEST_CASE(no_place_for_the_socket) {
    scene s;
    s.w.crash("/keeper");
    std::filesystem::remove(s.socket);
    std::filesystem::create_directory(s.socket);
    s.post("1");
    s.w.advance(5s);
    BOOST_TEST(s.heard().empty());
    std::filesystem::remove(s.socket);
    s.w.advance(2s);
    BOOST_TEST(s.heard() == (strings{"1: kept"}));
    BOOST_TEST(s.w.starts_of("/keeper") == 2u);
}

// What is at the path is no longer the socket that the queue has: it listens there anew within a
// second. A line that is there goes on meanwhile.
BOOST_AUTO_TEST_CASE(the_socket_is_taken_away) {
    scene s;
    const auto elsewhere = s.directory / "elsewhere";
    const std::vector<std::function<void()>> ways{
        [&] { std::filesystem::remove(s.socket); },
        [&] {
            std::filesystem::remove(s.socket);
            std::ofstream(s.socket) << "a file";
        },
        [&] {
            std::filesystem::rename(s.socket, elsewhere);
            const supe::unique_fd other = supe::listen_private(s.socket);
        },
    };
    for (const auto& take_away : ways) {
        take_away();
        s.post("1");
        BOOST_TEST(s.heard() == (strings{"1: kept"}));
        s.w.crash("/sender");
        s.w.advance(2s);
        s.post("2");
        BOOST_TEST(s.heard() == (strings{"2: kept"}));
    }
    BOOST_TEST(s.w.starts_of("/keeper") == 1u);
}

// … also where its directory was deleted, once that is there again.
BOOST_AUTO_TEST_CASE(the_directory_is_taken_away) {
    scene s;
    std::filesystem::remove_all(s.socket.parent_path());
    s.w.advance(5s);
    s.post("1");
    BOOST_TEST(s.heard() == (strings{"1: kept"}));
    std::filesystem::create_directory(s.socket.parent_path());
    s.w.advance(1s);
    s.w.crash("/sender");
    s.w.advance(2s);
    s.post("2");
    BOOST_TEST(s.heard() == (strings{"2: kept"}));
}

// Who waits for a line hears why there is none, but not of one that is back in a moment.
BOOST_AUTO_TEST_CASE(why_there_is_no_line) {
    scene s;
    BOOST_TEST(s.line->objection() == "");
    s.w.crash("/keeper");  // it is back after a second
    s.w.advance(500ms);
    BOOST_TEST(s.line->objection() == "");
    s.w.advance(2s);
    s.w.crash("/keeper");
    std::filesystem::remove(s.socket);
    std::filesystem::create_directory(s.socket);
    s.w.advance(5s);
    BOOST_TEST(s.line->objection() ==
               "no line to the queue: " + s.socket.string() + ": Connection refused");
    std::filesystem::remove(s.socket);
    s.w.advance(2s);
    BOOST_TEST(s.line->objection() == "");
}

// A directory with a long path has sockets all the same.
BOOST_AUTO_TEST_CASE(a_long_path) {
    const support::temporary_directory directory;
    const auto below = directory / std::string(120, 'd');
    std::filesystem::create_directory(below);
    const supe::unique_fd listener = supe::listen_private(below / "s");
    BOOST_TEST(static_cast<bool>(supe::connect_private(below / "s")));
    BOOST_TEST(!supe::connect_private(below / "other"));
    BOOST_CHECK_THROW(supe::listen_private(directory / "missing" / "s"), supe::system_error);
}

BOOST_AUTO_TEST_SUITE_END()
