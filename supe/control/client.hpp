// The other side of the control socket, for the command line and for tests. Blocking: a command has nothing else to do.
#pragma once

#include "supe/process/unique_fd.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace supe::control {

class client {
public:
    /// Nothing where no tree runs on this state directory.
    static std::optional<client> connect(const std::filesystem::path& state);

    /// Sends a request. Answers follow as lines.
    void send(const boost::json::object& request);
    /// The next line, without its newline; nothing at the end, or at the deadline.
    std::optional<std::string> next_line(std::optional<std::chrono::steady_clock::time_point> deadline = {});
    /// Sends a request and reads its one answer; null when the tree ended meanwhile.
    boost::json::value ask(const boost::json::object& request);

private:
    explicit client(unique_fd fd) : fd_(std::move(fd)) {}
    unique_fd fd_;
    std::string unread_;
};

}  // namespace supe::control
