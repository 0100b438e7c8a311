#include "components/http_server/intake.hpp"

#include "components/http_server/webhook_intake.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <boost/json/object.hpp>

namespace components {
namespace {

namespace json = boost::json;
constexpr std::size_t largest_body = 8 << 20;  // in base64 it must fit into one mail

}  // namespace

supe::awaitable<> http_server(supe::component& self) {
    const json::value given = co_await self.config();
    const json::object config = given.is_object() ? given.get_object() : json::object();
    const auto text = [&](const char* key, std::string otherwise) {
        const auto* value = config.if_contains(key);
        return value && value->is_string() ? std::string(value->get_string()) : otherwise;
    };
    http_limits limits;
    const auto body_limit = supe::parse_bytes(text("body_limit", "4MiB"));
    if (!body_limit || *body_limit > largest_body)
        throw std::runtime_error(
            "http_server: config.body_limit is not a size like \"4MiB\", at most 8MiB");
    limits.body = *body_limit;
    webhook_intake door(self, text("to", "/dam/queue"));
    const http_handler handler = [&door](http_request request) {
        return door.answer(std::move(request));
    };
    co_await serve_http(self, supe::listening_sockets(), limits, handler);
}

}  // namespace components
