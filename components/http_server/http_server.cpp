#include "components/http_server/http_server.hpp"

#include "components/http_server/webhook_intake.hpp"
#include "supe/async/nursery.hpp"

#include <optional>
#include <stdexcept>
#include <string>

namespace components {
namespace {

/// The sockets of `listen`, some of which speak TLS.
std::vector<http_listener> listeners_of(const intake_settings& settings) {
    std::vector<http_listener> all;
    for (const int fd : supe::listening_sockets()) all.push_back({fd});
    if (settings.tls.size() > all.size())
        throw std::runtime_error("tls: has more elements than there are listening sockets");
    for (std::size_t i = 0; i < settings.tls.size(); ++i)
        if (settings.tls[i]) all[i].identity = std::make_shared<tls_identity>(*settings.tls[i]);
    return all;
}

supe::awaitable<> note(supe::watch stopping, bool& noted) {
    const std::optional<supe::notice> seen = co_await stopping.next();
    if (seen) noted = true;
}

}  // namespace

supe::awaitable<> http_server(supe::component& self) {
    const boost::json::value config = co_await self.config();
    intake_settings settings = read_intake(config);
    std::vector<http_listener> listeners = listeners_of(settings);
    http_limits limits;
    limits.body = settings.largest_body();
    const bool one_limit = settings.has_one_body_limit();
    // Only where all ends: after a restart of this process alone the next one is there at once.
    bool all_stops = false;
    limits.accept_on = [&all_stops, delay = settings.drain_delay] {
        return all_stops ? supe::duration(delay) : supe::duration{};
    };
    const std::string notice = "supervisor-stopping";
    supe::watch stopping = co_await self.watch_notice(notice);
    webhook_intake intake(self, std::move(settings));
    if (!one_limit)
        limits.body_of = [&intake](const http_request& head) { return intake.body_limit_of(head); };
    const http_handler handler = [&intake](http_request request) {
        return intake.answer(std::move(request));
    };
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        all.start(note(std::move(stopping), all_stops));
        co_await serve_http(self, std::move(listeners), std::move(limits), handler);
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace components
