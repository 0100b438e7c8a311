#include "components/http/server_text.hpp"

#include <fmt/format.h>
#include <array>
#include <ctime>
#include <iterator>
#include <utility>

namespace components {
namespace {

/// For people alone (RFC 9112 §4): empty where we give none.
std::string_view reason_of(unsigned status) {
    constexpr std::pair<unsigned, std::string_view> reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Payload Too Large"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {508, "Loop Detected"},
    };
    for (const auto& [known, reason] : reasons)
        if (known == status) return reason;
    return {};
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), in English whatever the locale; the same text
/// for all answers of a second.
std::string_view http_date(std::chrono::system_clock::time_point now) {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static std::time_t of = 0;
    static std::string text;
    const std::time_t second = std::chrono::system_clock::to_time_t(now);
    if (second == of && !text.empty()) return text;
    of = second;
    std::tm t{};
    ::gmtime_r(&second, &t);
    text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                       days[static_cast<std::size_t>(t.tm_wday)], t.tm_mday,
                       months[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour,
                       t.tm_min, t.tm_sec);
    return text;
}

}  // namespace

std::string text_of(const http_answer& answer, connection_after after, answer_part part,
                    std::chrono::system_clock::time_point now) {
    std::string out = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: "
        "{}\r\n",
        answer.status, reason_of(answer.status), http_date(now), answer.type, answer.text.size(),
        after == connection_after::kept ? "keep-alive" : "close");
    for (const auto& [name, value] : answer.headers) out += fmt::format("{}: {}\r\n", name, value);
    out += "\r\n";
    if (part == answer_part::whole) out += answer.text;
    return out;
}

http_answer unavailable(std::string why) { return {503, std::move(why), {{"Retry-After", "5"}}}; }

}  // namespace components
