// Shows every rule of the table of permits, step by step, without a clock.
#include "patterns/permit_table.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using patterns::left_socket;
using patterns::permit_request;
using patterns::process_identity;
using table = patterns::permit_table;
using reply = table::reply;
using state = left_socket::state;

namespace {

const process_identity a{11, 1}, b{12, 1}, c{13, 1};
const supe::time_point start = supe::time_point{} + 1h;
const std::vector<left_socket> nothing;

patterns::permit_limits limits(unsigned permits) {
    return {.permits = permits, .rest = 1s, .reset_rest = 30s, .forgotten_after = 61s};
}

permit_request request(const std::string& name, const process_identity& holder) {
    return {name,
            holder,
            fmt::format("/{}", holder.pid),
            "call " + name,
            {"app:80", "[fe80::1%eth0]:80"}};
}

/// The names of the grants.
std::string given(table& permits) {
    std::string text;
    for (const auto& g : permits.give()) text += g.permit + " ";
    return text;
}

/// `a` has the permit 1, and with it a connection from its port 7.
void connect(table& permits) {
    permits.ask(request("1", a));
    given(permits);
    permits.connected("1", 7, "app:80");
}

std::string freed(table& permits, const std::vector<left_socket>& left, supe::time_point now,
                  std::optional<std::uint64_t> resets = {}) {
    std::string text;
    for (const auto& name : permits.look({left, resets}, now)) text += name + " ";
    return text;
}

/// The addresses of those that are called back.
std::set<std::string> recalled(const table& t) {
    std::set<std::string> found;
    for (const auto& [holder, address] : t.to_recall()) found.insert(address);
    return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(permit_table)

// Grants as many permits as there are, in the order of the requests, and the next one when one is
// given back.
BOOST_AUTO_TEST_CASE(first_come_first_served) {
    table t(limits(2));
    for (const auto& [name, who] : {std::pair{"1", a}, {"2", b}, {"3", c}, {"4", a}})
        BOOST_TEST((t.ask(request(name, who)) == reply::waits));
    BOOST_TEST(given(t) == "1 2 ");
    BOOST_TEST(given(t) == "");
    BOOST_TEST((t.holders() == std::set<process_identity>{a, b}));
    BOOST_TEST((recalled(t) == std::set<std::string>{"/11", "/12"}));
    BOOST_TEST(t.release("2"));
    BOOST_TEST(given(t) == "3 ");
    BOOST_TEST(t.release("1"));
    BOOST_TEST(given(t) == "4 ");
    BOOST_TEST(recalled(t).empty());
}

// Whoever holds a permit is called back when another process waits, also where it waits for one
// more itself: its own connection may be idle. For itself alone it is not.
BOOST_AUTO_TEST_CASE(recalls) {
    using names = std::set<std::string>;
    table t(limits(2));
    t.ask(request("1", a));
    t.ask(request("2", b));
    given(t);
    BOOST_TEST(recalled(t).empty());
    t.ask(request("3", a));
    BOOST_TEST((recalled(t) == names{"/12"}));
    t.ask(request("4", a));
    BOOST_TEST((recalled(t) == names{"/12"}));
    t.ask(request("5", b));
    BOOST_TEST((recalled(t) == names{"/11", "/12"}));
    t.release("3");
    t.release("4");
    BOOST_TEST((recalled(t) == names{"/11"}));
    t.gone(a, start);
    BOOST_TEST(recalled(t).empty());  // it rests: there is nobody to call
}

// A child that gets instances goes on as the first of them. Once one of the others has asked, the
// lock writes to that name: mail to the old one may reach any instance.
BOOST_AUTO_TEST_CASE(a_child_that_gets_instances) {
    table t(limits(1));
    const auto from = [](const std::string& name, process_identity who, std::string address) {
        permit_request r = request(name, who);
        r.address = std::move(address);
        return r;
    };
    t.ask(from("1", a, "/dam/f"));
    given(t);
    t.ask(from("2", a, "/dam/f"));
    for (const char* other : {"/dam/g.2", "/dam/f.x", "/dam/f.", "/dam/f", "/x.2/f"})
        t.ask(from(std::string("of ") + other, c, other));
    BOOST_TEST((recalled(t) == std::set<std::string>{"/dam/f"}));
    t.ask(from("3", b, "/dam/f.2"));
    BOOST_TEST((recalled(t) == std::set<std::string>{"/dam/f.1"}));
    t.release("1");
    const auto granted = t.give();
    BOOST_REQUIRE(granted.size() == 1u);
    BOOST_TEST(granted[0].address == "/dam/f.1");
}

// A request that comes again is one: while it waits its answer goes to the newer call, and once it
// has its permit it is told so.
BOOST_AUTO_TEST_CASE(the_same_request_is_one) {
    table t(limits(1));
    t.ask(request("1", a));
    t.ask(request("2", b));
    auto again = request("2", b);
    again.call = "newer";
    again.address = "/renamed";
    t.ask(again);
    BOOST_TEST(given(t) == "1 ");
    BOOST_TEST((t.ask(request("1", a)) == reply::has_it));
    BOOST_TEST(t.release("1"));
    const auto granted = t.give();
    BOOST_REQUIRE(granted.size() == 1u);
    BOOST_TEST(granted[0].call == "newer");
    BOOST_TEST(granted[0].address == "/renamed");
    BOOST_TEST(given(t) == "");
}

// A permit is given back once: a late message about an earlier one frees nothing. Of a request that
// waits it takes the request back.
BOOST_AUTO_TEST_CASE(given_back_once) {
    table t(limits(1));
    t.ask(request("1", a));
    given(t);
    t.ask(request("2", b));
    t.ask(request("3", c));
    BOOST_TEST(!t.release("2"));
    BOOST_TEST(!t.release("0"));
    BOOST_TEST(t.release("1"));
    BOOST_TEST(!t.release("1"));
    BOOST_TEST(given(t) == "3 ");
    BOOST_TEST(!t.abandon("1", start));
    BOOST_TEST(t.used().size() == 1u);
}

// More requests than can be kept are refused; those that wait can all be refused at the end.
BOOST_AUTO_TEST_CASE(requests_are_bounded) {
    auto few = limits(1);
    few.waiting = 2;
    table t(few);
    BOOST_TEST((t.ask(request("1", a)) == reply::waits));
    BOOST_TEST((t.ask(request("2", a)) == reply::waits));
    BOOST_TEST((t.ask(request("3", a)) == reply::refused));
    BOOST_TEST((t.ask(request("2", a)) == reply::waited_already));
    BOOST_TEST(t.refuse_all().size() == 2u);
    BOOST_TEST(t.all_free());
}

// An abandoned permit is nobody's, rests, and is free exactly after its rest.
BOOST_AUTO_TEST_CASE(abandoned_ones_rest) {
    table t(limits(1));
    t.ask(request("1", a));
    given(t);
    BOOST_TEST((t.next_look() == supe::never));
    BOOST_REQUIRE(t.abandon("1", start));
    BOOST_TEST(t.holders().empty());
    t.ask(request("2", b));
    BOOST_TEST(given(t) == "");
    BOOST_TEST((t.next_look() == start));
    BOOST_TEST(freed(t, nothing, start) == "");
    BOOST_TEST((t.next_look() == start + 1s));
    BOOST_TEST(freed(t, nothing, start + 1s - 1ns) == "");
    BOOST_TEST(freed(t, nothing, start + 1s) == "1 ");
    BOOST_TEST(given(t) == "2 ");
}

// A dead process: all its permits rest, and its requests are forgotten; another process with the
// same number keeps its own. What it gave back as its last word is free at once.
BOOST_AUTO_TEST_CASE(the_dead_hold_and_ask_for_nothing) {
    table t(limits(3));
    const process_identity next_life{a.pid, 2};
    for (const auto& [name, who] :
         {std::pair{"1", a}, {"2", a}, {"3", next_life}, {"4", a}, {"5", b}, {"6", b}})
        t.ask(request(name, who));
    BOOST_TEST(given(t) == "1 2 3 ");
    t.gone(a, start);
    BOOST_TEST((t.holders() == std::set<process_identity>{next_life}));
    BOOST_TEST(given(t) == "");
    BOOST_TEST(t.release("2"));
    BOOST_TEST(given(t) == "5 ");
    BOOST_TEST(freed(t, nothing, start + 1s) == "1 ");
    BOOST_TEST(given(t) == "6 ");
}

// Without its port any socket to its peers may be the permit's own, for as long as the kernel keeps
// one: then it is another's. A scope is no part of an address there.
BOOST_AUTO_TEST_CASE(without_a_port) {
    table t(limits(1));
    t.ask(request("1", a));
    given(t);
    t.gone(a, start);
    for (const char* peer : {"app:80", "[fe80::1]:80"}) {
        BOOST_TEST(freed(t, {{5, peer, state::closing}}, start + 1s) == "", peer);
        BOOST_TEST(freed(t, {{5, peer, state::closing}}, start + 60s) == "", peer);
    }
    BOOST_TEST((t.next_look() == start + 60s + 50ms));
    BOOST_TEST(freed(t, {{5, "app:80", state::closing}}, start + 61s) == "1 ");
}

// With its port only its own socket counts, for as long as it is there.
BOOST_AUTO_TEST_CASE(with_its_port) {
    table t(limits(1));
    t.ask(request("1", a));
    given(t);
    BOOST_TEST(t.connected("1", 7, "[fe80::1%eth0]:80"));
    BOOST_TEST(!t.connected("2", 7, "app:80"));
    const left_socket own{7, "[fe80::1]:80", state::closing},
        others{8, "[fe80::1]:80", state::closing}, elsewhere{7, "app:80", state::closing};
    t.gone(a, start);
    BOOST_TEST(freed(t, {own, others}, start) == "");
    BOOST_TEST(freed(t, {own, others}, start + 2h) == "");
    BOOST_TEST(freed(t, {others, elsewhere}, start + 2h + 50ms) == "1 ");
}

// A connection of which nothing is left may have been reset, and be open for the destination. One
// that both sides have closed is seen for a while.
BOOST_AUTO_TEST_CASE(reset_or_closed) {
    for (const bool closed : {false, true}) {
        table t(limits(1));
        connect(t);
        t.gone(a, start);
        std::vector<left_socket> left;
        if (closed) left.push_back({7, "app:80", state::closed});
        BOOST_TEST(freed(t, left, start) == "");
        const auto rest = closed ? 1s : 30s;
        BOOST_TEST((t.next_look() == start + rest));
        BOOST_TEST(freed(t, nothing, start + rest - 1ns) == "");
        BOOST_TEST(freed(t, nothing, start + rest) == "1 ");
    }
}

// A destination that answers after the end of our process gets a reset, and may have the connection
// open for as long as it needs: its socket was there, and is gone without having been closed.
BOOST_AUTO_TEST_CASE(answered_after_the_end) {
    for (const bool closed : {false, true}) {
        table t(limits(1));
        connect(t);
        t.gone(a, start);
        BOOST_TEST(freed(t, {{7, "app:80", state::closing}}, start, 1) == "");
        std::vector<left_socket> left;
        if (closed) left.push_back({7, "app:80", state::closed});
        BOOST_TEST(freed(t, left, start + 2s, 1) == (closed ? "1 " : ""));
        if (!closed) BOOST_TEST(freed(t, nothing, start + 30s - 1ns, 1) == "");
        if (!closed) BOOST_TEST(freed(t, nothing, start + 30s, 1) == "1 ");
    }
}

// Where no connection of this machine was reset since before the end of the process, its own was
// not: the samples of the last moment may be from after it.
BOOST_AUTO_TEST_CASE(nothing_was_reset) {
    for (const std::uint64_t resets : {5u, 6u}) {
        table t(limits(1));
        connect(t);
        for (const std::uint64_t sample : {4u, 5u, 6u, 6u}) t.note_resets(sample);
        t.gone(a, start);
        const auto rest = resets == 5 ? 1s : 30s;
        BOOST_TEST(freed(t, nothing, start, resets) == "");
        BOOST_TEST((t.next_look() == start + rest));
        BOOST_TEST(freed(t, nothing, start + rest, 9) == "1 ");
    }
}

// The port may be told by the last words of a process that is gone already: then the look is
// repeated.
BOOST_AUTO_TEST_CASE(a_late_port) {
    table t(limits(1));
    t.ask(request("1", a));
    given(t);
    t.gone(a, start);
    BOOST_TEST(freed(t, {{8, "app:80", state::closing}}, start) == "");
    t.connected("1", 7, "app:80");
    BOOST_TEST((t.next_look() == start));
    BOOST_TEST(freed(t, {{7, "app:80", state::closed}}, start + 1ms) == "");
    BOOST_TEST(freed(t, nothing, start + 1s) == "1 ");
}

// Each permit rests for itself; the next look is for the first of them.
BOOST_AUTO_TEST_CASE(each_rests_for_itself) {
    table t(limits(2));
    t.ask(request("1", a));
    t.ask(request("2", b));
    given(t);
    t.gone(b, start + 300ms);
    t.gone(a, start);
    freed(t, nothing, start + 300ms);
    BOOST_TEST((t.next_look() == start + 1s));
    BOOST_TEST(freed(t, nothing, start + 1s) == "1 ");
    BOOST_TEST((t.next_look() == start + 1300ms));
    BOOST_TEST(freed(t, nothing, start + 1300ms) == "2 ");
    BOOST_TEST((t.next_look() == supe::never));
    BOOST_TEST(t.all_free());
}

// What an earlier life of the lock had in use is in use: held where its process lives, else it
// rests. What is not known rests. With a smaller cap nothing is granted until enough is free.
BOOST_AUTO_TEST_CASE(an_earlier_life) {
    table t(limits(2));
    t.restore({"1", a, "/a", {"app:80"}, 0});
    t.restore({"2", a, "/a", {"app:80"}, 0});
    t.restore_resting({"3", b, "/b", {"app:80"}, 0}, start);
    t.ask(request("4", c));
    BOOST_TEST(given(t) == "");
    BOOST_TEST(freed(t, nothing, start + 1s) == "3 ");
    BOOST_TEST(given(t) == "");
    BOOST_TEST((recalled(t) == std::set<std::string>{"/a"}));
    BOOST_TEST(t.release("1"));
    BOOST_TEST(given(t) == "4 ");
    table unknown(limits(2));
    unknown.restore({"1", a, "/a", {}, 0});
    unknown.rest_all({"app:80"}, start);
    BOOST_TEST(unknown.used().size() == 2u);
    BOOST_TEST(freed(unknown, {{5, "app:80", state::closing}}, start + 1s) == "");
    BOOST_TEST(freed(unknown, nothing, start + 2s) == "unknown-1 ");
}

// A rest of an earlier life goes on: it is over as if the lock had lived on. A time that has not
// come yet counts as now. What begins to rest is told with its time.
BOOST_AUTO_TEST_CASE(a_rest_goes_on_in_the_next_life) {
    table t(limits(1));
    connect(t);
    const auto resting = t.gone(a, start);
    BOOST_REQUIRE(resting.size() == 1u);
    BOOST_TEST((resting[0].rests_since == start));
    BOOST_TEST(t.gone(a, start + 1s).empty());
    table next(limits(1));
    next.restore_resting(t.used()[0], start + 12s);
    table last(limits(1));
    last.restore_resting(next.used()[0], start + 24s);
    BOOST_TEST(freed(last, nothing, start + 24s) == "");
    BOOST_TEST((last.next_look() == start + 30s));
    BOOST_TEST(freed(last, nothing, start + 30s) == "1 ");
    auto later = resting[0];
    later.rests_since = start + 2h;
    next.restore_resting(later, start);
    BOOST_TEST(freed(next, nothing, start) == "");
    BOOST_TEST(freed(next, nothing, start + 30s) == "1 ");
    BOOST_TEST(t.abandon("1", start) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
