#include "components/http_server/http_server.hpp"

#include "components/http_server/webhook_intake.hpp"
#include "supe/text/config.hpp"

namespace components {
namespace {

struct intake_settings {
    std::string to = "/dam/queue";
    http_limits limits;
};

intake_settings intake_settings_in(const boost::json::value& config) {
    intake_settings s;
    supe::read_config(
        config,
        {{"to", [&](auto& in, auto& x) { s.to = in.string(x); }},
         {"body_limit", [&](auto& in, auto& x) { s.limits.body = in.bytes(x, 1, largest_body); }}});
    return s;
}

}  // namespace

supe::awaitable<> http_server(supe::component& self) {
    const boost::json::value config = co_await self.config();
    const intake_settings settings = intake_settings_in(config);
    webhook_intake intake(self, settings.to);
    const http_handler handler = [&intake](http_request request) {
        return intake.answer(std::move(request));
    };
    co_await serve_http(self, supe::listening_sockets(), settings.limits, handler);
}

}  // namespace components
