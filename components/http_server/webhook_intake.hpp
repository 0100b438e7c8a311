// Requests become webhooks that are kept.
#pragma once

#include "components/http_server/intake_route.hpp"
#include "components/webhook/webhook_keeper.hpp"
#include "patterns/rate_limiter.hpp"
#include "supe/async/waiters.hpp"

#include <random>
#include <string>

namespace components {

/// The handler behind http_server. `keeper`: where its webhooks go.
class webhook_intake {
public:
    webhook_intake(supe::component& self, intake_settings settings, webhook_keeper& keeper)
        : self_(self), settings_(std::move(settings)), keeper_(keeper), waiting_(self.time()) {}

    /// 200 once it is kept, all of it or nothing where it is split; 503 with Retry-After when it
    /// cannot be kept now: at once for a second after its route was refused one that was no larger,
    /// after 20 s without an answer (senders give up at 10 s to 30 s). GET and HEAD: 200. What the
    /// route does not take: 401, 404, 405, 413, 429, and 508 for what we have delivered ourselves.
    supe::awaitable<http_answer> answer(http_request request);

    /// The most bytes that the body of this request may have, by its head.
    std::size_t body_limit_of(const http_request& head);

    const std::vector<intake_route>& routes() const { return settings_.routes; }

private:
    /// What is known of a request before anything is asked of it.
    struct arrival {
        http_request request;
        bool proxied = false;  ///< by somebody trusted
        called_site site;
        routed to;
    };
    struct batch;
    class place;

    arrival arrival_of(http_request request);
    std::optional<http_answer> refusal_of(const arrival& a);
    http_answer unverified(intake_route& route, const std::string& why);
    http_answer unavailable(const supe::error_code& why);
    webhook to_webhook(arrival a);
    std::string new_id();
    std::string reason_of(const supe::error_code& why) const;
    /// `size`: of the request's body.
    supe::awaitable<http_answer> keep_all(batch b, std::size_t size);
    supe::awaitable<std::string> text_of(const batch& b);
    void note(intake_route& route, std::size_t body, const supe::error_code& refused);

    supe::component& self_;
    intake_settings settings_;
    webhook_keeper& keeper_;
    std::mt19937_64 dice_{std::random_device{}()};
    std::uint64_t refused_ = 0, unverified_ = 0;
    std::size_t batch_bytes_ = 0;  // of batches on their way to the queue
    std::uint64_t batches_ = 0;
    supe::waiter_table<std::uint64_t, bool> waiting_;  // batches, for room
    // One line for all of a kind.
    patterns::rate_limiter refusal_lines_{{1, std::chrono::seconds(10)}};
    patterns::rate_limiter unverified_lines_{{1, std::chrono::seconds(10)}};
};

}  // namespace components
