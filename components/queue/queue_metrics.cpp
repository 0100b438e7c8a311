#include "components/queue/queue_metrics.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

namespace components {
namespace {

namespace json = boost::json;

// A queue that has no room for this much is full: it refuses what usually comes.
constexpr std::size_t usual_webhook = 64 << 10;

constexpr const char* classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

json::object counts_of_route(const route_row& r, webhook_store& store, unix_ms now) {
    const route_counts& n = r.counts;
    const auto oldest = n.queued() > 0 ? store.oldest_arrival(r.lane) : std::nullopt;
    return {{"accepted", n.accepted},
            {"delivered", n.delivered},
            {"dead", n.dead},
            {"dropped", n.dropped},
            {"duplicates", n.duplicates},
            {"replayed", n.replayed},
            {"pending", n.pending},
            {"failed", n.failed},
            {"bytes", n.bytes},
            {"paused", r.paused},
            {"oldest_ms", std::max<unix_ms>(0, now - oldest.value_or(now))}};
}

void add_lane(json::object& route, const lane& l) {
    const delivery_counts& n = l.deliveries;
    route["in_flight"] = l.in_flight();
    route["connections"] = l.settings().connections;
    route["circuit"] = name_of(l.health.circuit.current());
    json::object& attempts = route["attempts"].emplace_object();
    for (std::size_t i = 0; i < n.by_class.size(); ++i) attempts[classes[i]] = n.by_class[i];
    route["durations"] = json::array(n.by_duration.begin(), n.by_duration.end());
    route["durations_ms"] = n.ms;
}

}  // namespace

const char* name_of(patterns::circuit_breaker::phase p) {
    using enum patterns::circuit_breaker::phase;
    return p == closed ? "closed" : p == open ? "open" : p == half_open ? "half_open" : "ramp";
}

json::object metrics_of(const queue_logic& logic, webhook_store& store, unix_ms now) {
    json::object routes;
    for (const route_row& r : store.routes().all()) routes[r.name] = counts_of_route(r, store, now);
    for (const auto& l : logic.lanes()) add_lane(routes[l->settings().route].as_object(), *l);
    const auto& bounds = delivery_counts::bounds;
    const std::size_t usual = std::min(usual_webhook, logic.limits().bytes / 16);
    json::object all{{"refuses", logic.objection_to_any(usual)},
                     {"writable", !logic.has_lost_file()},
                     {"bytes", store.counts().bytes},
                     {"limit", logic.limits().bytes},
                     {"disk_free", logic.disk_left()},
                     {"disk_reserve", logic.limits().disk_reserve}};
    all["bounds_ms"] = json::array(bounds.begin(), bounds.end());
    all["routes"] = std::move(routes);
    return all;
}

}  // namespace components
