// RabbitMQ, for the peers that keep their messages there.
#pragma once

#include "tests/bench/programs.hpp"

#include <cstdint>
#include <optional>

namespace bench {

/// Debian's server with a configuration and files of its own: it shares nothing with another one of
/// this machine. Runs as long as this object.
class rabbitmq_server {
public:
    /// Throws std::runtime_error with the reason where this machine does not have it.
    explicit rabbitmq_server(const folder& where);
    std::uint16_t port() const { return port_; }

private:
    std::uint16_t port_;
    std::optional<program> names_;  ///< Erlang's epmd, which the server would leave running
    std::optional<program> runs_;
};

}  // namespace bench
