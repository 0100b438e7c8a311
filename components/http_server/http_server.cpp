#include "components/http_server/http_server.hpp"

#include "components/http_server/make_keeper.hpp"
#include "components/http_server/webhook_intake.hpp"
#include "supe/async/nursery.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/utf8.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace components {
namespace {

namespace json = boost::json;
using http_listeners = std::vector<http_listener>;

/// The sockets of `listen`, some of which speak TLS.
http_listeners listeners_of(const intake_settings& settings) {
    http_listeners all;
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

json::object counters_of(const http_counts& counts, const webhook_intake& intake,
                         const http_listeners& all, const webhook_keeper& keeper) {
    json::object answers, unverified, certificates;
    json::array listeners;
    for (const http_listener& l : all) {
        listeners.emplace_back(l.identity ? l.identity->objection() : std::string());
        if (const auto end = l.identity ? l.identity->expires() : std::nullopt)
            certificates[supe::as_utf8(l.identity->certificate().string())] = *end;
    }
    for (const auto& [status, n] : counts) answers[std::to_string(status)] = n;
    for (const intake_route& r : intake.routes())
        if (r.check) unverified[r.name] = r.unverified;
    return {{"answers", std::move(answers)},
            {"unverified", std::move(unverified)},
            {"listeners", std::move(listeners)},
            {"certificates", std::move(certificates)},
            {"unkept", supe::as_utf8(keeper.objection())}};
}

/// Until the component is asked to shut down.
supe::awaitable<> answer_calls(supe::component& self, const http_counts& counts,
                               const webhook_intake& intake, const http_listeners& all,
                               const webhook_keeper& keeper) {
    while (auto mail = co_await self.receive()) {
        if (supe::flag_of(supe::parse_object(mail->body()), "counters", false)) {
            json::object counters = counters_of(counts, intake, all, keeper);
            mail->answer(std::move(counters));
            mail->ack();
        } else {
            mail->reject(R"({"counters":true} is expected)");
        }
    }
}

}  // namespace

supe::awaitable<> http_server(supe::component& self) {
    const json::value config = co_await self.config();
    intake_settings settings = read_intake(config);
    const http_listeners listeners = listeners_of(settings);
    // Those that somebody waits for are there from the beginning: a rate of them needs a 0.
    http_counts counts{{200, 0}, {401, 0}, {429, 0}, {503, 0}};
    http_limits limits;
    limits.counts = &counts;
    limits.body = settings.largest_body();
    const bool one_limit = settings.has_one_body_limit();
    // Only where all ends: after a restart of this process alone the next one is there at once.
    bool all_stops = false;
    limits.accept_on = [&all_stops, delay = settings.drain_delay] {
        return all_stops ? supe::duration(delay) : supe::duration{};
    };
    const std::string notice = "supervisor-stopping";
    supe::watch stopping = co_await self.watch_notice(notice);
    const std::unique_ptr<webhook_keeper> keeper = make_keeper(self, settings);
    webhook_intake intake(self, std::move(settings), *keeper);
    if (!one_limit)
        limits.body_of = [&intake](const http_request& head) { return intake.body_limit_of(head); };
    const http_handler handler = [&intake](http_request request) {
        return intake.answer(std::move(request));
    };
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        all.start(note(std::move(stopping), all_stops));
        all.start(keeper->run());
        all.start(answer_calls(self, counts, intake, listeners, *keeper));
        co_await serve_http(self, listeners, std::move(limits), handler);
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace components
