// Lines: they are the same however they arrive, no line is longer than the limit and its mark, and
// shorter lines are complete.
#include "supe/output/line_splitter.hpp"
#include "tests/fuzz/fuzz.hpp"

using fuzz::require;
using lines = std::vector<std::string>;

namespace {

/// Compares with a simple search for newlines; a cut line up to its cut.
void check_against_text(const lines& got, std::string_view text, std::size_t limit) {
    std::size_t n = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        require(n < got.size(), "no line is lost", line);
        if (line.size() <= limit) {
            require(got[n] == line, "a line is whole", got[n]);
        } else {
            require(got[n].ends_with(supe::cut_mark), "a long line is marked", got[n]);
            const std::string_view kept =
                std::string_view(got[n]).substr(0, got[n].size() - supe::cut_mark.size());
            require(kept.size() <= limit && kept.size() + 3 >= limit && line.starts_with(kept),
                    "a long line is cut at the limit", got[n]);
        }
        ++n;
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    require(n == got.size(), "no line is made up");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view text = fuzz::text_of(data + 2, size - 2);
    const std::size_t limit = 4 + data[0];
    lines whole, pieces;
    supe::line_splitter one(limit), other(limit);
    const auto keep_whole = [&](std::string_view line) { whole.emplace_back(line); };
    const auto keep_piece = [&](std::string_view line) { pieces.emplace_back(line); };
    one.feed(text, keep_whole);
    one.finish(keep_whole);
    fuzz::in_pieces(text, data[1], [&](std::string_view piece) { other.feed(piece, keep_piece); });
    other.finish(keep_piece);
    require(whole == pieces, "lines are the same however they arrive", text);
    check_against_text(whole, text, limit);
    return 0;
}
