#include "components/command_line/readable_body.hpp"

#include "supe/text/base64.hpp"
#include "supe/text/utf8.hpp"

#include <boost/json/object.hpp>

namespace components {

void make_body_readable(boost::json::value& letter) {
    auto* webhook = letter.as_object().if_contains("webhook");
    auto* body =
        webhook && webhook->is_object() ? webhook->get_object().if_contains("body") : nullptr;
    if (!body || !body->is_string()) return;
    const auto bytes = supe::from_base64(std::string_view(body->get_string()));
    if (bytes && supe::as_utf8(*bytes) == *bytes) {
        *body = *bytes;
    } else {
        *body = boost::json::object{{"base64", body->get_string()}};
    }
}

}  // namespace components
