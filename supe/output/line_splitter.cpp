#include "supe/output/line_splitter.hpp"

#include <utility>

namespace supe {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Where to cut `line`, which ends before `next`: there, or before a UTF-8 character that goes on in it.
std::size_t cut_before(std::string_view line, char next) {
    if (!continues(next)) return line.size();
    for (std::size_t back = 1; back <= 3 && back <= line.size(); ++back) {
        const char c = line[line.size() - back];
        if (continues(c)) continue;
        return static_cast<unsigned char>(c) >= 0xc2 && static_cast<unsigned char>(c) <= 0xf4 ? line.size() - back : line.size();
    }
    return line.size();
}

}  // namespace

void line_splitter::feed(std::string_view bytes, const sink& on_line) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const bool whole = end != std::string_view::npos;
        std::string_view piece = bytes.substr(0, whole ? end : bytes.size());
        bytes.remove_prefix(whole ? end + 1 : bytes.size());
        if (dropping_) {
            dropping_ = !whole;
            continue;
        }
        if (partial_.size() + piece.size() > limit_) {
            const std::size_t room = limit_ - partial_.size();
            partial_ += piece.substr(0, room);
            partial_.resize(cut_before(partial_, piece[room]));
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
}

void line_splitter::finish(const sink& on_line) {
    if (!partial_.empty()) on_line(std::exchange(partial_, {}));
    dropping_ = false;
}

}  // namespace supe
