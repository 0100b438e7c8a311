// Frames: JSON values ended by a newline, cut from a stream of bytes (contract §2).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

inline constexpr std::size_t default_frame_limit = 16u << 20;  // bytes, contract §2
/// A delivery is longer than the mail was: our own side reads so much more. The rest is `from`,
/// `id`, `attempt` (an address has 65 bytes a level), and what the control socket lets in above the
/// limit.
inline constexpr std::size_t delivery_room = 2u << 20;  // bytes

/// Cuts a stream into frames. Pure. A frame over the limit is skipped to its end, and counted.
class frame_splitter {
public:
    explicit frame_splitter(std::size_t limit = default_frame_limit) : limit_(limit) {}

    /// Gives bytes read from the stream and calls `on_frame` with each whole frame, without its
    /// newline. A frame that lies whole within `bytes` is not copied; the view is valid during the
    /// call only. Empty lines are passed over.
    void feed(std::string_view bytes, const std::function<void(std::string_view)>& on_frame);

    /// Frames skipped because they were too long, since the last call.
    std::size_t take_oversized();
    /// Bytes of a frame that is not ended yet. One that is too long is counted above, not here.
    std::size_t unfinished() const { return partial_.size(); }
    std::size_t limit() const { return limit_; }

private:
    std::size_t limit_;
    std::string partial_;
    bool skipping_ = false;
    std::size_t oversized_ = 0;
};

}  // namespace supe
