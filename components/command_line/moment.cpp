#include "components/command_line/moment.hpp"

namespace components {

std::optional<moment> parse_moment(const std::string& text,
                                   std::chrono::system_clock::time_point now) {
    const auto ago = supe::parse_duration(text);
    return ago ? std::chrono::floor<supe::milliseconds>(now) - *ago : supe::parse_utc(text);
}

}  // namespace components
