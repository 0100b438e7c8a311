// The other side of the control socket, for the command line and for tests. Blocking: a command has
// nothing else to do.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace supe::control {

class client {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Nothing where no tree runs on this state directory, or this user may not ask it (errno is
    /// EACCES). A tree that is alive and accepts no connection counts as running: requests to it
    /// time out.
    static std::optional<client> connect(const std::filesystem::path& state);

    /// Sends a request. Answers follow as lines.
    void send(const boost::json::object& request);
    void send_line(std::string line);
    /// The next line, without its newline; nothing at the end, or at the deadline.
    std::optional<std::string> next_line(std::optional<time_point> deadline = {});

    /// Sends a request and waits for its one answer, however long the tree works on it. Always an
    /// object: `{"ok":…}` or `{"error":…,"code":…}`. A tree that is silent for 10 s, or ends, or
    /// closes the connection, is an error too.
    boost::json::value ask(const boost::json::object& request);
    boost::json::value ask_line(std::string line);

private:
    /// After the end of the connection: a tree that lives may close one, too.
    boost::json::value why_it_ended() const;
    client(unique_fd fd, std::filesystem::path state)
        : fd_(std::move(fd)), state_(std::move(state)) {}
    unique_fd fd_;  // none: the tree is there, but accepted no connection
    std::filesystem::path state_;
    std::string unread_;
    std::size_t begin_ = 0;     // of what is not read yet
    std::size_t searched_ = 0;  // so far there is no newline
    bool late_ = false;         // the last next_line() ended at its deadline
};

}  // namespace supe::control
