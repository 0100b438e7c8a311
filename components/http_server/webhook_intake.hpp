// Requests become webhooks that are kept.
#pragma once

#include "components/http/server.hpp"

#include <random>
#include <string>

namespace components {

/// The handler behind http_server. `to` is where webhooks are mailed; the ack says that one is
/// kept.
class webhook_intake {
public:
    webhook_intake(supe::component& self, std::string to) : self_(self), to_(std::move(to)) {}

    /// 200 once it is kept; 503 with Retry-After when it cannot be kept now: at once for a second
    /// after a refusal, after 20 s without an answer (senders give up at 10 s to 30 s).
    /// GET and HEAD: 200. Other methods: 405.
    supe::awaitable<http_answer> answer(http_request request);

private:
    webhook to_webhook(http_request request);
    http_answer unavailable(const supe::error_code& why);

    supe::component& self_;
    std::string to_;
    std::mt19937_64 dice_{std::random_device{}()};
    supe::time_point ask_again_{};
    supe::error_code refusal_{};  // the latest
    supe::time_point next_refusal_line_{};
    std::uint64_t refused_ = 0;
};

}  // namespace components
