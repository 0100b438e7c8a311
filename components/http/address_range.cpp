#include "components/http/address_range.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace components {
namespace {

namespace ip = boost::asio::ip;

std::vector<unsigned char> bytes_of(const ip::address& a) {
    if (a.is_v4()) {
        const auto b = a.to_v4().to_bytes();
        return {b.begin(), b.end()};
    }
    const auto b = a.to_v6().to_bytes();
    return {b.begin(), b.end()};
}

}  // namespace

address_range::address_range(std::string_view text) {
    const auto refuse = [text] {
        throw std::invalid_argument(fmt::format(
            R"("{}" is neither an address nor a network like "10.0.0.0/8" or "fd00::/8")", text));
    };
    const auto slash = std::min(text.find('/'), text.size());
    boost::system::error_code none;
    first_ = ip::make_address(std::string(text.substr(0, slash)), none);
    if (none || (first_.is_v6() && first_.to_v6().scope_id() != 0)) refuse();
    const unsigned most = first_.is_v4() ? 32 : 128;
    bits_ = most;
    if (slash == text.size()) return;
    const std::string_view bits = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(bits.data(), bits.data() + bits.size(), bits_);
    if (failed != std::errc() || end != bits.data() + bits.size() || bits_ > most) refuse();
}

bool address_range::contains(const ip::address& address) const {
    if (address.is_v4() != first_.is_v4()) return false;
    const auto a = bytes_of(first_), b = bytes_of(address);
    const std::size_t whole = bits_ / 8;
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
        return false;
    const unsigned rest = bits_ % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

std::vector<address_range> read_ranges(const supe::field_reader& in, const supe::located_value& v) {
    std::vector<address_range> all;
    for (std::size_t i = 0; i < in.array(v).size(); ++i) {
        const supe::located_value& element = v.elements[i];
        try {
            all.emplace_back(in.below(i).string(element));
        } catch (const std::invalid_argument& e) {
            in.below(i).fail(element.position, e.what());
        }
    }
    return all;
}

bool is_in(const std::vector<address_range>& ranges, const std::string& address) {
    if (ranges.empty()) return false;
    boost::system::error_code none;
    const ip::address a = ip::make_address(address, none);
    return !none &&
           std::ranges::any_of(ranges, [&a](const address_range& r) { return r.contains(a); });
}

}  // namespace components
