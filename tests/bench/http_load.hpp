// A load generator: keep-alive connections that each send a webhook, wait for the answer, and send
// the next.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

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

/// The same connections, for a server that is killed meanwhile: they send as webhook senders do. A
/// connection that ends is opened again, and what had no answer is sent again; so is what is
/// answered with another status than 200.
class http_senders {
public:
    http_senders(std::uint16_t port, int connections, std::size_t body);

    /// Sends and receives for so long. What is under way then goes on in the next call.
    void go_on_for(std::chrono::milliseconds);
    /// Until each has the answer of what it sent; nothing new is sent.
    void finish();

    /// Since the last call of take(), without what is under way.
    struct counts {
        double answered = 0;  ///< webhooks with a 200
        double cut = 0;       ///< attempts whose connection ended before their answer
        double refused = 0;   ///< attempts with another answer
        double p50_ms = 0, p99_ms = 0, most_ms = 0;  ///< of a webhook, over all of its attempts
    };
    counts take();

private:
    struct sender {
        supe::unique_fd fd{};
        std::string answer{};
        std::int64_t began = 0;  ///< of its webhook; 0: it has none
    };
    void open(std::size_t which);
    void send(sender& s);
    void receive(std::size_t which, bool more);
    void turn(bool more);

    std::uint16_t port_;
    std::string request_;
    supe::unique_fd poll_;
    std::vector<sender> senders_;
    std::vector<std::int64_t> took_;
    counts counts_;
};

/// About what an e-mail service sends.
std::string webhook_body(std::size_t bytes);

/// Sends one request, and returns the head and body of the answer; empty without a listener.
std::string ask_http(std::uint16_t port);

}  // namespace bench
