#include "supe/output/log_files.hpp"

#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace supe {
namespace {

constexpr std::string_view prefix = "output.", suffix = ".jsonl";
constexpr int poll_interval_ms = 1000;  // for a network file system, which reports no changes

std::string name_of_file(std::uint64_t number) {
    return fmt::format("{}{:08}{}", prefix, number, suffix);
}

/// 0 for a file that is not ours.
std::uint64_t number_of_file(const std::string& name) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
        name.size() <= prefix.size() + suffix.size())
        return 0;
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size() - suffix.size();
    const auto [stopped, failed] = std::from_chars(name.data() + prefix.size(), end, number);
    return failed == std::errc() && stopped == end ? number : 0;
}

std::deque<std::uint64_t> numbers_in(const std::filesystem::path& directory) {
    std::deque<std::uint64_t> all;
    std::error_code failed;
    for (std::filesystem::directory_iterator it(directory, failed), end; !failed && it != end;
         it.increment(failed)) {
        if (const auto number = number_of_file(it->path().filename().string()))
            all.push_back(number);
    }
    std::ranges::sort(all);
    return all;
}

bool ends_a_line(int fd, std::size_t size) {
    char last = '\n';
    return size == 0 || (::pread(fd, &last, 1, static_cast<off_t>(size) - 1) == 1 && last == '\n');
}

}  // namespace

log_writer::log_writer(std::filesystem::path directory, log_limits limits)
    : directory_(std::move(directory)), limits_(limits) {
    const std::string unusable = make_private_directory(directory_);
    if (!unusable.empty()) {
        problem_ = fmt::format("{}: {}", directory_.string(), unusable);
        return;
    }
    const auto earlier = numbers_in(directory_);
    open_file(earlier.empty() ? 1 : earlier.back());
}

bool log_writer::open_file(std::uint64_t number) {
    const auto file = directory_ / name_of_file(number);
    file_ = open_private(file, O_RDWR | O_CREAT | O_APPEND);
    lost_error_ = errno;
    number_ = number;
    size_ = 0;
    problem_ = file_ ? "" : fmt::format("{}: {}", file.string(), file_error(lost_error_));
    if (!file_) return false;
    const off_t end = ::lseek(file_.get(), 0, SEEK_END);
    size_ = end > 0 ? static_cast<std::size_t>(end) : 0;
    // A writer that was killed may have left half a line.
    if (!ends_a_line(file_.get(), size_) && ::write(file_.get(), "\n", 1) == 1) ++size_;
    return true;
}

void log_writer::write(std::string_view at, std::string_view address, stream s,
                       std::string_view line) {
    append_json_line(text_, at, address, s, line);
    last_at_ = at;
    ++lines_;
    if (text_.size() >= limits_.file_bytes) flush();
}

void log_writer::flush() {
    if (text_.empty()) return;
    if (size_ > 0 && size_ + text_.size() > limits_.file_bytes) rotate();
    if (!file_ && number_ > 0) open_file(number_);
    bool written = true;
    if (lost_lines_ > 0) {
        std::string mark;
        append_json_line(mark, last_at_, "/", stream::err,
                         fmt::format("{} lines of output could not be kept: {}", lost_lines_,
                                     std::strerror(lost_error_)));
        written = put(mark);
        if (written) lost_lines_ = 0;
    }
    if (!written || !put(text_)) lost_lines_ += lines_;
    text_.clear();
    lines_ = 0;
}

/// Writes all of `text` or nothing: what was written of it is cut off again.
bool log_writer::put(std::string_view text) {
    std::size_t written = 0;
    while (file_ && written < text.size()) {
        const ssize_t n = ::write(file_.get(), text.data() + written, text.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        written += static_cast<std::size_t>(n);
    }
    if (written == text.size()) {
        size_ += written;
        return true;
    }
    if (file_) lost_error_ = errno;
    if (written > 0 && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
        file_ = unique_fd();  // the next flush opens it again
    return false;
}

void log_writer::rotate() {
    open_file(number_ + 1);
    const auto all = numbers_in(directory_);
    for (std::size_t i = 0; i + limits_.files < all.size(); ++i)
        ::unlink((directory_ / name_of_file(all[i])).c_str());
}

log_reader::log_reader(std::filesystem::path directory)
    : directory_(std::move(directory)), changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    ::inotify_add_watch(changes_.get(), directory_.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
}

std::deque<std::uint64_t> log_reader::numbers() const { return numbers_in(directory_); }

std::optional<std::string> log_reader::next() {
    for (;;) {
        const std::size_t end = unread_.find('\n', begin_);
        if (end != std::string::npos) {
            std::string line = unread_.substr(begin_, end - begin_);
            begin_ = end + 1;
            return line;
        }
        unread_.erase(0, std::exchange(begin_, 0));
        // When there is a next file, this one is complete: its rest is read before the next one.
        const auto all = numbers();
        const bool complete = !all.empty() && all.back() > number_;
        if (read_more()) continue;
        if (!complete || !open_next()) return std::nullopt;
    }
}

bool log_reader::read_more() {
    if (!file_) return false;
    const std::size_t before = unread_.size();
    unread_.resize(before + (64u << 10));
    const ssize_t n = ::read(file_.get(), unread_.data() + before, unread_.size() - before);
    unread_.resize(before + (n > 0 ? static_cast<std::size_t>(n) : 0));
    return n > 0;
}

bool log_reader::open_next() {
    for (const std::uint64_t number : numbers()) {
        if (number <= number_) continue;
        unique_fd file = open_private(directory_ / name_of_file(number), O_RDONLY);
        // Removed by a rotation since it was listed, or none of ours.
        if (!file && (errno == ENOENT || errno == ELOOP)) continue;
        number_ = number;
        file_ = std::move(file);
        unread_.clear();
        return static_cast<bool>(file_);
    }
    return false;
}

void log_reader::wait() {
    pollfd p{changes_.get(), POLLIN, 0};
    ::poll(&p, 1, poll_interval_ms);
    char events[4096];
    while (::read(changes_.get(), events, sizeof events) > 0) {}
}

}  // namespace supe
