#include "components/command_line/readable_body.hpp"

#include "supe/text/base64.hpp"
#include "supe/text/utf8.hpp"

#include <boost/json/object.hpp>

namespace components {

void make_body_readable(boost::json::value& letter) {
    auto* const found = letter.as_object().if_contains("webhook");
    if (!found || !found->is_object()) return;
    boost::json::object& webhook = found->get_object();
    if (auto* const text = webhook.if_contains("text")) {
        webhook.insert_or_assign("body", boost::json::value(std::move(*text)));
        webhook.erase("text");
        return;
    }
    auto* const body = webhook.if_contains("body");
    if (!body || !body->is_string()) return;
    const auto bytes = supe::from_base64(std::string_view(body->get_string()));
    if (bytes && supe::as_utf8(*bytes) == *bytes) {
        *body = *bytes;
    } else {
        *body = boost::json::object{{"base64", body->get_string()}};
    }
}

}  // namespace components
