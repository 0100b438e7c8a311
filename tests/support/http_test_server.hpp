// An HTTP server in the test's own process and thread, with limits that a test can reach.
#pragma once

#include "components/http/server.hpp"
#include "supe/async/unique_fd.hpp"
#include "tests/support/raw_client.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <boost/test/unit_test.hpp>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace support {

using components::http_answer;
using components::http_request;

/// A listening socket on a port that the kernel chooses.
inline int listen_on_loopback(unsigned short& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    BOOST_REQUIRE(::listen(fd, SOMAXCONN) == 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return fd;
}

/// The server as a component, with limits that a test can reach.
struct http_test_server {
    support::event_loop loop{};
    unsigned short port = 0;
    supe::unique_fd supervisor{};  ///< the other end of the channel, which is not read
    std::optional<supe::component> self{};
    supe::nursery tasks{loop.time};
    std::vector<http_request> got{};
    supe::duration answer_after{};
    std::string more{};  ///< of each answer, before its last line
    bool ended = false;
    int answering = 0;          ///< requests
    int answering_at_end = -1;  ///< when serve_http() had ended

    /// With `tls` it speaks nothing else.
    explicit http_test_server(components::http_limits limits = small(),
                              std::optional<components::tls_files> tls = {}) {
        int wire[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire) == 0);
        supervisor.reset(wire[0]);
        self.emplace(loop.time, wire[1], "http", "/http");
        tasks.start(self->serve());
        components::http_listener listener{listen_on_loopback(port)};
        if (tls) listener.identity = std::make_shared<components::tls_identity>(*tls);
        tasks.start(run(limits, std::move(listener)));
        loop.until([&] { return tasks.size() == 2; }, std::chrono::seconds(1));
    }
    ~http_test_server() {
        stop();
        loop.end(tasks);
    }

    static components::http_limits small() {
        components::http_limits l;
        l.head = 2000;
        l.body = 200000;
        return l;
    }
    supe::awaitable<> run(components::http_limits limits, components::http_listener listener) {
        const components::http_handler handler = [this](http_request r) {
            return answer(std::move(r));
        };
        const std::vector<components::http_listener> listeners(1, listener);
        struct at_end {
            http_test_server& s;
            ~at_end() { s.answering_at_end = s.answering; }
        } const note{*this};
        co_await components::serve_http(*self, listeners, limits, handler);
        ended = true;
    }
    supe::awaitable<http_answer> answer(http_request request) {
        const std::string text = more + request.method + " " + request.target + " " +
                                 std::to_string(request.body.size()) + "\n";
        const bool broken = request.target == "/broken", too_much = request.target == "/too-much";
        got.push_back(std::move(request));
        struct counted {
            int& n;
            explicit counted(int& c) : n(c) { ++n; }
            ~counted() { --n; }
        } const one(answering);
        if (answer_after > std::chrono::seconds(0)) co_await loop.time.sleep_for(answer_after);
        if (broken) throw std::runtime_error("a handler's fault");
        if (too_much) throw std::bad_alloc();
        co_return http_answer{200, text, {{"X-Own", "1"}}};
    }
    void ask_to_stop() { self->request_shutdown(); }
    bool stop() {
        ask_to_stop();
        return loop.until([&] { return ended; }, std::chrono::seconds(20));
    }
    raw_client client() { return {loop, port}; }
    /// Sends these bytes on a connection of its own, and returns all bytes of the server until it
    /// closes.
    std::string talk(std::string_view bytes) {
        raw_client c = client();
        return c.say(bytes).read_all();
    }
};

/// Checks the status, our text, and how the connection ended.
inline void check(const std::string& reply, const std::string& status, const std::string& words) {
    BOOST_TEST(reply.starts_with("HTTP/1.1 " + status), reply);
    BOOST_TEST(reply.find("\r\nConnection: close\r\n") != reply.npos, reply);
    BOOST_TEST(reply.ends_with(words + "(end)"), reply);
}

inline bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
}

}  // namespace support
