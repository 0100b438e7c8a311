// One connection of the control socket. For the sources of the server alone.
#pragma once

#include "supe/control/server.hpp"

#include <boost/json/value.hpp>
#include <string>
#include <utility>

namespace supe::control {

/// In the room until its request is whole, or refused.
struct server::client : request_guest {
    client(asio::local::stream_protocol::socket s, request_room& r, time_point now)
        : peer(std::move(s)), room(r) {
        room.enter(*this, now);
    }
    ~client() { leave_room(); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    void leave_room() {
        if (std::exchange(in_room, false)) room.leave(*this);
    }
    /// Others need its memory. What it reads ends, and it is told.
    void give_way() {
        room.release(*this);
        gives_way = true;
        error_code ignored;
        peer.cancel(ignored);
    }

    asio::local::stream_protocol::socket peer;
    request_room& room;
    std::string text;  // of the request, as far as it has come
    bool in_room = true;
    bool gives_way = false;      // no more of its request is read
    boost::json::value refusal;  // why its request was not read to its end
    std::size_t largest = 0;     // bytes of the request or the answer
};

}  // namespace supe::control
