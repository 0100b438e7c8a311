// The listening sockets of the children of one supervisor, which opens them once and keeps them
// across restarts (contract §5 `listen`).
#pragma once

#include "supe/process/listening_socket.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// A socket is closed when no child has it any more.
class listening_sockets_of_child {
public:
    using shared_socket = std::shared_ptr<const listening_socket>;

    listening_sockets_of_child() = default;
    /// Opens all of them or throws: listen_error, or std::invalid_argument for a malformed address.
    listening_sockets_of_child(const std::vector<std::string>& addresses,
                               const std::filesystem::path& directory);
    void add(wanted_socket wanted, shared_socket socket);

    /// In the order of the addresses. They stay owned by this object.
    std::vector<int> descriptors() const;
    /// As listening_socket::place().
    std::vector<std::string> addresses() const;
    const std::vector<shared_socket>& all() const { return all_; }

    /// What was asked for, with whole paths.
    std::vector<std::string> asked() const;
    /// Each path that was asked for leads to its socket now.
    bool are_in_place() const;
    /// One of them was asked for by this path, or bound there.
    bool had(const wanted_socket& path) const;

private:
    std::vector<wanted_socket> wanted_;
    std::vector<shared_socket> all_;  // of each wanted one
};

/// The sockets with which a process was started. It keeps none of them open.
class started_sockets {
public:
    started_sockets() = default;
    /// Null: none.
    explicit started_sockets(const listening_sockets_of_child* sockets);
    /// They are just these, in this order.
    bool are(const listening_sockets_of_child* now) const;

private:
    std::vector<std::weak_ptr<const listening_socket>> all_;
};

/// What a child asks for, and what it has.
struct socket_claim {
    std::vector<std::string> addresses;  ///< of `listen`
    std::filesystem::path directory;
    std::shared_ptr<const listening_sockets_of_child> before{};  ///< null: none

    // What became of it.

    std::shared_ptr<listening_sockets_of_child> now{};  ///< null: it asks for none, or failed
    /// `unix:` addresses that did not lead to its socket any more: a new one is bound there.
    std::vector<std::string> renewed{};
    /// `web cannot listen on 127.0.0.1:80: Permission denied`: it keeps what it has.
    std::string problem{};
};
using socket_claims = std::map<std::string, socket_claim>;  // by name of the child

/// Gives each child what it asks for, all of it or nothing. A socket that one of them has goes to
/// whoever asks for its address, unless its file is gone. The others are opened before any is
/// closed; what nobody asked for is closed with `before`, which is empty afterwards in each claim.
/// A child that fails keeps its sockets, also from those who asked for them, and they fail too.
/// `staying`: sockets of other children, for the addresses that cannot be had beside them. Throws
/// std::invalid_argument for a malformed address.
void hand_over(socket_claims& claims, const std::vector<const listening_socket*>& staying = {});

struct wanted_place {
    std::string_view child, place;
};
struct held_place {
    std::string_view child, place, asked;
};
/// For each of `wanted`, which of `held` it takes over; none: it is to be opened. The same place is
/// the same socket, whoever has it. Port 0 is a socket that the same child got for port 0. Pure.
std::vector<std::optional<std::size_t>> takeovers(const std::vector<wanted_place>& wanted,
                                                  const std::vector<held_place>& held);

}  // namespace supe
