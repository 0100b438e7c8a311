// A webhook as it is kept: everything that is needed to deliver it as it came.
#pragma once

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

/// Bytes of a body: in base64, or as text that is no longer, it must fit into one mail.
inline constexpr std::size_t largest_body = 8 << 20;

/// The route where the settings name none.
inline constexpr std::string_view default_route = "default";

struct webhook {
    std::string id;                ///< 26 characters, new for each webhook, ordered by time
    std::int64_t received_at = 0;  ///< Unix time in ms
    std::string method;
    std::string target;   ///< path behind the route's, from `/` on, and query
    http_fields headers;  ///< end-to-end fields alone
    std::string remote;   ///< address of who sent it to us
    std::string body;     ///< byte for byte
    std::string route = std::string(default_route);  ///< its name in the settings
    std::string order_key{};   ///< those with the same one go one after the other; empty: none
    std::string dedupe_key{};  ///< another one with the same is a duplicate; empty: none
    std::string verified{};    ///< the kind of its verification; empty: it was not verified
    bool proxied = false;      ///< `remote` is a trusted proxy: what it says of the sender holds
    bool secure = false;       ///< it came to us over TLS
};

/// One JSON object, what the queue reads first:
/// `{"id","route"?,"order_key"?,"dedupe_key"?,"verified"?,"received_at","method","target",
/// "headers":[[name,value],…],"remote","proxied"?,"secure"?,"text"}`. What is empty or false, and
/// the default route, does not stand there. A target or value that is not UTF-8 stands there as
/// `{"base64":…}`. A body that is not UTF-8, or that would be longer as a string, stands there as
/// `"body":BASE64` instead of `"text"`; so does every body of a file that an earlier version wrote.
std::string to_json(const webhook& w);

/// Throws std::runtime_error, which names the member at fault.
webhook webhook_from_json(std::string_view json);

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
