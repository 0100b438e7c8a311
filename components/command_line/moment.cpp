#include "components/command_line/moment.hpp"

#include "supe/text/units.hpp"

#include <cstdio>

namespace components {

std::optional<moment> parse_moment(const std::string& text,
                                   std::chrono::system_clock::time_point now) {
    using namespace std::chrono;
    if (const auto ago = supe::parse_duration(text)) return floor<milliseconds>(now) - *ago;
    int y = 0, hours = 0, minutes = 0, secs = 0, ms = 0, end = 0;
    unsigned m = 0, d = 0;
    const char* rest = text.c_str();
    if (text.size() < 10 || std::sscanf(rest, "%4d-%2u-%2u%n", &y, &m, &d, &end) != 3 || end != 10)
        return std::nullopt;
    const year_month_day date{year(y), month(m), day(d)};
    if (!date.ok()) return std::nullopt;
    rest += end;
    if (*rest == 'T' || *rest == ' ') {
        end = 0;
        if (std::sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 || end != 5)
            return std::nullopt;
        rest += 1 + end;
        end = 0;
        if (*rest == ':' && std::sscanf(rest, ":%2d%n", &secs, &end) == 1 && end == 3) rest += end;
        end = 0;
        if (*rest == '.' && std::sscanf(rest, ".%3d%n", &ms, &end) == 1 && end == 4) rest += end;
        if (*rest == 'Z') ++rest;
    }
    const bool in_a_day = hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && secs >= 0 &&
                          secs < 61 && ms >= 0;
    if (*rest || !in_a_day) return std::nullopt;
    return sys_days(date) + std::chrono::hours(hours) + std::chrono::minutes(minutes) +
           seconds(secs) + milliseconds(ms);
}

}  // namespace components
