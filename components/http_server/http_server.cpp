#include "components/http_server/http_server.hpp"

#include "components/http_server/webhook_intake.hpp"

namespace components {
supe::awaitable<> http_server(supe::component& self) {
    const boost::json::value config = co_await self.config();
    intake_settings settings = read_intake(config);
    http_limits limits;
    limits.body = settings.largest_body();
    const bool one_limit = settings.has_one_body_limit();
    webhook_intake intake(self, std::move(settings));
    if (!one_limit)
        limits.body_of = [&intake](const http_request& head) { return intake.body_limit_of(head); };
    const http_handler handler = [&intake](http_request request) {
        return intake.answer(std::move(request));
    };
    co_await serve_http(self, supe::listening_sockets(), limits, handler);
}

}  // namespace components
