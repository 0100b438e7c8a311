// Text that was read and is still to be taken: a turn of a coroutine takes a bounded part of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace supe {

/// Pure. Taking from the front copies nothing.
class pending_text {
public:
    bool empty() const { return at_ == text_.size(); }
    std::string_view view() const { return std::string_view(text_).substr(at_); }
    /// Precondition: it is empty.
    void keep(std::string_view text) {
        text_ = text;
        at_ = 0;
    }
    /// Frees the memory with the last byte.
    void take(std::size_t bytes) {
        at_ += bytes;
        if (empty()) clear();
    }
    void clear() {
        text_ = {};
        at_ = 0;
    }

private:
    std::string text_;
    std::size_t at_ = 0;
};

}  // namespace supe
