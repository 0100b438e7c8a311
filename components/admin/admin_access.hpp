// Who may ask the admin address what. Pure.
#pragma once

#include "components/http/server.hpp"

#include <optional>
#include <string>
#include <vector>

namespace components {

/// A page in somebody's browser can send requests to addresses that only this machine, or this
/// network, reaches: it can have a name of its own lead there (DNS rebinding). So the names are
/// known ones.
class admin_access {
public:
    /// `address` is that of the listening socket, `hosts` further names by which it is called.
    /// Where `token` is empty no token is asked for.
    admin_access(const std::string& address, std::vector<std::string> hosts, std::string token);

    /// 421 for a name in Host that is not ours (probes may come without one), 403 for a page of
    /// another site, 405 for what would change something, 401 where the token is missing. Nothing
    /// where the request may go on.
    std::optional<http_answer> refusal_of(const http_request& r) const;

private:
    bool knows(std::string_view host) const;
    bool has_token(const http_request& r) const;

    std::vector<std::string> hosts_;
    bool any_address_ = false;  // it listens on all addresses of this machine
    std::string token_;
};

/// Of a target, without its query.
std::string_view path_of(std::string_view target);

}  // namespace components
