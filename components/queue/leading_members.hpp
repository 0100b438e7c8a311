// What the queue reads of a webhook's JSON without a parse of the rest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace components {

/// The members before `received_at` (components/webhook/webhook.hpp).
struct leading_members {
    std::string id;
    std::string route;       ///< empty: the default one
    std::string order_key;   ///< a long one is cut: what shares its beginning shares its order
    std::string dedupe_key;  ///< of a long one the SHA-256
};

/// Nothing where the text does not begin with an `id` that is a string: it is no webhook then.
std::optional<leading_members> leading_members_of(std::string_view webhook);

/// What a stored webhook asked for; a part that is not UTF-8 is empty.
struct request_line {
    std::string method, target;
};
request_line request_in(std::string_view webhook);

}  // namespace components
