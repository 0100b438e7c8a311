#include "tests/support/running_relay.hpp"

#include "supe/control/client.hpp"

#include <csignal>

namespace support {
namespace {

std::vector<std::string> command(const std::filesystem::path& state, const std::string& to,
                                 unsigned connections, unsigned short port,
                                 std::vector<std::string> more) {
    std::vector<std::string> words{SUPE_BINARY,     "relay",
                                   "--to",          to,
                                   "--listen",      "127.0.0.1:" + std::to_string(port),
                                   "--connections", std::to_string(connections),
                                   "--state",       state.string(),
                                   "--retry-every", "200ms"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

/// The node at `address` in a status; null when there is no such node.
const boost::json::value* find(const boost::json::value& node, const std::string& address) {
    if (!node.is_object()) return nullptr;
    if (node.at("address").as_string() == address) return &node;
    for (const auto& child : node.at("children").as_array())
        if (const auto* found = find(child, address)) return found;
    return nullptr;
}

boost::json::value status_in(const std::filesystem::path& state) {
    auto client = supe::control::client::connect(state);
    if (!client) return nullptr;
    const auto answer = client->ask({{"do", "status"}, {"address", "/"}});
    return answer.is_object() && answer.get_object().contains("ok") ? answer.at("ok")
                                                                    : boost::json::value(nullptr);
}

}  // namespace

pid_t pid_in(const std::filesystem::path& state, const std::string& address) {
    const auto all = status_in(state);
    const auto* node = find(all, address);
    return node && node->at("pid").is_int64() ? static_cast<pid_t>(node->at("pid").get_int64()) : 0;
}

running_relay::running_relay(event_loop& loop, std::filesystem::path state, std::string to,
                             unsigned connections, unsigned short port,
                             std::vector<std::string> more)
    : loop_(loop), state_(std::move(state)),
      process_(loop, command(state_, to, connections, port, std::move(more))) {}

running_relay::running_relay(event_loop& loop, std::filesystem::path state,
                             const std::filesystem::path& settings)
    : loop_(loop), state_(std::move(state)),
      process_(loop, {SUPE_BINARY, "relay", settings.string(), "--state", state_.string()}) {}

boost::json::value running_relay::status() const { return status_in(state_); }

pid_t running_relay::pid_of(const std::string& address) const { return pid_in(state_, address); }

bool running_relay::is_up(supe::duration limit) {
    const auto running = [this] {
        const auto all = status();
        const auto* server = find(all, "/http_server");
        return process_.has_ended() || (server && server->at("state").as_string() == "running");
    };
    return loop_.until(running, limit) && !process_.has_ended();
}

bool running_relay::kill(const std::string& address) {
    const pid_t before = pid_of(address);
    if (before <= 0 || ::kill(before, SIGKILL) != 0) return false;
    return loop_.until(
        [&] {
            const pid_t now = pid_of(address);
            return now > 0 && now != before;
        },
        std::chrono::seconds(20));
}

std::optional<int> running_relay::stop() {
    process_.signal(SIGTERM);
    return process_.wait(std::chrono::seconds(60));
}

}  // namespace support
