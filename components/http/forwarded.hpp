// What proxies say of the request that they pass on: X-Forwarded-* and Forwarded (RFC 7239). Pure.
#pragma once

#include "components/webhook/webhook.hpp"

#include <string>
#include <string_view>

namespace components {

/// What the sender called.
struct called_site {
    std::string scheme = "http";
    std::string host;  ///< with its port, where there was one
};

/// By the nearest proxy where it is trusted, else by the request itself, which came over TLS where
/// it is `secure`. What a trusted proxy says that cannot be is as if it said nothing.
called_site called_site_of(const http_fields& headers, bool trusted, bool secure);

/// `name:8080` and `[::1]:8080` without the port.
std::string_view without_port(std::string_view host);

/// The fields that say on delivery where a webhook came from: what a trusted proxy has said of it,
/// continued by the proxy itself, or what we know.
http_fields forwarded_fields(const webhook& w);

}  // namespace components
