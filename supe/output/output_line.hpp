// One line of output, as text and as JSON (contract §6). Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace supe {

enum class stream { out, err };
/// `stdout`, `stderr`.
std::string_view name_of(stream s);

/// The label of an address in text: the plain name of a child of the root, the whole address below,
/// and `supe` for the root's own log. `address` is from the root, which is `/`.
std::string_view label_of(std::string_view address);

struct addressed_line {
    std::string_view address;
    std::string_view line;
};
/// Splits a line of the nested supervisor at `nested`: `[/dam/queue] text` is its own log or a line
/// of a child below. A line without such a label (a crash of the process itself) is a line of
/// `nested`. The views point into the arguments.
addressed_line split_label(std::string_view line, std::string_view nested);

enum class colours { off, on };

/// `[LABEL] line` and a newline, behind the time where one is given. With colours the label has
/// one, the same for the same label.
void append_text_line(std::string& out, std::string_view label, std::string_view line,
                      colours shown, std::string_view at = {});
/// `{"at":…,"address":…,"stream":…,"line":…}` and a newline. Bytes that are not UTF-8 become
/// `\xHH`.
void append_json_line(std::string& out, std::string_view at, std::string_view address, stream s,
                      std::string_view line);

/// Points in time as `2026-01-31T12:00:00.000Z`. Keeps the last text, because many lines come in
/// one millisecond.
class utc_text {
public:
    /// Valid until the next call.
    std::string_view of(std::chrono::system_clock::time_point t);

private:
    std::chrono::sys_time<std::chrono::milliseconds> last_{std::chrono::milliseconds::min()};
    std::string text_;
};

}  // namespace supe
