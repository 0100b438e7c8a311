// One connection of the control socket. For the sources of the server alone.
#pragma once

#include "supe/control/server.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <utility>

namespace supe::control {

/// In the room until its request is whole, or refused.
struct server::client : request_guest {
    client(asio::local::stream_protocol::socket s, request_room& r, time_point now)
        : peer(std::move(s)), room(r) {
        error_code ignored;
        peer.non_blocking(true, ignored);
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

    /// Something has come that is not read yet.
    bool has_more() {
        int unread = 0;
        return ::ioctl(peer.native_handle(), FIONREAD, &unread) == 0 && unread > 0;
    }
    /// Others need its connection. It is told at once, and closed.
    void close_for_others() {
        leave_room();
        gives_way = true;
        say(peer.native_handle(),
            error("another client needed this connection, on which nothing had come for longest; "
                  "try again",
                  result::failed));
        error_code ignored;
        peer.close(ignored);
    }
    /// The last line, where nothing was answered yet. It does not wait.
    static void say(int connection, const boost::json::value& last) {
        const std::string line = boost::json::serialize(last) + "\n";
        ::send(connection, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    asio::local::stream_protocol::socket peer;
    request_room& room;
    std::string text;  // of the request, as far as it has come
    bool in_room = true;
    bool gives_way = false;      // no more of its request is read
    bool is_answered = false;    // something of an answer is sent
    boost::json::value refusal;  // why its request was not read to its end
    std::size_t largest = 0;     // bytes of the request or the answer
};

}  // namespace supe::control
