// Parses listen addresses. An error names what was expected.
#include "supe/process/listen_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace supe {

namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw std::invalid_argument(fmt::format("\"{}\" {}", text, why));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return port;
}

bool is_numeric(int family, const std::string& host) {
    in6_addr parsed;
    return ::inet_pton(family, host.c_str(), &parsed) == 1;
}

}  // namespace

/// `::` has other notations, as `0::0`.
bool listen_address::takes_all() const {
    in6_addr parsed;
    if (what != kind::ipv6) return what == kind::any || host == "0.0.0.0";
    return ::inet_pton(AF_INET6, host.c_str(), &parsed) == 1 && IN6_IS_ADDR_UNSPECIFIED(&parsed);
}

listen_address parse_listen_address(std::string_view text) {
    if (text.starts_with(unix_prefix)) {
        const auto path = text.substr(unix_prefix.size());
        if (path.empty() || path.find('\0') != path.npos)
            refuse(text, "has no file name, as in \"unix:web.sock\"");
        return {.what = listen_address::kind::unix_path, .host = {}, .path = std::string(path)};
    }
    const auto colon = text.rfind(':');
    if (colon == text.npos) refuse(text, "is not ADDRESS:PORT, [IPV6]:PORT, :PORT or unix:PATH");
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) refuse(text, "has no port from 0 to 65535 at its end");

    std::string host(text.substr(0, colon));
    if (host.empty())
        return {.what = listen_address::kind::any, .host = {}, .port = *port, .path = {}};
    if (host == "localhost") host = "127.0.0.1";
    if (is_numeric(AF_INET, host)) return {listen_address::kind::ipv4, std::move(host), *port, {}};
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    if (!is_numeric(AF_INET6, host))
        refuse(text, "has no numeric address (or localhost): host names are not looked up");
    if (!brackets) refuse(text, fmt::format("needs brackets: \"[{}]:{}\"", host, *port));
    return {listen_address::kind::ipv6, std::move(host), *port, {}};
}

}  // namespace supe
