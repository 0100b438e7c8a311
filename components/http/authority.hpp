// Host and port as they stand in a URL or in a Host field (RFC 3986 §3.2). Pure.
#pragma once

#include <optional>
#include <string_view>

namespace components {

struct authority_parts {
    std::string_view host;  ///< a name, maybe with %-escapes, or an address; IPv6 in brackets
    std::string_view port;  ///< any number of digits; empty: the default port
};

/// Nothing where it is no authority, or has a user name. The host may be empty.
std::optional<authority_parts> read_authority(std::string_view text);

}  // namespace components
