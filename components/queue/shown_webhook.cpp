#include "components/queue/shown_webhook.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/units.hpp"
#include "supe/text/utf8.hpp"

#include <fmt/format.h>
#include <chrono>

namespace components {
namespace {

constexpr std::size_t longest_target = 200;  // bytes

}  // namespace

std::string shown_target(std::string target) {
    if (target.size() <= longest_target) return target;
    const char next = target[longest_target];
    target.resize(longest_target);
    return target.substr(0, supe::utf8_cut(target, next)) + "…";
}

std::string shown_time(std::int64_t unix_ms) {
    return supe::print_utc(
        std::chrono::system_clock::time_point(std::chrono::milliseconds(unix_ms)));
}

boost::json::array shown_attempts(webhook_store& store, std::int64_t seq) {
    boost::json::array all;
    for (const attempt_note& n : store.attempts_of(seq))
        all.push_back({{"attempt", n.n},
                       {"at", shown_time(n.at)},
                       {"ms", n.ms},
                       {"status", n.status},
                       {"reason", n.reason}});
    return all;
}

std::string error_answer(std::string_view why) {
    return fmt::format(R"({{"error":{}}})", supe::json_quoted(why));
}

}  // namespace components
