// Keys of webhooks: what `order_by` and `dedupe` take from a request (contract §7). Pure.
#pragma once

#include "components/webhook/webhook.hpp"
#include "supe/text/field_reader.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace components {

/// `header:NAME` or `json:/POINTER` (RFC 6901) of the body.
bool is_key_source(std::string_view source);
/// The same of a setting; throws config_error.
std::string read_key_source(const supe::field_reader& in, const supe::located_value& v);
/// The same value in all elements of a body that is split.
bool is_of_whole_request(std::string_view source);

/// The string, number or boolean that stands there; empty where there is none. One that is long, no
/// UTF-8, or has control characters is named by its SHA-256. Precondition: is_key_source(source).
std::string key_at(std::string_view source, const http_fields& headers, std::string_view body);

inline constexpr std::size_t longest_key = 128;  ///< bytes
/// A longer one is named by its SHA-256: two different keys must not be taken for one.
std::string short_key(std::string key);

/// Where a provider puts the id that stays the same when it sends a webhook again.
struct id_source {
    std::string_view kind;    ///< of `verify`
    std::string_view source;  ///< of one element, where the provider sends arrays of them
    bool of_element = false;
};
const id_source* find_id_source(std::string_view kind);
/// All kinds that have one, for messages.
std::string kinds_with_id();

}  // namespace components
