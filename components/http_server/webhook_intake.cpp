#include "components/http_server/webhook_intake.hpp"

#include "patterns/output.hpp"

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto ack_limit = 20s;
constexpr auto refusal_holds = 1s;        // a full queue is not asked for each request of a storm
constexpr auto refusal_line_every = 10s;  // one line for all of them

bool is_kept(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

}  // namespace

webhook webhook_intake::to_webhook(http_request request) {
    webhook w;
    const auto now = self_.time().wall();
    w.id = new_webhook_id(now, std::ref(dice_));
    w.received_at =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    w.method = std::move(request.method);
    w.target = std::move(request.target);
    w.headers = end_to_end(std::move(request.headers));
    w.remote = std::move(request.remote);
    w.body = std::move(request.body);
    return w;
}

http_answer webhook_intake::unavailable(const supe::error_code& why) {
    const supe::time_point now = self_.time().now();
    refusal_ = why;
    ++refused_;
    if (now >= next_refusal_line_) {
        next_refusal_line_ = now + refusal_line_every;
        patterns::warn("answering 503, {} times so far: {}", refused_, why.message());
    }
    return {503, "it cannot be kept now, please try again\n", {{"Retry-After", "5"}}};
}

supe::awaitable<http_answer> webhook_intake::answer(http_request request) {
    if (request.method == "GET" || request.method == "HEAD")
        co_return http_answer{
            200, "supe relay: webhooks are taken here by POST, PUT, PATCH and DELETE\n", {}};
    if (!is_kept(request.method))
        co_return http_answer{
            405, "this method is not kept\n", {{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE"}}};
    if (self_.time().now() < ask_again_) co_return unavailable(refusal_);
    std::string id, text;
    {
        const webhook w = to_webhook(std::move(request));
        id = w.id;
        text = to_json(w);
    }  // a large body is not kept twice while we wait
    const supe::error_code refused =
        co_await self_.try_deliver(to_, std::move(text), self_.time().now() + ack_limit);
    if (refused == supe::mail_error::dead_lettered || refused == supe::mail_error::mailbox_full)
        ask_again_ = self_.time().now() + refusal_holds;
    if (refused) co_return unavailable(refused);
    co_return http_answer{200, "kept\n", {{"Supe-Webhook-Id", id}}};
}

}  // namespace components
