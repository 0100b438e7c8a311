#include "components/http/answer_head.hpp"

#include "components/webhook/webhook.hpp"

#include <algorithm>

namespace components {
namespace {

constexpr std::size_t longest_version = 12;  // `HTTP/1.1`, and room for what is odd

bool is_digit_of_head(char c) { return c >= '0' && c <= '9'; }

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace

void answer_head::read(std::string_view bytes) {
    if (status_ == 0) read_status(bytes);
    if (status_ == 0 || is_whole()) return;
    for (std::size_t end = bytes.find('\n', std::max(begin_, searched_)); end != bytes.npos;
         end = bytes.find('\n', end + 1)) {
        const std::string_view next = bytes.substr(end + 1, 2);
        if (next.starts_with('\n')) size_ = end + 2;
        if (next == "\r\n") size_ = end + 3;
        if (is_whole()) return;
        searched_ = end;
        if (next.empty() || next == "\r") return;
    }
    searched_ = std::max(searched_, bytes.size());
}

void answer_head::read_status(std::string_view bytes) {
    begin_ = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    const std::string_view line = bytes.substr(begin_);
    constexpr std::string_view protocol = "HTTP/";
    foreign_ = line.substr(0, protocol.size()) != protocol.substr(0, line.size());
    const std::size_t version_end = line.find_first_of(" \t\r\n");
    foreign_ = foreign_ || std::min(version_end, line.size()) > longest_version;
    if (foreign_ || version_end == line.npos) return;
    const std::size_t at = std::min(line.find_first_not_of(" \t", version_end), line.size());
    const std::string_view status = line.substr(at, 4);
    const auto digits = static_cast<std::size_t>(
        std::ranges::find_if_not(status, is_digit_of_head) - status.begin());
    if (digits == status.size() && digits < 4) return;  // there is more to come
    foreign_ = digits != 3 || status[0] == '0';
    if (!foreign_) status_ = (status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] - '0';
}

std::string_view field_of_head(std::string_view head, std::string_view name) {
    for (auto end = head.find('\n'); end != head.npos; end = head.find('\n')) {
        const std::string_view line = head.substr(0, end);
        const auto colon = line.find(':');
        if (colon != line.npos && same_field(without_blanks(line.substr(0, colon)), name))
            return without_blanks(line.substr(colon + 1));
        head.remove_prefix(end + 1);
    }
    return {};
}

}  // namespace components
