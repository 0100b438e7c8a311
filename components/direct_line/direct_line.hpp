// http_server's end of the direct line: webhooks go to the queue without a supervisor between.
#pragma once

#include "components/webhook/webhook_keeper.hpp"
#include "patterns/rate_limiter.hpp"
#include "supe/async/waiters.hpp"
#include "supe/channel/channel.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace components {

/// A webhook that has no answer yet is sent again, in its place, to each next life of the queue,
/// until its deadline: the queue knows it by its id.
class direct_line final : public webhook_keeper {
public:
    /// `socket`: where the queue listens (direct_intake).
    direct_line(supe::clock& time, std::filesystem::path socket);

    /// Connects, again and again; until it is cancelled. A line says why it cannot.
    supe::awaitable<> run() override;
    /// Also while the queue is away: it may be back before the deadline. `message_size`: it is too
    /// long.
    supe::awaitable<supe::error_code> keep(std::string webhook, supe::time_point deadline) override;
    /// Once there has been no line for a second: a queue that starts anew is back in a moment.
    std::string objection() const override { return objection_; }

private:
    class unanswered;
    supe::awaitable<> talk();
    void connect();
    void note(const std::string& why_not);
    supe::awaitable<> write();
    void send();

    supe::clock& time_;
    std::filesystem::path socket_;
    std::optional<supe::channel> wire_;  // while the queue is there
    supe::timer unwritten_;
    std::map<std::uint64_t, std::string> unanswered_;  // in the order of their arrival
    supe::waiter_table<std::uint64_t, supe::error_code> waiting_;
    std::uint64_t last_ = 0;  // number of a webhook
    std::uint64_t sent_ = 0;  // the last one that this connection has
    std::optional<supe::time_point> away_since_;
    std::string objection_, told_;
    patterns::rate_limiter lines_{{1, std::chrono::seconds(10)}};
};

}  // namespace components
