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

/// In its one usual notation, as `::1` for `0:0::1`; empty where it is not numeric.
std::string numeric(int family, const std::string& host) {
    in6_addr parsed;
    char usual[INET6_ADDRSTRLEN] = {};
    if (::inet_pton(family, host.c_str(), &parsed) != 1) return {};
    ::inet_ntop(family, &parsed, usual, sizeof usual);
    return usual;
}

}  // namespace

bool listen_address::takes_all() const {
    return what == kind::any || host == "0.0.0.0" || host == "::";
}

bool listen_address::overlaps(const listen_address& other) const {
    const auto covers = [](const listen_address& all, const listen_address& one) {
        if (all.what == kind::ipv4) return all.takes_all() && one.what == kind::ipv4;
        return all.takes_all() && !(all.without_ipv4 && one.what == kind::ipv4);
    };
    return port != 0 && port == other.port &&
           (covers(*this, other) || covers(other, *this) || host == other.host);
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
    if (std::string usual = numeric(AF_INET, host); !usual.empty())
        return {listen_address::kind::ipv4, std::move(usual), *port, {}};
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    std::string usual = numeric(AF_INET6, host);
    if (usual.empty())
        refuse(text, "has no numeric address (or localhost): host names are not looked up");
    if (!brackets) refuse(text, fmt::format("needs brackets: \"[{}]:{}\"", host, *port));
    return {listen_address::kind::ipv6, std::move(usual), *port, {}};
}

}  // namespace supe
