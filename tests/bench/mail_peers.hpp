// What the figures of mail are compared with: floors of bare sockets, and peers that do the same
// work.
#pragma once

#include "tests/bench/peer_if_there.hpp"
#include "tests/bench/rabbitmq_server.hpp"

#include <memory>
#include <optional>
#include <string>

namespace bench {

constexpr int mails_at_once = 20'000;
constexpr std::size_t mail_size = 256;  ///< bytes of a body

// Floors, in mails a second.

/// One mail to another process and one byte back, repeatedly, over a socketpair.
double ping_pong();

/// A sender, a process between, and us as the receiver, over two socketpairs. Its processes run for
/// all rounds, as ours do.
class bare_sockets {
public:
    /// The process between is a router that finds the ends of lines and passes each line on, at
    /// most `window` of them without an ack. It parses no frame, and keeps no line that it has
    /// passed on. With window 0 it passes on all bytes as fast as it can, without acks.
    explicit bare_sockets(unsigned window);
    ~bare_sockets();
    double all_at_once();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

// Peers. Their constructors throw std::runtime_error with the reason when this machine does not
// have them. Figures in mails a second, from the first one sent to the last one acknowledged, as
// our own.

/// A supervisor of npm's `supe` 0.5.2 with a sender and a receiver, each in a Node process of its
/// own.
class npm_supe {
public:
    explicit npm_supe(const folder& where);
    double all_at_once();

private:
    births moments_;
    std::optional<program> supervisor_;
    pid_t sender_ = 0;
};

/// RabbitMQ with a durable queue: persistent messages with confirms from one process, acknowledged
/// by another.
class rabbitmq {
public:
    explicit rabbitmq(const folder& where);
    /// Ends with the last confirm or the last ack, whichever is later.
    double all_at_once();

private:
    births moments_;
    std::optional<rabbitmq_server> server_;
    std::optional<program> consumer_, publisher_;
};

}  // namespace bench
