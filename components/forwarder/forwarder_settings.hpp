// The settings of the forwarder: the `config` of its child.
#pragma once

#include "components/http/delivery_network.hpp"
#include "components/http/rate.hpp"
#include "components/http/webhook_signer.hpp"

#include <boost/json/value.hpp>
#include <optional>
#include <string>

namespace components {

struct forwarder_settings {
    /// How long an attempt may take (contract §7).
    struct limits {
        supe::duration connect = std::chrono::seconds(5);      ///< the name; and again TCP and TLS
        supe::duration first_byte = std::chrono::seconds(30);  ///< from request to answer
        supe::duration total = std::chrono::seconds(60);       ///< all of it
    };

    std::string route;
    http_destination to;
    path_rule paths = path_rule::appended;
    unsigned connections = 4;
    std::optional<patterns::rate_limiter::settings> rate{};  ///< of deliveries that start
    limits timeout{};
    tls_authorities authorities{};  ///< none: the system's
    std::optional<webhook_signer> signer{};
    supe::duration idle = std::chrono::seconds(30);
    std::string lock = "/connection_lock";
};

/// Throws supe::config_error, also where a file that it names cannot be used.
forwarder_settings read_forwarder_settings(const boost::json::value& config);

}  // namespace components
