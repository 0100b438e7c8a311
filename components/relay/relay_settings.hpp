// What can be said of a relay (contract §7): by options, and in its settings file.
#pragma once

#include "components/http/tls_identity.hpp"
#include "components/relay/route_settings.hpp"
#include "supe/text/config.hpp"
#include "supe/text/units.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace components {

/// Where webhooks come in.
struct relay_listener {
    std::string address = "127.0.0.1:8080";
    std::optional<tls_files> tls{};  ///< none: in the clear

    std::string url() const { return (tls ? "https://" : "http://") + address; }
};

/// Where the relay says how it does (components/admin/).
struct admin_place {
    std::string address;
    std::filesystem::path token_file{};  ///< absolute; empty: no token is asked for
    std::vector<std::string> hosts{};    ///< further names by which it may be called
    std::int64_t token_written = 0;
};

struct relay_settings {
    std::vector<relay_listener> listen{relay_listener{}};
    std::optional<supe::milliseconds> retry_every{};  ///< the longest pause of all routes' `retry`
    std::string state;                                ///< empty: the usual place
    std::size_t queue_limit = std::size_t(10) << 30;
    std::size_t disk_reserve = std::size_t(256) << 20;
    std::optional<supe::milliseconds> max_age{};      ///< of a webhook in the queue; none: any
    supe::milliseconds keep_delivered{};              ///< can be looked at and replayed for so long
    std::vector<std::string> trusted_proxies{};       ///< addresses and networks
    std::optional<supe::milliseconds> drain_delay{};  ///< as given; see accepts_on()
    std::optional<admin_place> admin{};
    bool demo = false;
    /// Never empty. Without `named_routes` there is one, for every path; its destination is empty
    /// until somebody says it.
    std::vector<relay_route> routes{relay_route{}};
    bool named_routes = false;

    /// After SIGTERM webhooks are taken for so long. Without `admin` no load balancer can see that
    /// this relay ends, so it need not wait for one.
    supe::milliseconds accepts_on() const {
        return drain_delay.value_or(std::chrono::seconds(admin ? 5 : 0));
    }
    /// The one that the command line speaks of.
    relay_route& only_route() { return routes.front(); }
};

/// Reads `CONFIG.json`: an object with `routes`, or with the members of one route. Throws
/// supe::config_error.
void read_relay_settings(const std::filesystem::path& file, relay_settings& settings,
                         supe::source_read when = supe::source_read::first);

/// The files of a listener's certificate, whole paths from `base`; throws std::runtime_error where
/// they cannot be used now.
tls_files checked_files(const std::filesystem::path& base, const std::string& certificate,
                        const std::string& key);

/// Checks what comes from the options too; throws std::runtime_error or std::invalid_argument with
/// one clear line.
void check(const relay_settings& settings);

}  // namespace components
