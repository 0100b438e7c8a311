#include "supe/output/log_files.hpp"

#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace supe {
namespace {

constexpr int poll_interval_ms = 1000;  // for a network file system, which reports no changes

bool ends_a_line(int fd, std::size_t size) {
    char last = '\n';
    return size == 0 || (::pread(fd, &last, 1, static_cast<off_t>(size) - 1) == 1 && last == '\n');
}

}  // namespace

log_writer::log_writer(std::filesystem::path directory, log_limits limits)
    : directory_(std::move(directory)), limits_(limits) {
    open_last();
}

void log_writer::open_last() {
    const std::string unusable = make_private_directory(directory_);
    if (!unusable.empty()) {
        problem_ = lost_why_ = fmt::format("{}: {}", directory_.string(), unusable);
        return;
    }
    const log_listing earlier = list_logs(directory_);
    const std::uint64_t behind = earlier.shares.empty() ? 1 : earlier.shares.back() + 1;
    open_file(earlier.files.empty() ? behind : std::max(behind, earlier.files.back()));
    bound_files();
}

bool log_writer::open_file(std::uint64_t number) {
    const auto file = log_file(directory_, number);
    file_ = open_private(file, O_RDWR | O_CREAT | O_APPEND);
    if (!file_ && errno == ENOENT && make_top_directory(directory_.parent_path()).empty() &&
        make_private_directory(directory_).empty())
        file_ = open_private(file, O_RDWR | O_CREAT | O_APPEND);
    const int failed = errno;
    number_ = number;
    size_ = 0;
    problem_ = file_ ? "" : fmt::format("{}: {}", file.string(), file_error(failed));
    if (!file_) {
        lost_why_ = problem_;
        return false;
    }
    struct stat what{};
    ::fstat(file_.get(), &what);
    size_ = static_cast<std::size_t>(what.st_size);
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
    if (file_ && !leads_to(log_file(directory_, number_), file_)) {
        open_file(number_ + 1);  // a new number, by which readers find it
    } else if (!file_ && number_ > 0) {
        open_file(number_);
    } else if (!file_) {
        open_last();
    }
    bool written = true;
    if (lost_lines_ > 0) {
        std::string mark;
        append_json_line(
            mark, last_at_, "/", stream::err,
            fmt::format("{} lines of output could not be kept: {}", lost_lines_, lost_why_));
        written = put_or_rotate(mark);
        if (written) lost_lines_ = 0;
    }
    if (!written || !put_or_rotate(text_)) lost_lines_ += lines_;
    text_.clear();
    lines_ = 0;
}

std::string log_writer::loss() const { return lost_lines_ > 0 ? lost_why_ : std::string(); }

/// Where a limit on the size of files is smaller than ours (ulimit -f), files are full sooner.
bool log_writer::put_or_rotate(std::string_view text) {
    int failed = put(text);
    if (failed == EFBIG && size_ > 0) {
        rotate();
        failed = put(text);
    }
    return failed == 0;
}

/// Writes all of `text` or nothing. Returns 0, or what failed.
int log_writer::put(std::string_view text) {
    if (!file_) return EBADF;  // why it could not be opened is in lost_why_
    const append_result done = append_whole(file_.get(), size_, text);
    if (done.error == 0) {
        size_ += text.size();
        return 0;
    }
    lost_why_ = std::strerror(done.error);
    if (done.is_torn) file_ = unique_fd();  // the next flush opens it again
    return done.error;
}

void log_writer::rotate() {
    open_file(number_ + 1);
    bound_files();
}

void log_writer::bound_files() {
    const auto all = list_logs(directory_).files;
    has_too_many_ = all.size() > limits_.files;
    for (std::size_t i = 0; i + 2 * limits_.files < all.size(); ++i)
        ::unlink(log_file(directory_, all[i]).c_str());
}

std::function<void()> log_writer::take_work() {
    has_too_many_ = false;
    return [directory = directory_, limits = limits_] {
        try {
            keep_shares(directory, limits);
        } catch (const std::exception&) {
            // want of memory: the files stay, and the next one asks again
        }
    };
}

log_reader::log_reader(std::filesystem::path directory)
    : directory_(std::move(directory)), changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    watch();
}

/// Once more where the directory was made again. Repeated, it changes nothing.
void log_reader::watch() {
    ::inotify_add_watch(changes_.get(), directory_.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
}

bool log_reader::found_any() const {
    const log_listing there = list_logs(directory_);
    return !there.files.empty() || !there.shares.empty();
}

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
        const bool complete = has_next();
        if (read_more()) continue;
        if (!complete || !open_next()) return std::nullopt;
    }
}

bool log_reader::has_next() const {
    if (number_ == 0 || !waiting_.empty()) return true;
    const auto files = list_logs(directory_).files;
    return !files.empty() && files.back() > number_;
}

bool log_reader::read_more() {
    if (!file_) return false;
    const std::size_t before = unread_.size();
    unread_.resize(before + (64u << 10));
    const ssize_t n = ::read(file_.get(), unread_.data() + before, unread_.size() - before);
    unread_.resize(before + (n > 0 ? static_cast<std::size_t>(n) : 0));
    return n > 0;
}

/// Together, because keep_shares() may replace the oldest files meanwhile. Where one is gone
/// already, what took its place has to be seen.
void log_reader::open_all() {
    for (int attempt = 0; attempt < 10; ++attempt) {
        waiting_.clear();
        const log_listing there = list_logs(directory_);
        bool is_gone = false;
        const auto open = [&](const std::filesystem::path& path, std::uint64_t number) {
            unique_fd file = open_private(path, O_RDONLY);
            is_gone = is_gone || (!file && errno == ENOENT);
            if (file) waiting_.push_back({number, std::move(file)});
        };
        const std::uint64_t known = there.shares.empty() ? 0 : there.shares.back();
        if (known > 0) open(shares_file(directory_, known), known);
        for (const std::uint64_t number : there.files)
            if (number > known) open(log_file(directory_, number), number);
        if (!is_gone) return;
    }
}

bool log_reader::open_next() {
    if (number_ == 0) open_all();
    if (waiting_.empty() && number_ > 0) {
        for (const std::uint64_t number : list_logs(directory_).files) {
            if (number <= number_) continue;
            unique_fd file = open_private(log_file(directory_, number), O_RDONLY);
            if (!file) continue;  // removed since it was listed, or none of ours
            waiting_.push_back({number, std::move(file)});
            break;
        }
    }
    if (waiting_.empty()) return false;
    number_ = waiting_.front().number;
    file_ = std::move(waiting_.front().file);
    waiting_.pop_front();
    unread_.clear();
    return true;
}

void log_reader::wait() {
    watch();
    pollfd p{changes_.get(), POLLIN, 0};
    ::poll(&p, 1, poll_interval_ms);
    char events[4096];
    while (::read(changes_.get(), events, sizeof events) > 0) {}
}

}  // namespace supe
