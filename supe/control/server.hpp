// The control socket of a tree: `STATE/control.sock`, a line of JSON for a request, a line for an answer.
#pragma once

#include "supe/control/commands.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>

namespace supe::control {

/// Listens from its construction on, mode 0600; only this user and root are heard. Removed at the end.
class server {
public:
    /// Throws system_error where the socket cannot be had.
    server(supervisor& s, std::filesystem::path state);
    ~server();

    /// Serves until it is cancelled.
    awaitable<> run();

private:
    using socket = asio::local::stream_protocol::socket;
    awaitable<> serve(socket peer);
    awaitable<> answer(socket& peer, boost::json::object request);
    awaitable<> stream_notices(socket& peer, boost::json::object request);

    supervisor& supervisor_;
    commands commands_;
    std::filesystem::path state_;
    asio::local::stream_protocol::acceptor acceptor_;
    nursery connections_;
};

/// The path of a socket in `directory` that is never too long for a sockaddr_un: by way of /proc/self/fd.
/// `directory_fd` must stay open while it is used.
std::string short_path(int directory_fd, const std::string& name);

}  // namespace supe::control
