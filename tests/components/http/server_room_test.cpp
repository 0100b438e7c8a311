// Shows who gives way in an HTTP server that is full (contract §7), step by step, without sockets.
#include "components/http/server_room.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

using namespace std::chrono_literals;
using components::http_guest;
using components::http_room;
using components::http_standing;

namespace {

constexpr supe::time_point start = supe::time_point{} + 1h;

/// Guests by name.
struct scene {
    http_room room{};
    std::map<std::string, http_guest> guests{};
    supe::time_point now = start;

    http_guest& enter(const std::string& name) {
        room.enter(guests[name], now);
        return guests[name];
    }
    void stand(const std::string& name, http_standing s) { room.stand(guests[name], s, now); }
    std::string name_of(const http_guest* g) const {
        for (const auto& [name, guest] : guests)
            if (&guest == g) return name;
        return "nobody";
    }
    std::string next() const { return name_of(room.next_to_give_way(now - 2s)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(server_room)

// The order: the last answer was had, rests for longest, is awaited for longest.
BOOST_AUTO_TEST_CASE(order) {
    scene s;
    for (const char* name : {"a", "b", "c", "d", "e"}) s.enter(name);
    s.stand("a", http_standing::working);
    s.now += 3s;
    BOOST_TEST(s.next() == "b");
    s.stand("d", http_standing::resting);
    s.now += 1ms;
    s.stand("c", http_standing::resting);
    BOOST_TEST(s.next() == "d");
    s.stand("e", http_standing::leaving);
    BOOST_TEST(s.next() == "e");
    for (const char* expected : {"e", "d", "c", "b"}) {
        BOOST_TEST(s.next() == expected);
        s.stand(expected, http_standing::ended);
    }
    s.now += 1h;
    BOOST_TEST(s.next() == "nobody");
    BOOST_TEST(s.room.size() == 5u);
    BOOST_TEST(s.room.all().size() == 5u);
}

// Who is awaited has 2 s, and has them anew with each thing that it did.
BOOST_AUTO_TEST_CASE(grace) {
    scene s;
    s.enter("a");
    s.now += 1s;
    s.enter("b");
    s.now += 999ms;
    BOOST_TEST(s.next() == "nobody");
    s.now += 1ms;
    BOOST_TEST(s.next() == "a");
    s.stand("a", http_standing::awaited);
    BOOST_TEST(s.next() == "nobody");
    s.now += 1s;
    BOOST_TEST(s.next() == "b");
    s.room.leave(s.guests["b"]);
    s.now += 1s;
    BOOST_TEST(s.next() == "a");
}

// Who is slow in its handshake gives way as any, the older one first; handshakes have a line of
// their own beside.
BOOST_AUTO_TEST_CASE(handshakes) {
    scene s;
    s.enter("first");
    s.now += 1s;
    s.enter("greets");
    s.stand("greets", http_standing::greeting);
    s.now += 1s;
    s.enter("greets too");
    s.stand("greets too", http_standing::greeting);
    const auto slowest = [&] { return s.name_of(s.room.slowest_greeting(s.now - 2s)); };
    BOOST_TEST(slowest() == "nobody");
    BOOST_TEST(s.next() == "first");
    s.now += 1s;
    BOOST_TEST(slowest() == "greets");
    BOOST_TEST(s.next() == "first");
    s.stand("first", http_standing::awaited);
    BOOST_TEST(s.next() == "greets");
    s.stand("greets", http_standing::ended);
    BOOST_TEST(s.next() == "nobody");
    s.now += 1s;
    BOOST_TEST(s.next() == "greets too");
}

// All large requests have one sum; small ones are in none, and what has gone is given back.
BOOST_AUTO_TEST_CASE(memory) {
    scene s;
    http_guest &a = s.enter("a"), &b = s.enter("b"), &c = s.enter("c");
    BOOST_TEST(s.room.hold(a, 60000, 100000));
    BOOST_TEST(s.room.hold(c, components::small_request, 100000));
    BOOST_TEST(s.room.held() == 60000u);
    BOOST_TEST(s.room.hold(b, 40000, 100000));
    BOOST_TEST(!s.room.hold(b, 40001, 100000));
    BOOST_TEST(b.held == 40000u);
    BOOST_TEST(s.room.hold(a, 50000, 100000));
    BOOST_TEST(s.room.hold(b, 50000, 100000));
    BOOST_TEST(!s.room.hold(c, components::small_request + 1, 100000));
    BOOST_TEST(s.room.hold(b, 0, 100000));
    s.room.leave(a);
    BOOST_TEST(s.room.held() == 0u);
}

// What cannot be refused counts all the same: others have less room.
BOOST_AUTO_TEST_CASE(memory_anyway) {
    scene s;
    http_guest &a = s.enter("a"), &b = s.enter("b");
    BOOST_TEST(s.room.hold(a, 60000, 100000));
    BOOST_TEST(!s.room.hold(b, 50000, 100000));
    s.room.hold_anyway(b, 50000);
    BOOST_TEST(s.room.held() == 110000u);
    BOOST_TEST(!s.room.hold(a, 60001, 100000));
    BOOST_TEST(s.room.hold(a, 50000, 100000));
    s.room.hold_anyway(b, components::small_request);
    BOOST_TEST(s.room.held() == 50000u);
}

// For memory the slowest of those gives way whose memory counts.
BOOST_AUTO_TEST_CASE(slowest_large) {
    scene s;
    s.enter("small");
    http_guest &a = s.enter("a"), &b = s.enter("b"), &busy = s.enter("busy");
    for (http_guest* g : {&a, &b, &busy}) s.room.hold(*g, 40000, 200000);
    s.stand("busy", http_standing::working);
    const auto slowest = [&](const http_guest& asking) {
        return s.name_of(s.room.slowest_large(s.now - 2s, asking));
    };
    BOOST_TEST(slowest(busy) == "nobody");
    s.now += 2s;
    BOOST_TEST(slowest(busy) == "a");
    BOOST_TEST(slowest(a) == "b");
    s.stand("a", http_standing::awaited);
    BOOST_TEST(slowest(busy) == "b");
}

BOOST_AUTO_TEST_SUITE_END()
