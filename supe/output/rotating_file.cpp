#include "supe/output/rotating_file.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace supe {
namespace {

constexpr std::chrono::minutes report_interval{1};
constexpr mode_t log_mode = 0640;  // less the umask: whoever reads logs may belong to the group

struct open_log {
    unique_fd fd;
    std::size_t size = 0;
    int error = 0;
};

/// No symbolic link is followed: a child that may write to the directory could lead us anywhere.
open_log open_to_append(const std::string& file) {
    constexpr int flags =
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    open_log opened{unique_fd(::open(file.c_str(), flags, log_mode)), 0, 0};
    struct stat what{};
    if (!opened.fd || ::fstat(opened.fd.get(), &what) != 0) {
        opened.error = errno;
    } else if (!S_ISREG(what.st_mode)) {
        opened.error = not_regular;
    }
    opened.size = static_cast<std::size_t>(what.st_size);
    return opened;
}

/// The whole lines at the beginning that have at most `room` bytes.
std::size_t lines_within(std::string_view text, std::size_t room) {
    if (text.size() <= room) return text.size();
    const std::size_t end = text.substr(0, room).rfind('\n');
    return end == text.npos ? 0 : end + 1;
}

std::size_t count_lines(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

void rotating_file::write(std::string_view line) {
    text_ += line;
    text_ += '\n';
}

std::string rotating_file::flush(const rotation& limits, time_point now) {
    const std::string problem = text_.empty() ? std::string() : append(limits);
    text_.clear();
    if (lost_lines_ == 0 || now < next_report_) return {};
    next_report_ = now + report_interval;
    if (!problem.empty())
        return fmt::format("{}: {}; lines that are not in it so far: {}", file_, problem,
                           lost_lines_);
    return fmt::format("{} is written again; lines that are missing in it: {}", file_,
                       std::exchange(lost_lines_, 0));
}

/// Returns why something could not be written, or empty. What comes behind it is lost too.
std::string rotating_file::append(const rotation& limits) {
    std::string_view rest = text_;
    std::string problem;
    while (!rest.empty() && problem.empty()) {
        const open_log file = open_to_append(file_);
        const std::size_t room = limits.size > file.size ? limits.size - file.size : 0;
        std::size_t n = lines_within(rest, room);
        if (file.error == 0 && n == 0 && file.size > 0) {
            problem = rotate(limits);
            continue;
        }
        if (n == 0) n = rest.find('\n') + 1;  // longer than a file: it has one of its own
        const int error = file.error != 0
                              ? file.error
                              : append_whole(file.fd.get(), file.size, rest.substr(0, n)).error;
        if (error == 0) rest.remove_prefix(n);
        if (error != 0) problem = file_error(error);
    }
    lost_lines_ += count_lines(rest);
    return problem;
}

/// FILE becomes FILE.1, that FILE.2, and so on; the last one goes.
std::string rotating_file::rotate(const rotation& limits) {
    const auto name = [&](unsigned i) { return i == 0 ? file_ : fmt::format("{}.{}", file_, i); };
    for (unsigned i = limits.count - 1; i > 0; --i) {
        if (std::rename(name(i - 1).c_str(), name(i).c_str()) == 0 || errno == ENOENT) continue;
        return fmt::format("{} cannot become {}: {}", name(i - 1), name(i), file_error(errno));
    }
    if (limits.count > 1 || std::remove(file_.c_str()) == 0 || errno == ENOENT) return {};
    return file_error(errno);
}

}  // namespace supe
