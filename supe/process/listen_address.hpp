// An address on which a child listens, as in the tree file (contract §5 `listen`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace supe {

/// What the address of a socket in the file system begins with.
inline constexpr std::string_view unix_prefix = "unix:";
/// The most addresses of one child.
inline constexpr std::size_t most_listen_addresses = 16;
/// Bytes of a path that fit into sockaddr_un, with the zero behind them (unix(7)).
inline constexpr std::size_t unix_path_limit = 107;

/// One entry of `listen`:
///   `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` (127.0.0.1);
///   `:8080` (all addresses, by IPv6 if this machine has it, which takes IPv4 too);
///   `unix:web.sock` (relative to the child's directory).
/// Port 0: the kernel chooses one. Names are not looked up.
struct listen_address {
    enum class kind { ipv4, ipv6, any, unix_path };
    kind what = kind::any;
    std::string host;  ///< numeric, without brackets, in its usual notation: `::1` for `0:0::1`
    std::uint16_t port = 0;
    std::string path;  ///< unix_path only
    /// Of `::` on this machine, which else takes IPv4 too. The text does not say it.
    bool without_ipv4 = false;
    /// On all addresses of this machine.
    bool takes_all() const;
    /// Two sockets on one port cannot be had at these addresses. Port 0 is another one each time.
    bool overlaps(const listen_address& other) const;
    friend bool operator==(const listen_address&, const listen_address&) = default;
};

/// Throws std::invalid_argument, whose what() has the text and what was expected.
listen_address parse_listen_address(std::string_view text);

}  // namespace supe
