// What can be said of one route (contract §7): where its webhooks come in, where they go, and how.
#pragma once

#include "components/queue/retry_policy.hpp"
#include "components/verification/verify_settings.hpp"
#include "components/webhook/webhook.hpp"
#include "supe/text/field_reader.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace components {

struct delivery_timeout {
    supe::milliseconds connect = std::chrono::seconds(5);
    supe::milliseconds first_byte = std::chrono::seconds(30);
    supe::milliseconds total = std::chrono::seconds(60);
};

struct dedupe_rule {
    std::string by;  ///< a source: `header:NAME` or `json:/POINTER`
    supe::milliseconds whole = std::chrono::hours(7 * 24);  ///< `for`
};

struct relay_route {
    std::string name = std::string(default_route);
    std::string path = "/";  ///< whole segments, without a slash at the end but for `/`
    std::string host;        ///< empty: any
    std::string to;          ///< the destination's URL
    bool exact = false;
    unsigned connections = 4;  ///< from 1 to most_connections (components/http/destination.hpp)
    std::string rate;          ///< as `50/s`; empty: any
    delivery_timeout timeout{};
    std::filesystem::path ca_file{};  ///< absolute; empty: the system's CAs
    std::size_t body_limit = 4 << 20;
    std::string intake_rate;  ///< as `rate`
    std::optional<verify_settings> verify{};
    retry_settings retry{};
    std::string order_by;  ///< a source; empty: in no order
    std::optional<dedupe_rule> dedupe{};
    bool split = false;
    std::filesystem::path sign_key_file{};  ///< absolute; empty: not signed
    /// When the newest of these files was written, so that a reload knows a file with other
    /// content:
    std::int64_t keys_written = 0;   ///< of `verify`
    std::int64_t files_written = 0;  ///< `ca_file` and `sign`
};

/// The members of a route that say how its webhooks are treated: all but `name`, `path` and `host`.
/// Relative files are taken from `base`. The route must outlive what is returned.
std::vector<supe::field_reader::field> treatment_fields(relay_route& route,
                                                        std::filesystem::path base);

/// A name or address of a host, without a port.
std::string read_host(const supe::field_reader& in, const supe::located_value& v);

/// Notes in `newest` when a file was written, where that is later.
void note_written(std::int64_t& newest, const std::filesystem::path& file);

/// After all members of an object are read: what one says of another.
void complete_route(const supe::field_reader& in, const supe::located_value& v, relay_route& route);

/// An array of routes, each with a name, a path or host, and a destination of its own. Throws
/// config_error, also where two have the same name, and where a route can never be reached.
std::vector<relay_route> read_routes(const supe::field_reader& in, const supe::located_value& v,
                                     const std::filesystem::path& base);

}  // namespace components
