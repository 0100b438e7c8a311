// One line of output, as it is shown and as it is kept (contract §6). Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace supe {

enum class stream { out, err };
/// `stdout`, `stderr`.
std::string_view name_of(stream s);

/// The label of an address in text: the plain name at the top, the whole address below, `supe` for
/// the root's own log. `address` counts from the root, which is `/`.
std::string_view label_of(std::string_view address);

struct addressed_line {
    std::string_view address;
    std::string_view line;
};
/// A line that the nested supervisor at `nested` printed: `[/dam/queue] text` for what it speaks of
/// itself or of those below it. What has no such label (a crash of the process itself) is a line of
/// `nested`. Views into the arguments.
addressed_line split_label(std::string_view line, std::string_view nested);

/// `[LABEL] line` and a newline; the label in a colour of its own where there is a terminal.
void append_text_line(std::string& out, std::string_view label, std::string_view line, bool colour);
/// `{"at":…,"address":…,"stream":…,"line":…}` and a newline; bytes that are not UTF-8 as `\xHH`.
void append_json_line(std::string& out, std::string_view at, std::string_view address, stream s,
                      std::string_view line);

/// Points in time as `2026-01-31T12:00:00.000Z`. Remembers the last one: lines come many in a
/// millisecond.
class utc_text {
public:
    /// Valid until the next call.
    std::string_view of(std::chrono::system_clock::time_point t);

private:
    std::chrono::sys_time<std::chrono::milliseconds> last_{std::chrono::milliseconds::min()};
    std::string text_;
};

}  // namespace supe
