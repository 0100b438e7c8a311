#include "components/admin/admin_access.hpp"

#include "components/http/forwarded.hpp"
#include "components/verification/keys.hpp"
#include "supe/process/listen_address.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace components {
namespace {

/// `[::1]` as `::1`.
std::string_view without_brackets(std::string_view host) {
    const bool has = host.size() > 1 && host.starts_with('[') && host.ends_with(']');
    return has ? host.substr(1, host.size() - 2) : host;
}

/// `localhost.` as `localhost`: the name is the same one, from the root of all names (RFC 1034
/// §3.1).
std::string_view without_final_dot(std::string_view host) {
    return host.substr(0, host.size() - (host.ends_with('.') ? 1 : 0));
}

bool is_number(std::string_view host) {
    boost::system::error_code not_one;
    boost::asio::ip::make_address(std::string(host), not_one);
    return !not_one;
}

/// Probes cannot always be given a token or a Host (HAProxy's `option httpchk GET /readyz` sends
/// neither), and learn no more than yes or no.
bool is_probe(std::string_view path) { return path == "/livez" || path == "/readyz"; }

/// A browser says the site of the page that sends the request (RFC 6454 §7).
bool is_foreign(std::string_view origin, std::string_view host) {
    for (const std::string_view scheme : {"http://", "https://"})
        if (origin.starts_with(scheme) && same_field(origin.substr(scheme.size()), host))
            return false;
    return true;
}

}  // namespace

admin_access::admin_access(const std::string& address, std::vector<std::string> hosts,
                           std::string token)
    : hosts_(std::move(hosts)), token_(std::move(token)) {
    const supe::listen_address own = supe::parse_listen_address(address);
    any_address_ = own.takes_all();
    hosts_.push_back("localhost");
    if (!own.host.empty()) hosts_.push_back(own.host);
}

/// A number is no name that could lead to us unseen.
bool admin_access::knows(std::string_view host) const {
    const std::string_view name = without_final_dot(without_brackets(without_port(host)));
    return (any_address_ && is_number(name)) || std::ranges::any_of(hosts_, [&](const auto& own) {
               return same_field(without_final_dot(without_brackets(own)), name);
           });
}

bool admin_access::has_token(const http_request& r) const {
    const std::string_view given = field(r.headers, "Authorization");
    const auto space = given.find(' ');
    return space != given.npos && same_field(given.substr(0, space), "Bearer") &&
           same_bytes(given.substr(space + 1), token_);
}

std::optional<http_answer> admin_access::refusal_of(const http_request& r) const {
    const std::string_view host = field(r.headers, "Host");
    // A browser always sends a Host: without one there is no name that leads here unseen.
    const bool is_nameless_probe = host.empty() && is_probe(path_of(r.target));
    if (!is_nameless_probe && !knows(host))
        return http_answer{
            421, "this is not served under that name: \"hosts\" of \"admin\" may name it\n", {}};
    for (const auto& [name, value] : r.headers)
        if (same_field(name, "Origin") && is_foreign(value, host))
            return http_answer{403, "not for pages of another site\n", {}};
    if (r.method != "GET" && r.method != "HEAD")
        return http_answer{405, "nothing can be changed here\n", {{"Allow", "GET, HEAD"}}};
    if (!token_.empty() && !is_probe(path_of(r.target)) && !has_token(r))
        return http_answer{401, "this needs the token\n", {{"WWW-Authenticate", "Bearer"}}};
    return std::nullopt;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace components
