// Addresses of one network, as settings name them (contract §7 `trusted_proxies`). Pure.
#pragma once

#include "supe/text/field_reader.hpp"

#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// `10.0.0.0/8`, `fd00::/8`, or one address.
class address_range {
public:
    /// Throws std::invalid_argument, whose what() has the text and what was expected.
    explicit address_range(std::string_view text);

    bool contains(const boost::asio::ip::address& address) const;

private:
    boost::asio::ip::address first_;
    unsigned bits_ = 0;  // that are the same in all
};

/// An array of them; throws config_error.
std::vector<address_range> read_ranges(const supe::field_reader& in, const supe::located_value& v);

/// `address` as a number in text; a text that is no address is in no range.
bool is_in(const std::vector<address_range>& ranges, const std::string& address);

}  // namespace components
