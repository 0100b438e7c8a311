#include "supe/output/line_splitter.hpp"

#include "supe/text/utf8.hpp"

#include <utility>

namespace supe {
std::size_t line_splitter::feed(std::string_view bytes, const sink& on_line, std::size_t most) {
    const std::size_t all = bytes.size();
    while (!bytes.empty() && most-- > 0) {
        const std::size_t end = bytes.find('\n');
        const bool whole = end != std::string_view::npos;
        std::string_view piece = bytes.substr(0, whole ? end : bytes.size());
        bytes.remove_prefix(whole ? end + 1 : bytes.size());
        if (dropping_) {
            dropping_ = !whole;
            continue;
        }
        if (partial_.size() + piece.size() > limit_) {
            const std::size_t space = limit_ - partial_.size();
            partial_ += piece.substr(0, space);
            partial_.resize(utf8_cut(partial_, piece[space]));
            partial_ += cut_mark;
            on_line(std::exchange(partial_, {}));
            dropping_ = !whole;
        } else if (!whole) {
            partial_ += piece;
        } else if (partial_.empty()) {
            on_line(piece);
        } else {
            partial_ += piece;
            on_line(std::exchange(partial_, {}));
        }
    }
    return all - bytes.size();
}

void line_splitter::finish(const sink& on_line) {
    if (!partial_.empty()) on_line(std::exchange(partial_, {}));
    dropping_ = false;
}

}  // namespace supe
