// The destination of `supe chaos`: answers 200 after some milliseconds, and counts its connections.
#pragma once

#include "components/chaos/chaos_ledger.hpp"
#include "components/http/tcp_socket.hpp"
#include "supe/async/nursery.hpp"

#include <random>

namespace components {

class chaos_destination {
public:
    /// Listens on a free port of 127.0.0.1.
    chaos_destination(supe::clock& time, chaos_ledger& ledger, std::uint64_t seed);

    unsigned short port() const { return port_; }
    /// Connections that were open at once, at most: each from its accept until both sides have
    /// closed it.
    std::size_t most_open() const { return most_open_; }
    supe::time_point last_arrival() const { return last_arrival_; }
    /// The longest time between two arrivals.
    supe::duration longest_pause() const { return longest_pause_; }

    /// Serves until it is cancelled.
    supe::awaitable<> run();

private:
    supe::awaitable<> accept_all(supe::nursery& clients);
    supe::awaitable<> serve(tcp_socket socket);
    void arrived(std::string_view target, std::string_view body);

    supe::clock& time_;
    chaos_ledger& ledger_;
    tcp_acceptor acceptor_;
    unsigned short port_ = 0;
    std::size_t open_ = 0;
    std::size_t most_open_ = 0;
    supe::time_point last_arrival_;
    supe::duration longest_pause_{};
    std::mt19937_64 dice_;
};

}  // namespace components
