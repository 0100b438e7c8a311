// What is said on a direct line: frames as on a channel (supe/channel/frame.hpp), each a line that
// begins with the number of a webhook.
//
//     ► 7 {"id":…}              keep this
//     ◄ 7                       it is on disk
//     ◄ 7 the queue is full     it is refused, and why
#pragma once

#include "supe/channel/frame.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace components {

struct direct_frame {
    std::uint64_t number = 0;  ///< the client's own, never the same again in one life of it
    std::string_view text{};
};

/// The longest text of a frame: as a mail to the queue may have, so that what is kept can be mailed
/// to a forwarder.
inline constexpr std::size_t longest_direct_text = supe::default_frame_limit - 1024;

/// Adds the frame to `out`. Line ends within the text become blanks, which in JSON is the same.
void append_frame(std::string& out, const direct_frame& frame);
/// Nothing where the line is no frame.
std::optional<direct_frame> read_frame(std::string_view line);

}  // namespace components
