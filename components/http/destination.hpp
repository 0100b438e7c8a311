// Where webhooks go, and the heads of the requests that deliver them.
#pragma once

#include "components/webhook/webhook.hpp"

#include "supe/text/field_reader.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace components {

/// The most that a destination may be given.
inline constexpr unsigned most_connections = 10000;

/// A URL taken apart.
struct http_destination {
    bool tls = false;
    std::string host;       ///< a name or an address, without brackets
    std::string port;       ///< digits
    std::string authority;  ///< for the Host field: with brackets, and the port where it is not the
                            ///< scheme's own
    std::string path;       ///< as it stands in the URL; `/` where it has none
    std::string base_path;  ///< the same to be followed by a webhook's path: no slash at its end;
                            ///< maybe empty
};

/// `http://` or `https://`, a host, maybe a port and a path. Throws std::invalid_argument, whose
/// what() names the text and what is wrong with it.
http_destination parse_destination(std::string_view url);

/// The same of a setting; throws config_error.
http_destination read_destination(const supe::field_reader& in, const supe::located_value& url);

/// What a webhook's path does.
enum class path_rule {
    appended,  ///< it follows the destination's
    dropped    ///< all webhooks arrive at the destination's own path (`exact`)
};

/// What a destination asks for: the target of its request line. A webhook to `/` alone arrives at
/// the destination's own path.
std::string delivery_target(const http_destination& to, std::string_view target, path_rule paths);

/// The head of the request that delivers a webhook (contract §7): line and fields in their order,
/// with what is added, up to the empty line. With `signature` (of a webhook_signer) those of the
/// sender are dropped.
std::string delivery_head(const http_destination& to, const webhook& w, unsigned attempt,
                          path_rule paths = path_rule::appended, const http_fields& signature = {});

/// Retry-After in seconds or as a date (RFC 9110 §10.2.3); nothing when it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now);

}  // namespace components
