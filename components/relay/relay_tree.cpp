#include "components/relay/relay_tree.hpp"

#include "supe/text/units.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// The relay is the last thing that should give up (contract §7).
constexpr unsigned generous = 1000;
constexpr auto generous_within = 10s;

/// In the state directory: by way of it http_server hands webhooks to the queue.
constexpr const char* queue_socket = "queue.socket";

supe::child_spec built_in(std::string component, std::string name, json::value config) {
    supe::child_spec child;
    child.component = std::move(component);
    child.name = std::move(name);
    child.config = std::move(config);
    child.directory = "/";
    child.limit = {generous, generous_within};
    child.backoff.edit().max = 2s;
    return child;
}

json::string time(supe::milliseconds d) { return json::string(supe::print_duration(d)); }

/// Of a child that is there once a route. A route goes on with its lock, and with what that knows
/// of open connections, when a file with `to` becomes one with `routes`.
std::string name_for(const relay_route& route, const std::string& base) {
    return route.name == default_route ? base : base + "-" + route.name;
}

json::object retry_of(const relay_settings& s, retry_settings r) {
    if (s.retry_every) r.max = std::min(r.max, *s.retry_every);
    r.first = std::min(r.first, r.max);
    return {{"first", time(r.first)}, {"factor", r.factor},     {"max", time(r.max)},
            {"jitter", r.jitter},     {"for", time(r.give_up)}, {"refused", r.refused}};
}

/// A lane of the queue.
json::object lane_of(const relay_settings& s, const relay_route& route) {
    json::object lane{{"name", route.name},
                      {"forwarder", name_for(route, "forwarder")},
                      {"in_flight", 2 * route.connections + 16},
                      {"connections", route.connections},
                      {"retry", retry_of(s, route.retry)},
                      {"ordered", !route.order_by.empty()}};
    if (route.dedupe) lane["dedupe_for"] = time(route.dedupe->whole);
    return lane;
}

json::object queue_config(const relay_settings& s) {
    json::object config{{"file", "queue.db"},
                        {"socket", queue_socket},
                        {"limit", supe::print_bytes(s.queue_limit)},
                        {"disk_reserve", supe::print_bytes(s.disk_reserve)}};
    if (s.max_age) config["max_age"] = time(*s.max_age);
    if (s.keep_delivered.count() > 0) config["keep_delivered"] = time(s.keep_delivered);
    json::array& lanes = config["routes"].emplace_array();
    for (const relay_route& route : s.routes) lanes.push_back(lane_of(s, route));
    return config;
}

json::object forwarder_config(const relay_route& route) {
    json::object config{{"route", route.name},
                        {"to", route.to},
                        {"exact", route.exact},
                        {"connections", route.connections},
                        {"timeout",
                         {{"connect", time(route.timeout.connect)},
                          {"first_byte", time(route.timeout.first_byte)},
                          {"total", time(route.timeout.total)}}},
                        {"lock", "/" + name_for(route, "connection_lock")}};
    if (!route.rate.empty()) config["rate"] = route.rate;
    if (!route.ca_file.empty()) config["ca_file"] = route.ca_file.string();
    if (!route.sign_key_file.empty()) config["sign"] = {{"key_file", route.sign_key_file.string()}};
    if (route.files_written != 0) config["files_written"] = route.files_written;
    return config;
}

/// What the intake does with a route's webhooks.
json::object intake_of(const relay_route& route) {
    json::object config{{"name", route.name},
                        {"path", route.path},
                        {"body_limit", supe::print_bytes(route.body_limit)}};
    if (!route.host.empty()) config["host"] = route.host;
    if (!route.intake_rate.empty()) config["intake_rate"] = route.intake_rate;
    if (route.verify) config["verify"] = to_json(*route.verify);
    if (route.keys_written != 0) config["keys_written"] = route.keys_written;
    if (!route.order_by.empty()) config["order_by"] = route.order_by;
    if (route.dedupe) config["dedupe"] = route.dedupe->by;
    if (route.split) config["split"] = true;
    return config;
}

/// Of each listening socket: what is spoken there. Nothing where none speaks TLS.
json::array tls_of(const relay_settings& s) {
    json::array all;
    for (const relay_listener& l : s.listen) {
        json::value& one = all.emplace_back(nullptr);
        if (l.tls)
            one = {{"certificate", l.tls->certificate.string()}, {"key", l.tls->key.string()}};
    }
    while (!all.empty() && all.back().is_null()) all.pop_back();
    return all;
}

json::object intake_config(const relay_settings& s) {
    json::object config{{"to", "/dam/queue"}, {"socket", queue_socket}};
    if (json::array tls = tls_of(s); !tls.empty()) config["tls"] = std::move(tls);
    if (s.accepts_on().count() > 0) config["drain_delay"] = time(s.accepts_on());
    json::array& routes = config["routes"].emplace_array();
    for (const relay_route& route : s.routes) routes.push_back(intake_of(route));
    config["trusted_proxies"] = json::value_from(s.trusted_proxies);
    return config;
}

supe::child_spec forwarder_of(const relay_route& route) {
    auto forwarder = built_in("forwarder", name_for(route, "forwarder"), forwarder_config(route));
    forwarder.demand = true;
    forwarder.shutdown.limit = 10s;  // no longer: a reload and the end of the relay wait for it
    return forwarder;
}

json::object admin_config(const admin_place& a) {
    json::object config{{"address", a.address}, {"hosts", json::value_from(a.hosts)}};
    if (!a.token_file.empty()) config["token_file"] = a.token_file.string();
    if (a.token_written != 0) config["token_written"] = a.token_written;
    return config;
}

/// Below `dam`, where its end is nobody's but its own, and first there: it answers until all others
/// have stopped.
supe::child_spec admin_of(const admin_place& a) {
    auto child = built_in("admin", "admin", admin_config(a));
    child.listen = {a.address};
    return child;
}

supe::child_spec dam(const relay_settings& s) {
    auto tree = std::make_shared<supe::supervisor_spec>();
    tree->name = "dam";
    tree->limit = {generous, generous_within};
    // What an operator watches with `supe notices`, which sees the root's board.
    tree->forward = {
        "queue-depth",    "webhook-dead",      "destination-paused",      "destination-down",
        "destination-up", "component-crashed", "component-auto-restarted"};
    if (s.admin) tree->children.push_back(admin_of(*s.admin));
    tree->children.push_back(built_in("queue", "queue", queue_config(s)));
    for (const relay_route& route : s.routes) tree->children.push_back(forwarder_of(route));
    supe::child_spec child;
    child.name = "dam";
    child.supervisor = std::move(tree);
    child.directory = "/";
    child.backoff.edit().max = 2s;
    child.shutdown.limit.reset();
    return child;
}

}  // namespace

supe::supervisor_spec relay_tree(const relay_settings& s) {
    supe::supervisor_spec tree;
    tree.name = s.demo ? "relay-demo" : "relay";
    tree.limit = {generous, generous_within};
    if (s.demo) {
        auto app = built_in("demo_app", "demo_app", nullptr);
        app.listen = {s.routes.front().to.substr(std::string("http://").size())};
        tree.children.push_back(std::move(app));
    }
    for (const relay_route& route : s.routes)
        tree.children.push_back(
            built_in("connection_lock", name_for(route, "connection_lock"),
                     {{"connections", route.connections}, {"timeout", time(route.timeout.total)}}));
    tree.children.push_back(dam(s));
    auto server = built_in("http_server", "http_server", intake_config(s));
    for (const relay_listener& l : s.listen) server.listen.push_back(l.address);
    server.shutdown.limit = *server.shutdown.limit + s.accepts_on();
    server.mail.edit().limits.window = 1024;
    tree.children.push_back(std::move(server));
    if (s.demo)
        tree.children.push_back(built_in("demo_sender", "demo_sender",
                                         {{"to", s.listen.front().url() + "/webhooks/sendgrid"}}));
    return tree;
}

}  // namespace components
