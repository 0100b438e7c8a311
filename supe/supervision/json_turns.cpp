#include "supe/supervision/json_turns.hpp"

#include "supe/text/json_string.hpp"
#include "supe/text/utf8.hpp"

#include <boost/asio/post.hpp>
#include <string_view>

namespace supe {
namespace {

constexpr std::size_t large_text = 64u << 10;
constexpr std::size_t quoted_in_a_turn = 1u << 20;

}  // namespace

awaitable<> turn_after_json(clock& time, std::size_t bytes) {
    if (bytes >= large_text) co_await asio::post(time.executor(), use_awaitable);
}

awaitable<std::string> quoted_in_turns(clock& time, std::string text) {
    std::string quoted = "\"";
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view part = rest.substr(0, quoted_in_a_turn);
        if (part.size() < rest.size()) part = part.substr(0, utf8_cut(part, rest[part.size()]));
        rest.remove_prefix(part.size());
        const std::string of_part = json_quoted(part);
        quoted.append(of_part, 1, of_part.size() - 2);
        co_await turn_after_json(time, rest.size());
    }
    quoted += '"';
    co_return quoted;
}

}  // namespace supe
