#include "components/relay/relay_tree.hpp"

#include "supe/text/units.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// The relay is the last thing that should give up (contract §7).
constexpr unsigned generous = 1000;
constexpr auto generous_within = 10s;

supe::child_spec built_in(std::string name, json::value config) {
    supe::child_spec child;
    child.component = name;
    child.name = std::move(name);
    child.config = std::move(config);
    child.directory = "/";
    child.limit = {generous, generous_within};
    child.backoff.max = 2s;
    return child;
}

/// The lane of the only route in the queue. What failed is tried again after 10 s, 20 s, 40 s … up
/// to `retry_every`.
json::object only_lane(const relay_settings& s) {
    const auto first = std::min<supe::milliseconds>(10s, s.retry_every);
    return {
        {"name", "default"},
        {"forwarder", "forwarder"},
        {"in_flight", 2 * s.connections + 16},
        {"retry",
         {{"first", supe::print_duration(first)}, {"max", supe::print_duration(s.retry_every)}}}};
}

supe::child_spec dam(const relay_settings& s) {
    auto tree = std::make_shared<supe::supervisor_spec>();
    tree->name = "dam";
    tree->limit = {generous, generous_within};
    // What an operator watches with `supe notices`, which sees the root's board.
    tree->forward = {
        "queue-depth",    "webhook-dead",      "destination-paused",      "destination-down",
        "destination-up", "component-crashed", "component-auto-restarted"};
    tree->children.push_back(built_in("queue", {{"file", "queue.db"},
                                                {"limit", supe::print_bytes(s.queue_limit)},
                                                {"routes", json::array{only_lane(s)}}}));
    auto forwarder = built_in("forwarder", {{"to", s.to},
                                            {"connections", s.connections},
                                            {"timeout", supe::print_duration(s.timeout)}});
    forwarder.demand = true;
    forwarder.shutdown.limit =
        10s;  // no longer: under rest_for_one, intake waits for it when the lock has crashed
    tree->children.push_back(std::move(forwarder));
    supe::child_spec child;
    child.name = "dam";
    child.supervisor = std::move(tree);
    child.directory = "/";
    child.backoff.max = 2s;
    child.shutdown.limit.reset();
    return child;
}

}  // namespace

supe::supervisor_spec relay_tree(const relay_settings& s) {
    supe::supervisor_spec tree;
    tree.name = s.demo ? "relay-demo" : "relay";
    tree.strategy = supe::strategy_kind::rest_for_one;
    tree.limit = {generous, generous_within};
    if (s.demo) {
        auto app = built_in("demo_app", nullptr);
        app.listen = {s.to.substr(std::string("http://").size())};
        tree.children.push_back(std::move(app));
    }
    tree.children.push_back(
        built_in("connection_lock",
                 {{"connections", s.connections}, {"timeout", supe::print_duration(s.timeout)}}));
    tree.children.push_back(dam(s));
    auto server = built_in("http_server",
                           {{"to", "/dam/queue"}, {"body_limit", supe::print_bytes(s.body_limit)}});
    server.listen = {s.listen};
    server.mail.limits.window = 1024;
    tree.children.push_back(std::move(server));
    if (s.demo)
        tree.children.push_back(
            built_in("demo_sender", {{"to", "http://" + s.listen + "/webhooks/sendgrid"}}));
    return tree;
}

}  // namespace components
