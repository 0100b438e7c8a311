#include "components/queue/leading_members.hpp"

#include "components/webhook/webhook_key.hpp"
#include "supe/text/json_text.hpp"

namespace components {
std::optional<leading_members> leading_members_of(std::string_view webhook) {
    supe::json_members members(webhook);
    leading_members found;
    bool has_id = false;
    while (members.next()) {
        const std::string_view key = members.key(), value = members.value();
        if (!value.starts_with('"')) break;
        if (!has_id) {
            if (key != "id") return std::nullopt;
            found.id = value.substr(1, value.size() - 2);  // as it stands: an id has no escapes
            has_id = true;
        } else if (key == "route") {
            found.route = supe::json_string_value(value);
        } else if (key == "order_key") {
            found.order_key = supe::json_string_value(value).substr(0, longest_key);
        } else if (key == "dedupe_key") {
            found.dedupe_key = short_key(supe::json_string_value(value));
        } else if (key != "verified") {
            break;
        }
    }
    if (!has_id) return std::nullopt;
    return found;
}

/// Both stand before the headers; the rest is not looked at.
request_line request_in(std::string_view webhook) {
    request_line line;
    supe::json_members members(webhook);
    while (line.target.empty() && members.next()) {
        if (members.key() == "headers") break;
        if (!members.value().starts_with('"')) continue;
        if (members.key() == "method") line.method = supe::json_string_value(members.value());
        if (members.key() == "target") line.target = supe::json_string_value(members.value());
    }
    return line;
}

}  // namespace components
