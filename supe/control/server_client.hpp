// One connection of the control socket. For the sources of the server alone.
#pragma once

#include "supe/control/server.hpp"

#include <string>
#include <utility>

namespace supe::control {

struct server::client {
    client(asio::local::stream_protocol::socket s, std::size_t& bytes)
        : peer(std::move(s)), unfinished_bytes(bytes) {}
    ~client() { forget_text(); }
    void forget_text() {
        unfinished_bytes -= std::exchange(counted, 0);
        text = std::string();
    }
    asio::local::stream_protocol::socket peer;
    std::size_t& unfinished_bytes;
    std::string text;         // of the request, as far as it has come
    std::size_t counted = 0;  // of it, in unfinished_bytes
    bool complete = false;
    bool too_much = false;    // what it sent is past a limit
    std::size_t largest = 0;  // bytes of the request or the answer
};

}  // namespace supe::control
