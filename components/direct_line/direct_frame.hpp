// What is said on a direct line: frames as on a channel (supe/channel/frame.hpp), each a line that
// begins with the number of what is to be kept (components/webhook/webhook_keeper.hpp).
//
//     ► 7 {"id":…}              keep this
//     ► 8 [{"id":…},…]          keep these, all or none
//     ◄ 7                       it is on disk
//     ◄ 7 the queue is full     it is refused, and why
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace components {

struct direct_frame {
    std::uint64_t number = 0;  ///< the client's own, never the same again in one life of it
    std::string_view text{};
};

/// Adds the frame to `out`. Line ends within the text become blanks, which in JSON is the same.
void append_frame(std::string& out, const direct_frame& frame);
/// Nothing where the line is no frame.
std::optional<direct_frame> read_frame(std::string_view line);

}  // namespace components
