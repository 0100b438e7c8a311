#include "components/admin/relay_numbers.hpp"

#include "supe/run/version.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <sstream>

namespace components {
namespace {

namespace json = boost::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;
using families = std::vector<MetricFamily>;

const json::object no_members;

const json::object& object_in(const json::value& v) {
    return v.is_object() ? v.get_object() : no_members;
}

const json::object& object_at(const json::object& o, std::string_view key) {
    const auto* v = o.if_contains(key);
    return v ? object_in(*v) : no_members;
}

std::optional<double> number_of(const json::value& v) {
    if (v.is_bool()) return v.get_bool() ? 1 : 0;
    if (v.is_number()) return v.to_number<double>();
    return std::nullopt;
}

std::optional<double> number_at(const json::object& o, std::string_view key) {
    const auto* v = o.if_contains(key);
    return v ? number_of(*v) : std::nullopt;
}

double at_or_0(const json::object& o, std::string_view key) {
    return number_at(o, key).value_or(0);
}

MetricFamily& add_family(families& all, MetricType type, const char* name, const char* help) {
    all.push_back({name, help, type, {}});
    return all.back();
}

void add(MetricFamily& family, std::optional<double> value, labels l) {
    if (!value) return;
    ClientMetric m;
    m.label = std::move(l);
    (family.type == MetricType::Counter ? m.counter.value : m.gauge.value) = *value;
    family.metric.push_back(std::move(m));
}

/// One number of each route.
struct route_metric {
    MetricType type;
    const char* name;
    const char* help;
    std::optional<double> (*of)(const json::object& route);
};

constexpr MetricType counter = MetricType::Counter, gauge = MetricType::Gauge;

const route_metric route_metrics[] = {
    {counter, "supe_webhooks_accepted_total", "Webhooks that were kept and answered 200.",
     [](auto& r) { return number_at(r, "accepted"); }},
    // In the ledger a replay takes back that it was delivered: of both together none is lost.
    {counter, "supe_webhooks_delivered_total", "Deliveries that the destination answered with 2xx.",
     [](auto& r) { return std::optional(at_or_0(r, "delivered") + at_or_0(r, "replayed")); }},
    {counter, "supe_webhooks_dropped_total", "Webhooks that an operator dropped undelivered.",
     [](auto& r) { return number_at(r, "dropped"); }},
    {counter, "supe_webhooks_duplicates_total",
     "Webhooks that were answered 200 and not kept, since their key had come already.",
     [](auto& r) { return number_at(r, "duplicates"); }},
    {counter, "supe_webhooks_replayed_total",
     "Delivered webhooks that an operator had delivered again.",
     [](auto& r) { return number_at(r, "replayed"); }},
    {gauge, "supe_webhooks_queued", "Webhooks that are still to be delivered.",
     [](auto& r) { return std::optional(at_or_0(r, "pending") + at_or_0(r, "failed")); }},
    {gauge, "supe_route_queue_bytes",
     "Bytes of the route's webhooks that are queued or dead; one of several routes gets 503 past "
     "half of supe_queue_limit_bytes.",
     [](auto& r) { return number_at(r, "bytes"); }},
    {gauge, "supe_webhooks_failed", "Of those queued, the ones that wait for another attempt.",
     [](auto& r) { return number_at(r, "failed"); }},
    {gauge, "supe_webhooks_dead", "Dead letters, which wait for an operator.",
     [](auto& r) { return number_at(r, "dead"); }},
    {gauge, "supe_webhooks_in_flight",
     "Webhooks with the forwarder: being delivered, or next for a connection.",
     [](auto& r) { return number_at(r, "in_flight"); }},
    {gauge, "supe_ledger_difference",
     "Accepted less delivered, dead, dropped and queued: 0, or the relay has lost count.",
     [](auto& r) {
         return std::optional(at_or_0(r, "accepted") - at_or_0(r, "delivered") -
                              at_or_0(r, "dead") - at_or_0(r, "dropped") - at_or_0(r, "pending") -
                              at_or_0(r, "failed"));
     }},
    {gauge, "supe_oldest_webhook_seconds",
     "Since the oldest of those queued came in, whatever was done with it; 0 where none is.",
     [](auto& r) { return std::optional(at_or_0(r, "oldest_ms") / 1000); }},
    {gauge, "supe_route_paused", "1 while the destination gets nothing, since it answered 410.",
     [](auto& r) { return number_at(r, "paused"); }},
    {gauge, "supe_circuit_open",
     "1 while the destination is down and one webhook at a time tries it.",
     [](auto& r) -> std::optional<double> {
         const std::string circuit = supe::string_of(r, "circuit");
         if (circuit.empty()) return std::nullopt;
         return circuit == "open" || circuit == "half_open" ? 1 : 0;
     }},
    {gauge, "supe_connections_limit", "The most connections that are opened to the destination.",
     [](auto& r) { return number_at(r, "connections"); }},
};

void add_routes(families& all, const json::object& routes) {
    for (const route_metric& m : route_metrics) {
        MetricFamily& family = add_family(all, m.type, m.name, m.help);
        for (const auto& [name, route] : routes)
            add(family, m.of(object_in(route)), {{"route", name}});
    }
}

void add_attempts(families& all, const json::object& routes) {
    MetricFamily& family =
        add_family(all, counter, "supe_delivery_attempts_total",
                   "Attempts by the class of their answer, none where there was none; since the "
                   "queue began.");
    for (const auto& [name, route] : routes)
        for (const auto& [code, n] : object_at(object_in(route), "attempts"))
            add(family, number_of(n), {{"route", name}, {"code_class", code}});
}

/// `counts`: in each bucket alone; the last one behind all bounds.
ClientMetric histogram_of(const json::array& bounds_ms, const json::array& counts, double sum_ms) {
    ClientMetric m;
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        so_far += static_cast<std::uint64_t>(number_of(counts[i]).value_or(0));
        if (i < bounds_ms.size())
            m.histogram.bucket.push_back({so_far, number_of(bounds_ms[i]).value_or(0) / 1000});
    }
    m.histogram.sample_count = so_far;
    m.histogram.sample_sum = sum_ms / 1000;
    return m;
}

void add_durations(families& all, const json::object& queue, const json::object& routes) {
    MetricFamily& family =
        add_family(all, MetricType::Histogram, "supe_delivery_duration_seconds",
                   "How long attempts took, whatever came of them, without the wait for a "
                   "connection; since the queue began.");
    const auto* bounds = queue.if_contains("bounds_ms");
    for (const auto& [name, value] : routes) {
        const json::object& route = object_in(value);
        const auto* counts = route.if_contains("durations");
        if (!bounds || !bounds->is_array() || !counts || !counts->is_array()) continue;
        ClientMetric m =
            histogram_of(bounds->get_array(), counts->get_array(), at_or_0(route, "durations_ms"));
        m.label = {{"route", name}};
        family.metric.push_back(std::move(m));
    }
}

void add_queue(families& all, const given_answer& answer) {
    if (!answer.problem.empty()) return;
    const json::object& queue = object_in(answer.value);
    add(add_family(all, gauge, "supe_store_writable",
                   "1 where the store took a write just now; 0 where it failed, or its file is "
                   "lost, and no webhook is taken."),
        !queue.contains("error") && supe::flag_of(queue, "writable", true) ? 1 : 0, {});
    if (queue.contains("error")) return;
    const json::object& routes = object_at(queue, "routes");
    add_routes(all, routes);
    add_attempts(all, routes);
    add_durations(all, queue, routes);
    const std::pair<const char*, std::pair<const char*, const char*>> sizes[] = {
        {"bytes", {"supe_queue_bytes", "Bytes of the webhooks that are queued or dead."}},
        {"limit", {"supe_queue_limit_bytes", "The most of these; past it the answer is 503."}},
        {"disk_free", {"supe_disk_free_bytes", "Bytes that the disk of the store has left."}},
        {"disk_reserve",
         {"supe_disk_reserve_bytes", "Where the disk has less left, the answer is 503."}}};
    for (const auto& [key, metric] : sizes)
        add(add_family(all, gauge, metric.first, metric.second), number_at(queue, key), {});
}

void add_requests(families& all, const given_answer& answer) {
    if (!answer.problem.empty()) return;
    const json::object& server = object_in(answer.value);
    MetricFamily& answers = add_family(all, counter, "supe_requests_total",
                                       "Requests of senders by the status of their answer; since "
                                       "http_server began.");
    for (const auto& [status, n] : object_at(server, "answers"))
        add(answers, number_of(n), {{"code", status}});
    MetricFamily& unverified =
        add_family(all, counter, "supe_verification_failures_total",
                   "Requests that were answered 401, since their signature was not right; of "
                   "routes with verify, since http_server began.");
    for (const auto& [route, n] : object_at(server, "unverified"))
        add(unverified, number_of(n), {{"route", route}});
}

/// What is wrong with each listener of http_server; empty where nothing is.
std::vector<std::string> faults_of_listeners(const json::object& server) {
    std::vector<std::string> faults;
    const auto* all = server.if_contains("listeners");
    if (!all || !all->is_array()) return faults;
    for (const json::value& fault : all->get_array())
        faults.emplace_back(fault.is_string() ? std::string_view(fault.get_string()) : "");
    return faults;
}

void add_listeners(families& all, const given_answer& answer) {
    if (!answer.problem.empty()) return;
    const json::object& server = object_in(answer.value);
    const auto faults = faults_of_listeners(server);
    const auto down = std::ranges::count_if(faults, [](auto& fault) { return !fault.empty(); });
    add(add_family(all, gauge, "supe_listeners_down",
                   "Listeners that take no connection, since their certificate or key is bad."),
        static_cast<double>(down), {});
    MetricFamily& ends = add_family(all, gauge, "supe_certificate_expiry_timestamp_seconds",
                                    "When the certificate of a listener ends, in seconds since "
                                    "1970; of the one that is in use.");
    for (const auto& [file, end] : object_at(server, "certificates"))
        add(ends, number_of(end), {{"certificate", file}});
}

/// Why no connection is taken anywhere; empty where one is.
std::string objection_of_listeners(const json::object& server) {
    const auto faults = faults_of_listeners(server);
    const bool none_works = !faults.empty() && std::ranges::none_of(faults, &std::string::empty);
    return none_works ? "no listener takes connections: TLS: " + faults.front() : "";
}

using numbers_by_name = std::map<std::string, double>;

void collect_restarts(const json::object& node, numbers_by_name& found) {
    const auto* children = node.if_contains("children");
    if (!children || !children->is_array()) return;
    for (const json::value& value : children->get_array()) {
        const json::object& child = object_in(value);
        found[supe::string_of(child, "name")] += at_or_0(child, "restarts");
        collect_restarts(child, found);
    }
}

void add_restarts(families& all, const given_answer& tree) {
    if (!tree.problem.empty()) return;
    numbers_by_name restarts;
    collect_restarts(object_in(tree.value), restarts);
    MetricFamily& family = add_family(all, counter, "supe_component_restarts_total",
                                      "How often its supervisor has started it again by itself.");
    for (const auto& [name, n] : restarts) add(family, n, {{"component", name}});
}

/// The state of the child of the root with this name; empty where it is not known.
std::string state_of(const json::object& root, std::string_view name) {
    const auto* children = root.if_contains("children");
    if (children && children->is_array())
        for (const json::value& child : children->get_array())
            if (supe::string_of(object_in(child), "name") == name)
                return supe::string_of(object_in(child), "state");
    return {};
}

}  // namespace

std::string metrics_text(const relay_numbers& numbers) {
    families all;
    add(add_family(all, gauge, "supe_build_info", "1; the version is the label."), 1,
        {{"version", supe::version}});
    MetricFamily& up =
        add_family(all, gauge, "supe_up", "1 where this process of the relay answered within 2 s.");
    for (const auto& [name, answer] :
         {std::pair("queue", &numbers.queue), std::pair("http_server", &numbers.http_server)})
        add(up, answer->problem.empty() ? 1 : 0, {{"component", name}});
    add_queue(all, numbers.queue);
    add_requests(all, numbers.http_server);
    add_listeners(all, numbers.http_server);
    add_restarts(all, numbers.tree);
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, all);
    return text.str();
}

std::string objection_to_webhooks(const relay_numbers& numbers) {
    const given_answer& queue = numbers.queue;
    if (numbers.tree.problem.empty()) {
        const json::object& root = object_in(numbers.tree.value);
        const std::string server = state_of(root, "http_server");
        if (supe::string_of(root, "state") == "stopping" || server == "stopping") return "draining";
        if (!server.empty() && server != "running") return "http_server is " + server;
    }
    if (!numbers.http_server.problem.empty()) return "http_server: " + numbers.http_server.problem;
    if (const std::string why = objection_of_listeners(object_in(numbers.http_server.value));
        !why.empty())
        return why;
    if (!queue.problem.empty()) return "queue: " + queue.problem;
    if (const std::string why = supe::string_of(object_in(numbers.http_server.value), "unkept");
        !why.empty())
        return "http_server: " + why;
    const json::object& said = object_in(queue.value);
    if (said.contains("error"))
        return "the store takes no webhook: " + supe::string_of(said, "error");
    return supe::string_of(said, "refuses");
}

}  // namespace components
