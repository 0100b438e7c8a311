#include "components/relay/relay.hpp"

#include "components/http/destination.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// The relay is the last thing that should give up (contract §7).
constexpr supe::restart_limit generous{1000, 10s};

supe::child_spec built_in(std::string name, json::value config) {
    supe::child_spec child;
    child.component = name;
    child.name = std::move(name);
    child.config = std::move(config);
    child.directory = "/";
    child.limit = generous;
    child.backoff.max = 2s;
    return child;
}

supe::child_spec dam(const relay_settings& s) {
    auto tree = std::make_shared<supe::supervisor_spec>();
    tree->name = "dam";
    tree->limit = generous;
    // What an operator watches with `supe notices`, which sees the root's board.
    tree->forward = {"queue-depth", "webhook-dead", "destination-paused", "component-crashed",
                     "component-auto-restarted"};
    tree->children.push_back(built_in(
        "queue",
        {{"file", "queue.db"}, {"in_flight", 2 * s.connections + 16}, {"limit", s.queue_limit}}));
    auto forwarder = built_in(
        "forwarder", {{"to", s.to}, {"connections", s.connections}, {"timeout", s.timeout}});
    forwarder.demand = true;
    forwarder.shutdown.limit =
        10s;  // no longer: under rest_for_one, intake waits for it when the lock has crashed
    tree->children.push_back(std::move(forwarder));
    tree->children.push_back(built_in("retrier", {{"every", s.retry_every}}));
    supe::child_spec child;
    child.name = "dam";
    child.supervisor = std::move(tree);
    child.directory = "/";
    child.backoff.max = 2s;
    child.shutdown.limit.reset();
    return child;
}

void set(relay_settings& s, std::string_view key, const json::value& value) {
    const auto text = [&](std::string& field) {
        if (!value.is_string()) throw std::runtime_error(fmt::format("{} must be a string", key));
        field = value.get_string();
    };
    if (key == "to") return text(s.to);
    if (key == "listen") return text(s.listen);
    if (key == "retry_every") return text(s.retry_every);
    if (key == "state") return text(s.state);
    if (key == "body_limit") return text(s.body_limit);
    if (key == "queue_limit") return text(s.queue_limit);
    if (key == "timeout") return text(s.timeout);
    if (key == "connections") {
        if (!value.is_int64() || value.get_int64() < 1 || value.get_int64() > 10000)
            throw std::runtime_error("connections must be a number from 1 to 10000");
        s.connections = static_cast<unsigned>(value.get_int64());
        return;
    }
    throw std::runtime_error(
        fmt::format("\"{}\" is not one of to, listen, connections, retry_every, state, body_limit, "
                    "queue_limit, timeout",
                    key));
}

}  // namespace

void read_relay_settings(const std::filesystem::path& file, relay_settings& settings) {
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error(
            fmt::format("{}: {}", file.string(), std::generic_category().message(errno)));
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    boost::system::error_code bad;
    json::parse_options options;
    options.allow_comments = options.allow_trailing_commas = true;
    const json::value value = json::parse(text, bad, {}, options);
    if (bad || !value.is_object())
        throw std::runtime_error(fmt::format("{}: must be a JSON object", file.string()));
    for (const auto& [key, member] : value.get_object()) {
        try {
            set(settings, std::string_view(key), member);
        } catch (const std::runtime_error& e) {
            throw std::runtime_error(fmt::format("{}: {}", file.string(), e.what()));
        }
    }
}

void check(const relay_settings& s) {
    if (s.to.empty())
        throw std::runtime_error(
            "nowhere to deliver to: give --to URL (your app), or --demo for a look");
    parse_destination(s.to);
    supe::parse_listen_address(s.listen);
    if (s.connections < 1 || s.connections > 10000)
        throw std::runtime_error("--connections must be from 1 to 10000");
    if (!supe::parse_duration(s.retry_every) || *supe::parse_duration(s.retry_every) < 1ms)
        throw std::runtime_error(
            fmt::format("--retry-every: \"{}\" is not a duration like 30s, 5m, 1h", s.retry_every));
    if (!supe::parse_duration(s.timeout))
        throw std::runtime_error(
            fmt::format("timeout: \"{}\" is not a duration like 30s", s.timeout));
    for (const std::string* size : {&s.body_limit, &s.queue_limit}) {
        if (!supe::parse_bytes(*size))
            throw std::runtime_error(fmt::format("\"{}\" is not a size like 4MiB, 10GiB", *size));
    }
    if (*supe::parse_bytes(s.body_limit) > (8u << 20))
        throw std::runtime_error("body_limit: at most 8MiB, so that a webhook fits into one mail");
}

supe::supervisor_spec relay_tree(const relay_settings& s) {
    supe::supervisor_spec tree;
    tree.name = s.demo ? "relay-demo" : "relay";
    tree.strategy = supe::strategy_kind::rest_for_one;
    tree.limit = generous;
    if (s.demo) {
        auto app = built_in("demo_app", nullptr);
        app.listen = {s.to.substr(std::string("http://").size())};
        tree.children.push_back(std::move(app));
    }
    tree.children.push_back(built_in("connection_lock", {{"connections", s.connections}}));
    tree.children.push_back(dam(s));
    auto server = built_in("http_server", {{"to", "/dam/queue"}, {"body_limit", s.body_limit}});
    server.listen = {s.listen};
    server.mail.limits.window = 1024;
    tree.children.push_back(std::move(server));
    if (s.demo)
        tree.children.push_back(
            built_in("demo_sender", {{"to", "http://" + s.listen + "/webhooks/sendgrid"}}));
    return tree;
}

std::string state_warning(const std::filesystem::path& state) {
    struct statfs where{};
    const bool in_memory = ::statfs(state.c_str(), &where) == 0 &&
                           (where.f_type == TMPFS_MAGIC || where.f_type == RAMFS_MAGIC);
    const bool on_dyno = std::getenv("DYNO") !=
                         nullptr;  // Heroku: the disk is thrown away at each restart of the dyno
    const bool in_tmp =
        state.string().starts_with("/tmp/") || state.string().starts_with("/var/tmp/");
    if (!in_memory && !on_dyno && !in_tmp) return {};
    return fmt::format(
        "the state directory {} is temporary ({}): webhooks survive crashes of the relay and of "
        "each of its "
        "parts, but what is not delivered yet is lost when this {} goes; --state DIR names a "
        "lasting one",
        state.string(),
        in_memory ? "in memory"
        : on_dyno ? "a dyno's disk"
                  : "a folder for temporary files",
        in_memory || on_dyno ? "machine" : "folder");
}

}  // namespace components
