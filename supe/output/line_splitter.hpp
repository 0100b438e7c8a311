// Cuts a child's output into whole lines. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace supe {

inline constexpr std::size_t line_limit = 64u << 10;  // bytes, contract §6
inline constexpr std::string_view cut_mark = " [cut]";
/// For the output of a nested supervisor: it adds a label, and perhaps the mark, to the lines that
/// it passes on.
inline constexpr std::size_t relayed_line_limit = line_limit + (8u << 10);

/// A line ends in `\n` (a `\r` before it belongs to the line). A line over the limit is cut there,
/// never within a UTF-8 character, and ends in `cut_mark`; the rest of it, up to its newline, is
/// dropped. Memory never exceeds the limit.
class line_splitter {
public:
    using sink = std::function<void(std::string_view line)>;  ///< without its newline; the view is
                                                              ///< valid during the call

    explicit line_splitter(std::size_t limit = line_limit) : limit_(limit) {}

    /// A line that lies whole within `bytes` is not copied. Stops behind `most` lines; returns the
    /// bytes taken.
    std::size_t feed(std::string_view bytes, const sink& on_line, std::size_t most = SIZE_MAX);
    /// The stream ended: passes on a last line that has no newline.
    void finish(const sink& on_line);

private:
    std::size_t limit_;
    std::string partial_;
    bool dropping_ = false;
};

}  // namespace supe
