// The control socket of a tree: `STATE/control.sock`, a line of JSON for a request, a line for an
// answer.
#pragma once

#include "supe/async/race.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/control/commands.hpp"
#include "supe/control/request_places.hpp"
#include "supe/control/request_room.hpp"
#include "supe/output/output_line.hpp"
#include "supe/process/socket_file.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>

namespace supe::control {

/// What a client may cost. One past a limit is refused or closed, without an effect on others.
struct server_limits {
    std::size_t silent = 64;  ///< connections without a whole request; past it the one that has
                              ///< been silent for longest is closed
    place_limits places;      ///< requests that are served; past it they are refused
    std::size_t request = 17u << 20;        ///< bytes: a mail of the frame limit, with its envelope
    std::size_t requests = 64u << 20;       ///< bytes of all large requests that are being read
    std::size_t unread_notices = 8u << 20;  ///< bytes that wait for one client
    std::size_t all_unread_notices = 128u
                                     << 20;   ///< of all together; past it the slowest is closed
    std::size_t unread_answers = 128u << 20;  ///< bytes of all answers; past it one is an error
    duration fair = std::chrono::seconds(2);  ///< for a large request, before it gives way
    duration patience = std::chrono::seconds(10);  ///< for a whole request
    duration reading = std::chrono::seconds(60);   ///< for a whole answer, by its client
    duration youth = std::chrono::seconds(1);  ///< of a silent client, before it makes room for the
                                               ///< start of a child
    duration heartbeat = std::chrono::seconds(3);  ///< between empty lines, until the answer comes
};

/// Listens from its construction on, mode 0600; accepts this user and root alone. Removes the
/// socket at the end.
class server {
public:
    /// Throws system_error where the socket cannot be had.
    server(supervisor& s, std::filesystem::path state, server_limits limits = {});

    /// What `reload` does. Without it there is nothing to read again.
    void on_reload(commands::reloader r) { commands_.on_reload(std::move(r)); }
    /// Listens again where the socket was deleted. True where it was. Throws as the constructor.
    bool restore();
    /// Serves until it is cancelled.
    awaitable<> run();

private:
    struct client;    // server_client.hpp
    struct listener;  // server_notices.cpp
    awaitable<> accept();
    awaitable<> wait_for_descriptors();
    bool refuse_next();
    void take_in(asio::local::stream_protocol::socket peer);
    bool close_longest_silent(time_point before);
    void on_failure(client& who, const std::exception& why);
    awaitable<> serve(std::shared_ptr<client> who);
    awaitable<std::string> read_request(std::shared_ptr<client> who);
    boost::json::value why_not_on(client& who);
    bool make_room(client& who);
    awaitable<> answer(std::shared_ptr<client> who, boost::json::object request);
    awaitable<boost::json::value> perform(boost::json::object request, answer_room::place& held);
    awaitable<> send_heartbeats(std::shared_ptr<client> who);
    awaitable<> send_answer(std::shared_ptr<client> who, boost::json::value answer);
    void close_slow_listeners();
    awaitable<> stream_notices(std::shared_ptr<client> who, boost::json::object request);

    supervisor& supervisor_;
    commands commands_;
    std::filesystem::path state_;
    server_limits limits_;
    asio::local::stream_protocol::acceptor acceptor_;
    socket_file file_;
    unique_fd spare_;  // given up where no other is left, to tell a client so
    request_room room_;
    request_places places_;
    std::size_t unread_answers_ = 0;    // bytes that are being written
    std::vector<listener*> listeners_;  // to notices
    std::size_t unread_notices_ = 0;    // bytes for all of them
    utc_text stamp_;
    nursery connections_;
};

/// A request from its line: an object. Its `msg` is a string with the JSON text of what was sent,
/// byte for byte. Nothing for what is no request.
std::optional<boost::json::object> parse_request(std::string_view line);

}  // namespace supe::control
