// What can be said of a relay (contract §7): by options, and in its settings file.
#pragma once

#include "supe/text/units.hpp"

#include <filesystem>
#include <string>

namespace components {

struct relay_settings {
    std::string to;  ///< the destination's URL
    std::string listen = "127.0.0.1:8080";
    unsigned connections = 4;  ///< from 1 to most_connections (components/http/destination.hpp)
    supe::milliseconds retry_every = std::chrono::minutes(5);
    std::string state;  ///< empty: the usual place
    std::size_t body_limit = 4 << 20;
    std::size_t queue_limit = std::size_t(10) << 30;
    supe::milliseconds timeout = std::chrono::seconds(30);  ///< of one delivery, in all
    bool demo = false;
};

/// Reads `CONFIG.json`: an object with the members of relay_settings but `demo`. Throws
/// supe::config_error.
void read_relay_settings(const std::filesystem::path& file, relay_settings& settings);

/// Checks what comes from the options too; throws std::runtime_error or std::invalid_argument with
/// one clear line.
void check(const relay_settings& settings);

}  // namespace components
