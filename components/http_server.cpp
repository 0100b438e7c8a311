#include "components/http_server.hpp"

#include "components/http_service.hpp"
#include "patterns/output.hpp"
#include "supe/supervision/tree_file.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <random>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto patience = 20s;         // for the queue to be started again; senders give up at 10 s to 30 s
constexpr auto complaint_every = 10s;  // one line for a storm of failures

/// What turns requests into webhooks.
struct door {
    supe::component& self;
    std::string to;
    std::mt19937_64 dice{std::random_device{}()};
    supe::time_point next_complaint{};
    std::uint64_t refused = 0;
};

bool is_kept(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

void complain(door& d, const supe::error_code& why) {
    ++d.refused;
    if (d.self.time().now() < d.next_complaint) return;
    d.next_complaint = d.self.time().now() + complaint_every;
    patterns::warn("answering 503, {} times so far: {}", d.refused, why.message());
}

supe::awaitable<http_answer> answer(door& d, http_request request) {
    if (request.method == "GET" || request.method == "HEAD")
        co_return http_answer{200, "supe relay: webhooks are taken here by POST, PUT, PATCH and DELETE\n", {}};
    if (!is_kept(request.method))
        co_return http_answer{405, "this method is not kept\n", {{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE"}}};
    webhook w;
    const auto now = d.self.time().wall();
    w.id = new_webhook_id(now, std::ref(d.dice));
    w.received_at = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    w.method = std::move(request.method);
    w.target = std::move(request.target);
    w.headers = end_to_end(std::move(request.headers));
    w.remote = std::move(request.remote);
    w.body = std::move(request.body);
    std::string text = to_json(w);
    const supe::error_code refused = co_await d.self.try_deliver(d.to, std::move(text), d.self.time().now() + patience);
    if (!refused) co_return http_answer{200, "kept\n", {{"Supe-Webhook-Id", w.id}}};
    complain(d, refused);
    co_return http_answer{503, "it cannot be kept now, please try again\n", {{"Retry-After", "5"}}};
}

}  // namespace

supe::awaitable<> http_server(supe::component& self) {
    const json::value given = co_await self.config();
    const json::object config = given.is_object() ? given.get_object() : json::object();
    const auto text = [&](const char* key, std::string otherwise) {
        const auto* value = config.if_contains(key);
        return value && value->is_string() ? std::string(value->get_string()) : otherwise;
    };
    http_limits limits;
    const auto body_limit = supe::parse_bytes(text("body_limit", "4MiB"));
    if (!body_limit) throw std::runtime_error("http_server: config.body_limit is not a size like \"4MiB\"");
    limits.body = *body_limit;
    door d{self, text("to", "/dam/queue")};
    const http_handler handler = [&d](http_request request) { return answer(d, std::move(request)); };
    co_await serve_http(self, supe::listening_sockets(), limits, handler);
}

}  // namespace components
