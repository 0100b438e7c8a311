// Shows how a connection treats destinations of every kind, over real sockets in one thread.
#include "components/http/name_lookup.hpp"
#include "tests/support/scripted_destination.hpp"
#include "tests/support/virtual_loop.hpp"

#include <sys/socket.h>

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using components::http_reply;
using connection_type = components::http_connection;
using destination = support::scripted_destination;
using support::caller;
using support::ok;
using support::script;
namespace asio = boost::asio;

namespace {

/// Connects and posts once to a destination that follows this script.
http_reply once(script s, bool* reusable = nullptr, supe::duration limit = 5s) {
    support::event_loop loop;
    destination d(loop, {std::move(s)});
    caller c(loop, d.address());
    BOOST_REQUIRE(c.open({d.peer()}) == "");
    const http_reply reply = c.post(limit);
    if (reusable) *reusable = c.connection.reusable();
    d.let_go();
    BOOST_TEST(c.close());
    BOOST_TEST(loop.until([&] { return d.open == 0; }, 5s));
    return reply;
}

http_reply answered(const std::string& answer, bool* reusable = nullptr) {
    return once({{answer}, script::hold}, reusable);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_connection)

// The status is the answer; the connection is kept when both sides can.
BOOST_AUTO_TEST_CASE(an_answer) {
    bool reusable = false;
    const http_reply reply = answered(ok(), &reusable);
    BOOST_TEST(reply.status == 200);
    BOOST_TEST(reply.error == "");
    BOOST_TEST(!reply.retry_after);
    BOOST_TEST(reusable);
    BOOST_TEST(answered("HTTP/1.1 204 No Content\r\n\r\n", &reusable).status == 204);
    BOOST_TEST(reusable);
    BOOST_TEST(
        answered(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\nX: y\r\n\r\n",
            &reusable)
            .status == 200);
    BOOST_TEST(reusable);
    BOOST_TEST(
        answered("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n", &reusable)
            .status == 200);
    BOOST_TEST(!reusable);
    BOOST_TEST(answered("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n", &reusable).status ==
               200);
    BOOST_TEST(!reusable);
}

// A redirect is an ordinary answer, and is not followed.
BOOST_AUTO_TEST_CASE(redirects_are_not_followed) {
    support::event_loop loop;
    destination elsewhere(loop, {});
    destination d(
        loop,
        {{{fmt::format(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
            elsewhere.peer())}}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 307);
    BOOST_TEST(c.close());
    BOOST_TEST(elsewhere.accepted == 0u);
    BOOST_TEST(d.accepted == 1u);
}

// Retry-After is read in seconds or as a date; other values are ignored.
BOOST_AUTO_TEST_CASE(retry_after) {
    BOOST_TEST((answered(ok("Retry-After: 120\r\n")).retry_after == 120s));
    BOOST_TEST(
        (answered("HTTP/1.1 503 No\r\nretry-after:  7 \r\nContent-Length: 0\r\n\r\n").retry_after ==
         7s));
    BOOST_TEST((answered(ok("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n")).retry_after == 0s));
    BOOST_TEST(!answered(ok("Retry-After: soon\r\n")).retry_after);
}

// Interim answers are skipped, however many come (RFC 9110 §15.2).
BOOST_AUTO_TEST_CASE(interim_answers) {
    bool reusable = false;
    const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    BOOST_TEST(answered("HTTP/1.1 100 Continue\r\n\r\n" + hints + hints + ok(), &reusable).status ==
               200);
    BOOST_TEST(reusable);
}

// The status counts as soon as it has come: an answer without length or end is no timeout, and an
// answer that is too long to read is still a success. Such connections are not kept.
BOOST_AUTO_TEST_CASE(answers_without_end) {
    bool reusable = true;
    const auto before = std::chrono::steady_clock::now();
    BOOST_TEST(
        once({{"HTTP/1.1 200 OK\r\n\r\nand on it goes"}, script::hold}, &reusable, 1h).status ==
        200);
    BOOST_TEST((std::chrono::steady_clock::now() - before < 1h));
    BOOST_TEST(!reusable);
    BOOST_TEST(
        answered("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + std::string(500000, 'x'),
                 &reusable)
            .status == 200);
    BOOST_TEST(!reusable);
    std::string chunks = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 100; ++i) chunks += "2710\r\n" + std::string(10000, 'x') + "\r\n";
    BOOST_TEST(answered(chunks, &reusable).status == 201);
    BOOST_TEST(!reusable);
    BOOST_TEST(once({{"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nstops here"}, script::hold},
                    &reusable, 300ms)
                   .status == 200);
    BOOST_TEST(!reusable);
    BOOST_TEST(answered("HTTP/1.1 200 OK\r\nX-Long: " + std::string(50000, 'x') +
                            "\r\nContent-Length: 0\r\n\r\n",
                        &reusable)
                   .status == 200);
    BOOST_TEST(reusable);
}

// Bytes behind an answer are not the answer to the next request.
BOOST_AUTO_TEST_CASE(out_of_step) {
    bool reusable = true;
    BOOST_TEST(answered(ok() + ok(), &reusable).status == 200);
    BOOST_TEST(!reusable);
}

// No answer: status 0, with the reason.
BOOST_AUTO_TEST_CASE(no_answer) {
    const http_reply closed = once({{""}, script::close});
    BOOST_TEST(closed.status == 0);
    BOOST_TEST(closed.error == "closed by the destination before it answered");
    BOOST_TEST(once({{""}, script::reset}).error == "Connection reset by peer");
    const http_reply silent = once({{""}, script::hold}, nullptr, 200ms);
    BOOST_TEST(silent.status == 0);
    BOOST_TEST(silent.error == "timed out");
    BOOST_TEST(answered("SSH-2.0-OpenSSH_9\r\n").error == "what it answered is no HTTP");
    BOOST_TEST(once({{"HTTP/1.1 20"}, script::close}).status == 0);
    BOOST_TEST(once({{"HTTP/1.1 100 Continue\r\n\r\n"}, script::hold}, nullptr, 200ms).error ==
               "timed out");
}

// A refusal that comes while we still send is read.
BOOST_AUTO_TEST_CASE(an_early_answer) {
    support::event_loop loop;
    destination d(loop, {{{"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"}, script::hold}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    d.let_go();
    const http_reply reply = c.post(5s, "hello" + std::string(8 << 20, 'x'));
    BOOST_TEST(reply.status == 413);
    BOOST_TEST(!c.connection.reusable());
    BOOST_TEST(c.close());
}

// A kept connection that the destination ends before the next request is stale, which is no failure
// of the webhook: it is detected before the request when possible, else after it.
BOOST_AUTO_TEST_CASE(stale_connections) {
    support::event_loop loop;
    destination d(loop, {{{ok(), ok()}, script::close}, {{ok()}, script::close}});
    {
        caller c(loop, d.address());
        BOOST_TEST(c.open({d.peer()}) == "");
        BOOST_TEST(c.post().status == 200);
        BOOST_TEST(c.connection.reusable());
        BOOST_TEST(c.post().status == 200);
        BOOST_TEST(loop.until([&] { return !c.connection.reusable(); }, 5s));
        BOOST_TEST(c.close());
    }
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(loop.until([&] { return d.open == 0; }, 5s));
    BOOST_TEST(c.post().error == "closed by the destination before it answered");
    BOOST_TEST(c.connection.was_stale());
    BOOST_TEST(c.close());
}

// A destination that ends the connection once it has the request may have handled it, or died of
// it: that is no stale connection, and the attempt is over. The same where a byte of an answer
// came, and on a connection that has not served before.
BOOST_AUTO_TEST_CASE(what_was_read_is_not_stale) {
    support::event_loop loop;
    destination d(loop, {{{ok(), ""}, script::close},
                         {{ok(), ""}, script::reset},
                         {{ok(), "HTTP/1.1 2"}, script::close},
                         {{""}, script::close}});
    for (const bool kept : {true, true, true, false}) {
        caller c(loop, d.address());
        BOOST_TEST(c.open({d.peer()}) == "");
        if (kept) BOOST_TEST(c.post().status == 200);
        BOOST_TEST(c.post().status == 0);
        BOOST_TEST(!c.connection.was_stale(), d.accepted);
        BOOST_TEST(c.close());
    }
}

// A timeout does not make a connection stale: the destination may be handling the request.
BOOST_AUTO_TEST_CASE(timeouts_are_not_stale) {
    support::event_loop loop;
    destination d(loop, {{{ok(), ""}, script::hold}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.post(100ms).error == "timed out");
    BOOST_TEST(!c.connection.was_stale());
    d.let_go();
    BOOST_TEST(c.close());
}

// A port without a listener, a host that does not answer, and of several addresses the first that
// answers, each with its share of the time.
BOOST_AUTO_TEST_CASE(addresses) {
    support::event_loop loop;
    std::string nobody;
    {
        destination gone(loop, {});
        nobody = gone.peer();
    }
    destination d(loop, {{{ok()}}, {{ok()}}});
    {
        caller c(loop, d.address());
        BOOST_TEST(c.open({nobody}) == nobody + ": Connection refused");
        BOOST_TEST(c.open({}) == "there is no address to connect to");
        BOOST_TEST(c.close());
    }
    {
        caller c(loop, d.address());
        BOOST_TEST(c.open({nobody, d.peer()}) == "");
        BOOST_TEST(c.post().status == 200);
        BOOST_TEST(c.close());
    }
    // Its backlog is full: a further connection is neither accepted nor refused.
    tcp::acceptor full(loop.io, {asio::ip::address_v4::loopback(), 0});
    full.listen(0);
    std::list<tcp::socket> fillers;
    for (int i = 0; i < 3; ++i) {
        fillers.emplace_back(loop.io, tcp::v4());
        fillers.back().async_connect(full.local_endpoint(),
                                     [](const boost::system::error_code&) {});
    }
    loop.run_for(20ms);
    const std::string silent = "127.0.0.1:" + std::to_string(full.local_endpoint().port());
    caller c(loop, d.address());
    BOOST_TEST(c.open({silent, d.peer()}, 1s) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.close());
    caller late(loop, d.address());
    BOOST_TEST(late.open({silent}, 200ms) == silent + ": timed out");
    BOOST_TEST(late.close());
    for (tcp::socket& f : fillers) f.close();
    loop.run_for(5ms);
}

// A name with several addresses, of IPv6 too: the dead ones cost their share of the time.
BOOST_AUTO_TEST_CASE(addresses_of_both_kinds) {
    support::event_loop loop;
    tcp::acceptor on_six(loop.io, {asio::ip::address_v6::loopback(), 0});
    const std::string six = "[::1]:" + std::to_string(on_six.local_endpoint().port());
    destination d(loop, {{{ok()}}});
    const std::string dead = "127.0.0.2:" + std::to_string(d.port());
    caller c(loop, components::parse_destination("http://" + six));
    BOOST_TEST(c.open({dead, six, d.peer()}) == "");
    BOOST_REQUIRE(c.connection.connected());
    BOOST_TEST(c.connection.connected()->peer == six);
    on_six.close();
    BOOST_TEST(c.close(100ms));
    caller next(loop, d.address());
    BOOST_TEST(next.open({dead, six, d.peer()}) == "");
    BOOST_TEST(next.post().status == 200);
    BOOST_TEST(next.close());
}

// A connection that succeeds in the moment in which its time is up is the one: there is never a
// second one, to the next address, beside it.
BOOST_AUTO_TEST_CASE(one_connection_at_a_time) {
    support::event_loop loop;
    destination d(loop, {{{ok()}, script::hold}, {{ok()}, script::hold}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer(), d.peer()}, 0s) == "");
    loop.run_for(50ms);
    BOOST_TEST(d.accepted == 1u);
    BOOST_TEST(d.open == 1u);
    BOOST_REQUIRE(c.connection.connected());
    BOOST_TEST(c.connection.connected()->peer == d.peer());
    BOOST_TEST(c.connection.connected()->local_port > 0);
    BOOST_TEST(c.post().status == 200);
    d.let_go();
    BOOST_TEST(c.close());
    BOOST_TEST(!c.connection.connected());
}

// Names resolve to addresses with their port; an error has the reason.
BOOST_AUTO_TEST_CASE(resolving) {
    support::event_loop loop;
    supe::nursery tasks(loop.time);
    std::vector<std::string> peers;
    std::string error;
    bool done = false;
    const auto resolve = [](supe::clock& time, std::string url, std::vector<std::string>& found,
                            std::string& why, bool& finished) -> supe::awaitable<> {
        const auto to = components::parse_destination(url);
        found = co_await components::http_connection::resolve(time, to, why);
        finished = true;
    };
    for (const auto& [url, expected] :
         {std::pair{"http://127.0.0.1:7", "127.0.0.1:7"}, {"http://[::1]:7", "[::1]:7"}}) {
        done = false;
        tasks.start(resolve(loop.time, url, peers, error, done));
        BOOST_REQUIRE(loop.until([&] { return done; }, 30s));
        BOOST_TEST(peers == std::vector<std::string>(1, expected),
                   boost::test_tools::per_element());
    }
    done = false;
    tasks.start(resolve(loop.time, "http://no-such-host.invalid", peers, error, done));
    BOOST_REQUIRE(loop.until([&] { return done; }, 60s));
    BOOST_TEST(peers.empty());
    BOOST_TEST(error.starts_with("no-such-host.invalid: "), error);
}

// Those that need a name at once share one lookup; who has no time left leaves it.
BOOST_AUTO_TEST_CASE(one_lookup_for_all) {
    support::event_loop loop;
    components::name_lookup names(loop.time, components::parse_destination("http://localhost:7"));
    std::vector<std::string> errors;
    const auto look = [](components::name_lookup& n, supe::time_point until,
                         std::vector<std::string>& said) -> supe::awaitable<> {
        std::string error;
        const std::vector<std::string> peers = co_await n.find(until, error);
        said.push_back(peers.empty() ? error : "found");
    };
    supe::nursery tasks(loop.time);
    tasks.start(look(names, loop.time.now() + 60s, errors));
    tasks.start(look(names, loop.time.now(), errors));
    tasks.start(look(names, loop.time.now() + 60s, errors));
    BOOST_REQUIRE(loop.until([&] { return errors.size() == 3; }, 60s));
    std::ranges::sort(errors);
    BOOST_TEST(errors == (std::vector<std::string>{"found", "found",
                                                   "localhost: timed out looking for its address"}),
               boost::test_tools::per_element());
    tasks.start(names.end());
    BOOST_TEST(loop.until([&] { return tasks.size() == 0; }, 60s));
}

// close() is done when the destination has closed too, not before.
BOOST_AUTO_TEST_CASE(close_waits_for_the_other_side) {
    support::event_loop loop;
    destination d(loop, {{{ok()}, script::hold}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    bool closed = false;
    c.start_closing(closed);
    loop.run_for(100ms);
    BOOST_TEST(!closed);
    BOOST_TEST(d.open == 1u);
    d.let_go();
    BOOST_TEST(loop.until([&] { return closed; }, 5s));
    BOOST_TEST(loop.until([&] { return d.open == 0; }, 5s));
}

// A destination that does not close is reset after 60 s, in virtual time.
BOOST_AUTO_TEST_CASE(close_has_a_limit) {
    support::virtual_loop loop;
    tcp::acceptor acceptor(loop.executor(), {asio::ip::address_v4::loopback(), 0});
    connection_type connection(loop.time(), components::parse_destination("http://127.0.0.1"));
    std::string why = "not yet";
    bool closed = false;
    const auto open_and_close = [](connection_type& c, std::string peer, supe::time_point limit,
                                   std::string& failed, bool& done) -> supe::awaitable<> {
        const std::vector<std::string> peers(1, peer);
        failed = co_await c.connect(peers, limit);
        co_await c.close();
        done = true;
    };
    loop.start(open_and_close(connection,
                              "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()),
                              loop.now() + 5s, why, closed));
    loop.run_ready();
    BOOST_TEST(why == "");
    tcp::socket theirs = acceptor.accept();
    char byte;
    boost::system::error_code failed;
    theirs.read_some(asio::buffer(&byte, 1), failed);
    BOOST_TEST(failed == asio::error::eof);
    loop.advance(59s);
    BOOST_TEST(!closed);
    loop.advance(2s);
    BOOST_TEST(closed);
    theirs.write_some(asio::buffer(&byte, 1), failed);
    BOOST_TEST(failed == asio::error::broken_pipe);  // the connection is gone on their side too
}

// Who wants the permit back earlier waits for less.
BOOST_AUTO_TEST_CASE(close_has_a_patience) {
    support::event_loop loop;
    destination d(loop, {{{ok()}, script::hold}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.close(100ms));
    BOOST_TEST(d.open == 1u);
    d.let_go();
}

// Neither bytes that the destination still sends nor a second close() make it wait longer.
BOOST_AUTO_TEST_CASE(close_of_a_talkative_destination) {
    support::event_loop loop;
    destination d(loop, {{{"HTTP/1.1 200 OK\r\n\r\n" + std::string(4 << 20, 'x')}, script::close}});
    caller c(loop, d.address());
    BOOST_TEST(c.open({d.peer()}) == "");
    BOOST_TEST(c.post().status == 200);
    BOOST_TEST(c.close());
    BOOST_TEST(c.close());
    caller never_opened(loop, d.address());
    BOOST_TEST(never_opened.close());
}

BOOST_AUTO_TEST_SUITE_END()
