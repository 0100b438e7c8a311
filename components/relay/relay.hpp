// The webhook relay: which tree its settings mean (contract §7).
#pragma once

#include "supe/tree/child_spec.hpp"

#include <filesystem>
#include <string>

namespace components {

struct relay_settings {
    std::string to;  ///< the destination's URL
    std::string listen = "127.0.0.1:8080";
    unsigned connections = 4;
    std::string retry_every = "5m";
    std::string state;  ///< empty: the usual place
    std::string body_limit = "4MiB";
    std::string queue_limit = "10GiB";
    std::string timeout = "30s";  ///< of one delivery, in all
    bool demo = false;
};

/// Reads `CONFIG.json`: an object with the members of relay_settings but `demo`. Throws
/// config_error-like std::runtime_error with place, value and choices.
void read_relay_settings(const std::filesystem::path& file, relay_settings& settings);

/// Checks the settings; throws std::runtime_error with one clear line.
void check(const relay_settings& settings);

/// `connection_lock`, then `dam` with `queue`, `forwarder` and `retrier`, then `http_server`; for
/// the demo also a small app and a sender.
supe::supervisor_spec relay_tree(const relay_settings& settings);

/// What an operator should know about this state directory at start; empty where all is well: it
/// may be gone at the next start.
std::string state_warning(const std::filesystem::path& state);

}  // namespace components
