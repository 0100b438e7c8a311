#include "supe/channel/frame.hpp"

#include <utility>

namespace supe {

std::size_t frame_splitter::feed(std::string_view bytes,
                                 const std::function<void(std::string_view)>& on_frame,
                                 std::size_t most) {
    const std::size_t all = bytes.size();
    while (!bytes.empty() && most-- > 0) {
        const std::size_t end = bytes.find('\n');
        const bool whole = end != std::string_view::npos;
        const std::string_view piece = bytes.substr(0, whole ? end : bytes.size());
        bytes.remove_prefix(whole ? end + 1 : bytes.size());
        if (skipping_) {  // dropped, up to its newline
        } else if (partial_.size() + piece.size() > limit_) {
            skipping_ = true;
            partial_ = {};  // frees its memory too: one huge frame must not hold it for ever
            ++oversized_;
        } else if (!whole) {
            partial_ += piece;
        } else if (partial_.empty()) {
            if (!piece.empty()) on_frame(piece);
        } else {
            partial_ += piece;
            const std::string frame = std::exchange(partial_, {});
            on_frame(frame);
        }
        if (whole) skipping_ = false;
    }
    return all - bytes.size();
}

std::size_t frame_splitter::take_oversized() { return std::exchange(oversized_, 0); }

}  // namespace supe
