#include "components/http/authority.hpp"

#include <algorithm>
#include <boost/url/grammar/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/pct_encoded_rule.hpp>
#include <boost/url/rfc/sub_delim_chars.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace components {
namespace {

/// An address in brackets, or a name. Boost's own rule takes the address that a name begins with,
/// and fails on the rest of `10.0.0.1.nip.io`; every IPv4 address is a name by its form.
bool is_host_part(std::string_view host) {
    const boost::urls::string_view text(host.data(), host.size());
    if (host.starts_with('[')) return boost::urls::parse_authority(text).has_value();
    constexpr auto name =
        boost::urls::pct_encoded_rule(boost::urls::unreserved_chars + boost::urls::sub_delim_chars);
    return boost::urls::grammar::parse(text, name).has_value();
}

}  // namespace

std::optional<authority_parts> read_authority(std::string_view text) {
    const auto bracket = text.starts_with('[') ? text.find(']') : 0;
    if (bracket == text.npos) return std::nullopt;
    const auto colon = std::min(text.find(':', bracket), text.size());
    const authority_parts parts{text.substr(0, colon),
                                text.substr(std::min(colon + 1, text.size()))};
    const bool has_digits =
        std::ranges::all_of(parts.port, [](char c) { return c >= '0' && c <= '9'; });
    return has_digits && is_host_part(parts.host) ? std::optional(parts) : std::nullopt;
}

}  // namespace components
