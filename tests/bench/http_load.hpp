// A load generator: keep-alive connections that each send a webhook, wait for the answer, and send
// the next.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bench {

struct http_load {
    int connections = 64;
    std::size_t body = 1024;                 ///< bytes
    std::chrono::milliseconds warm_up{200};  ///< not counted
    std::chrono::milliseconds measured{2000};
};

struct http_figures {
    double per_second = 0;
    double answered = 0;            ///< requests, those of the warm-up too
    double p50_ms = 0, p99_ms = 0;  ///< from the request's write to the answer's last byte
};

/// Puts the load on 127.0.0.1:port. One thread with bare epoll: on two cores it takes its time from
/// the server. Throws when an answer is not 200, or a connection ends.
http_figures put_http_load(std::uint16_t port, const http_load& load);

/// About what an e-mail service sends.
std::string webhook_body(std::size_t bytes);

/// Sends one request, and returns the head and body of the answer; empty without a listener.
std::string ask_http(std::uint16_t port);

}  // namespace bench
