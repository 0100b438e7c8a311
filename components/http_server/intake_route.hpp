// The routes of the intake: which one takes a request, and what is asked of it (contract §7).
#pragma once

#include "components/http/address_range.hpp"
#include "components/http/forwarded.hpp"
#include "components/http/server.hpp"
#include "components/http/tls_identity.hpp"
#include "components/verification/verifier.hpp"
#include "patterns/rate_limiter.hpp"

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

namespace components {

struct intake_route {
    std::string name = std::string(default_route);
    std::string path = "/";
    std::string host;  ///< without a port; empty: any
    std::size_t body_limit = 4 << 20;
    std::optional<patterns::rate_limiter> rate{};
    std::optional<verifier> check{};
    std::string order_by;  ///< a source (components/webhook/webhook_key.hpp); empty: none
    std::string dedupe;    ///< as order_by
    bool split = false;
    std::uint64_t unverified = 0;  ///< requests whose verification failed
    /// The queue refused a webhook of this route: until then one whose body is no smaller is not
    /// tried.
    struct refusal {
        supe::time_point until{};
        std::size_t body = 0;  ///< bytes
        supe::error_code why{};
    };
    refusal refused{};
};

struct intake_settings {
    std::string to = "/dam/queue";
    std::string socket;  ///< of a direct line there (components/direct_line); empty: by mail
    std::vector<intake_route> routes;  ///< never empty
    std::vector<address_range> trusted_proxies{};
    /// Of the listening sockets, in their order; where none is given HTTP is in the clear.
    std::vector<std::optional<tls_files>> tls{};
    /// How long to go on accepting when the whole relay stops.
    supe::milliseconds drain_delay{};

    std::size_t largest_body() const;
    /// Whether all routes take bodies of the same size.
    bool has_one_body_limit() const;
};

/// Of `http_server`'s config; reads the keys of signatures. Throws supe::config_error.
intake_settings read_intake(const boost::json::value& config);

/// A request, and the route that takes it.
struct routed {
    intake_route* route = nullptr;  ///< null: none takes it
    std::string rest{};             ///< of its target, behind the route's path
};
/// The first route whose path and host fit.
routed route_for(std::vector<intake_route>& routes, const called_site& site,
                 std::string_view target);

}  // namespace components
