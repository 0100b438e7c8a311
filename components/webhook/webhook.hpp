// A webhook as it is kept: everything that is needed to deliver it as it came.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace components {

/// Field names and values in their order, with repeats, as they stood in the message.
using http_fields = std::vector<std::pair<std::string, std::string>>;

/// Bytes of a body: in base64 it must fit into one mail.
inline constexpr std::size_t largest_body = 8 << 20;

struct webhook {
    std::string id;                ///< 26 characters, new for each webhook, ordered by time
    std::int64_t received_at = 0;  ///< Unix time in ms
    std::string method;
    std::string target;   ///< path and query, as received
    http_fields headers;  ///< end-to-end fields alone
    std::string remote;   ///< address of the sender
    std::string body;     ///< byte for byte
};

/// One JSON object, `id` first:
/// `{"id","received_at","method","target","headers":[[name,value],…],"remote","body":BASE64}`.
/// A target or value that is not UTF-8 stands there as `{"base64":…}`.
std::string to_json(const webhook& w);

/// Throws std::runtime_error, which names the member at fault.
webhook webhook_from_json(const boost::json::value& value);

/// A new id: 48 bits of time and 80 random ones in Crockford's base 32 (the form of a ULID).
/// `random` gives 64 bits.
std::string new_webhook_id(std::chrono::system_clock::time_point now,
                           const std::function<std::uint64_t()>& random);

/// The fields of a received message without those that concern this connection alone (RFC 9110
/// §7.6.1): the fixed ones and those that Connection names.
http_fields end_to_end(http_fields fields);

/// Case-insensitive, as field names are.
bool same_field(std::string_view a, std::string_view b);
/// The first value of that name, or empty.
std::string_view field(const http_fields& fields, std::string_view name);

}  // namespace components
