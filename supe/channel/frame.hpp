// Frames: JSON values ended by a newline, cut from a stream of bytes (contract §2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

inline constexpr std::size_t default_frame_limit = 16u << 20;  // bytes, contract §2
/// A delivered frame may be longer than the sent one by this much, and our readers allow for it:
/// the supervisor adds `from`, `id` and `attempt` (an address has up to 65 bytes a level), and the
/// control socket accepts a little more than the limit.
inline constexpr std::size_t delivery_overhead = 2u << 20;  // bytes

/// Cuts a stream into frames. Pure. A frame over the limit is skipped to its end, and counted.
class frame_splitter {
public:
    explicit frame_splitter(std::size_t limit = default_frame_limit) : limit_(limit) {}

    /// Takes the next bytes of the stream, and calls `on_frame` with each whole frame, without its
    /// newline. A frame that lies whole within `bytes` is not copied. The view is valid during the
    /// call only. Empty lines are skipped. Stops behind `most` lines; returns the bytes taken.
    std::size_t feed(std::string_view bytes, const std::function<void(std::string_view)>& on_frame,
                     std::size_t most = SIZE_MAX);

    /// Frames skipped because they were too long, since the last call.
    std::size_t take_oversized();
    /// Bytes of a frame that has no newline yet. A frame that is too long counts in
    /// take_oversized(), not here.
    std::size_t unfinished() const { return partial_.size(); }
    std::size_t limit() const { return limit_; }

private:
    std::size_t limit_;
    std::string partial_;
    bool skipping_ = false;
    std::size_t oversized_ = 0;
};

}  // namespace supe
