// A destination that follows a script, and a client step by step: one thread, real sockets.
#pragma once

#include "components/http/connection.hpp"
#include "tests/support/event_loop.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <list>

namespace support {

namespace asio = boost::asio;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;
using asio::ip::tcp;
using components::http_reply;

inline constexpr auto as_result = asio::as_tuple(supe::use_awaitable);

/// What a destination does on one connection: an answer for each request, and then the end.
struct script {
    std::vector<std::string> answers;
    enum { close, reset, hold } then = close;
};

/// Separates the parts of an answer: with TLS each is a record of its own. They arrive together.
inline constexpr char next_record = '\x1e';

inline std::string ok(const std::string& more = "") {
    return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: 3\r\n\r\nok\n";
}

/// A destination that follows a script for each connection in turn.
class scripted_destination {
public:
    explicit scripted_destination(event_loop& loop, std::list<script> scripts,
                                  asio::ssl::context* tls = nullptr)
        : loop_(loop), tls_(tls), scripts_(std::move(scripts)),
          acceptor_(loop.io, {asio::ip::address_v4::loopback(), 0}), tasks_(loop.time),
          may_close_(loop.time) {
        tasks_.start(accept());
    }
    ~scripted_destination() {
        acceptor_.close();
        loop_.end(tasks_);
    }
    unsigned short port() const { return acceptor_.local_endpoint().port(); }
    std::string peer() const { return "127.0.0.1:" + std::to_string(port()); }
    components::http_destination address(const std::string& host = "127.0.0.1") const {
        return components::parse_destination(
            fmt::format("{}://{}:{}", tls_ ? "https" : "http", host, port()));
    }
    void let_go() {
        lets_go_ = true;
        may_close_.notify();
    }

    std::vector<std::string> heads{};  ///< of all requests
    std::size_t accepted = 0;
    std::size_t open = 0;      ///< connections that both sides have not closed yet
    std::size_t goodbyes = 0;  ///< TLS connections that ended with close_notify

private:
    supe::awaitable<> accept() {
        for (;;) {
            auto [failed, socket] = co_await acceptor_.async_accept(as_result);
            if (failed) co_return;
            ++accepted;
            ++open;
            script s;
            if (!scripts_.empty()) s = scripts_.front(), scripts_.pop_front();
            tasks_.start(tls_ ? serve_tls(std::move(socket), std::move(s))
                              : serve_plain(std::move(socket), std::move(s)));
        }
    }
    supe::awaitable<> serve_plain(tcp::socket socket, script s) {
        co_await converse(socket, socket, std::move(s));
        --open;
    }
    supe::awaitable<> serve_tls(tcp::socket socket, script s) {
        asio::ssl::stream<tcp::socket> stream(std::move(socket), *tls_);
        const auto [failed] =
            co_await stream.async_handshake(asio::ssl::stream_base::server, as_result);
        if (!failed) co_await converse(stream, stream.next_layer(), std::move(s));
        --open;
    }
    template <class Stream>
    supe::awaitable<> converse(Stream& stream, tcp::socket& socket, script s) {
        std::string buffer;
        for (const std::string& answer : s.answers) {
            auto [cut, n] = co_await asio::async_read_until(stream, asio::dynamic_buffer(buffer),
                                                            "\r\n\r\nhello", as_result);
            if (cut) break;
            heads.push_back(buffer.substr(0, n));
            buffer.erase(0, n);
            set_cork(socket, 1);
            for (std::size_t at = 0; at < answer.size();) {
                const std::string part = answer.substr(at, answer.find(next_record, at) - at);
                at += part.size() + 1;
                cut =
                    std::get<0>(co_await asio::async_write(stream, asio::buffer(part), as_result));
            }
            set_cork(socket, 0);
            if (cut) break;
        }
        if (s.then == script::reset) {
            socket.set_option(asio::socket_base::linger(true, 0));
            socket.close();
        }
        if (s.then != script::hold) co_return;
        char byte;
        const auto [ended, n] = co_await stream.async_read_some(asio::buffer(&byte, 1), as_result);
        if (ended == asio::error::eof) ++goodbyes;
        while (!lets_go_) co_await may_close_.wait();
    }

    /// Nothing goes out before it is taken off again.
    static void set_cork(tcp::socket& socket, int on) {
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    }

    event_loop& loop_;
    asio::ssl::context* tls_;
    std::list<script> scripts_;
    tcp::acceptor acceptor_;
    supe::nursery tasks_;
    bool lets_go_ = false;
    supe::timer may_close_;
};

/// The client, step by step.
struct caller {
    event_loop& loop;
    components::http_connection connection;
    supe::nursery tasks;
    supe::duration first_byte = 1h;

    caller(event_loop& l, components::http_destination to,
           components::tls_authorities authorities = {})
        : loop(l), connection(l.time, std::move(to), std::move(authorities)), tasks(l.time) {}
    ~caller() { loop.end(tasks); }

    std::string open(std::vector<std::string> peers, supe::duration limit = 5s) {
        std::optional<std::string> why;
        tasks.start(opening(std::move(peers), limit, why));
        BOOST_REQUIRE(loop.until([&] { return why.has_value(); }, limit + 5s));
        return *why;
    }
    supe::awaitable<> opening(std::vector<std::string> peers, supe::duration limit,
                              std::optional<std::string>& why) {
        const supe::time_point deadline = loop.time.now() + limit;
        std::string failed = co_await connection.connect(std::move(peers), deadline);
        if (failed.empty()) failed = co_await connection.secure(deadline);
        why = failed;
    }
    http_reply post(supe::duration limit = 5s, std::string body = "hello") {
        std::optional<http_reply> reply;
        tasks.start(posting(limit, std::move(body), reply));
        BOOST_REQUIRE(loop.until([&] { return reply.has_value(); }, limit + 5s));
        return *reply;
    }
    supe::awaitable<> posting(supe::duration limit, std::string body,
                              std::optional<http_reply>& reply) {
        const std::string head =
            fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.size());
        const components::exchange_limits limits{loop.time.now() + limit, first_byte};
        reply = co_await connection.exchange(head, body, limits);
    }
    void start_closing(bool& closed, supe::duration patience = components::longest_close) {
        tasks.start(closing(closed, patience));
    }
    supe::awaitable<> closing(bool& closed, supe::duration patience) {
        co_await connection.close(patience);
        closed = true;
    }
    bool close(supe::duration patience = components::longest_close) {
        bool closed = false;
        start_closing(closed, patience);
        return loop.until([&] { return closed; }, 10s);
    }
};

}  // namespace support
