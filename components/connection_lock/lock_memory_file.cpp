#include "components/connection_lock/lock_memory_file.hpp"

#include "patterns/output.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <sstream>

namespace components {
namespace {

constexpr std::string_view version = "supe-lock 3 ";
constexpr std::string_view earlier_version = "supe-lock 2 ";  // lines alone, below a head
constexpr std::size_t head_size = 4096;                       // a page: written whole or not at all
constexpr std::size_t least_half = 64 * 1024;
constexpr std::size_t largest_file = 256 * 1024 * 1024;

std::string boot_of_this_machine() {
    std::string id;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
    return id;
}

/// Rounded up, so that no permit rests too short.
std::string rest_word(const patterns::used_permit& p) {
    if (!p.rests_since) return "";
    const auto since =
        std::chrono::ceil<std::chrono::milliseconds>(p.rests_since->time_since_epoch());
    return fmt::format(" {}", since.count());
}

/// Nothing where the line ends before it, or where it is no time.
std::optional<supe::time_point> rest_in(std::istream& words) {
    constexpr auto latest =
        std::chrono::floor<std::chrono::milliseconds>(supe::never.time_since_epoch());
    std::int64_t since = 0;
    if (!(words >> since) || since < 0 || since > latest.count()) return std::nullopt;
    return supe::time_point(std::chrono::milliseconds(since));
}

std::string line_of(const patterns::used_permit& p) {
    return fmt::format("+ {} {} {} {} {} {}{}\n", p.name, p.holder.pid, p.holder.started,
                       p.address.empty() ? "-" : p.address, p.port,
                       p.peers.empty() ? "-" : fmt::to_string(fmt::join(p.peers, ",")),
                       rest_word(p));
}

/// False for a line that is none of ours.
bool take_line(std::map<std::string, patterns::used_permit>& in_use, const std::string& line) {
    std::istringstream words(line);
    std::string kind, peers;
    patterns::used_permit p;
    words >> kind >> p.name;
    if (!words) return false;
    if (kind == "-") {
        in_use.erase(p.name);
        return true;
    }
    words >> p.holder.pid >> p.holder.started >> p.address >> p.port >> peers;
    if (kind != "+" || !words) return false;
    if (p.address == "-") p.address.clear();
    if (peers == "-") peers.clear();
    std::istringstream each(peers);
    for (std::string peer; std::getline(each, peer, ',');) p.peers.push_back(peer);
    p.rests_since = rest_in(words);
    in_use.insert_or_assign(p.name, std::move(p));
    return true;
}

/// Empty where it is no file of ours.
std::string content_of(const std::filesystem::path& file) {
    if (!supe::open_private(file, O_RDONLY)) return "";
    return supe::read_file(file, largest_file, supe::file_kind::regular).text;
}

/// What the head of a file says.
struct file_head {
    std::string boot;
    std::size_t half_size = 0;
    unsigned half = 0;
};

std::optional<file_head> read_head(const std::string& content) {
    std::istringstream words(content.substr(0, content.find('\n')));
    if (!content.starts_with(version)) return std::nullopt;
    words.ignore(version.size());
    file_head h;
    if (!(words >> h.boot >> h.half_size >> h.half) || h.half > 1) return std::nullopt;
    if (h.half_size > content.size() || head_size + 2 * h.half_size != content.size())
        return std::nullopt;
    return h;
}

/// Adds what the lines say. False where one is none of ours, or is cut short: its last word may be
/// another one.
bool take_lines(std::map<std::string, patterns::used_permit>& in_use, const std::string& lines) {
    std::istringstream in(lines);
    bool is_whole = true;
    for (std::string line; std::getline(in, line);)
        is_whole = !in.eof() && take_line(in_use, line) && is_whole;
    return is_whole;
}

/// Of the format before versions: a peer a line.
std::vector<std::string> peers_in(const std::string& content) {
    std::vector<std::string> peers;
    std::istringstream in(content);
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) peers.push_back(line);
    return peers;
}

}  // namespace

lock_memory_file::lock_memory_file(std::filesystem::path file, std::string boot)
    : file_(std::move(file)), boot_(boot.empty() ? boot_of_this_machine() : std::move(boot)) {}

std::optional<patterns::lock_record> lock_memory_file::unclean_end() {
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(file_, ignored)))
        return std::nullopt;
    const std::string content = content_of(file_);
    patterns::lock_record record;
    std::string boot, lines;
    if (const auto head = read_head(content)) {
        boot = head->boot;
        lines = content.substr(head_size + head->half * head->half_size, head->half_size);
        lines.resize(std::min(lines.size(), lines.find('\0')));
    } else if (const std::size_t end = content.find('\n');
               content.starts_with(earlier_version) && end != content.npos) {
        boot = content.substr(earlier_version.size(), end - earlier_version.size());
        lines = content.substr(end + 1);
    } else {
        record.whole = false;
        record.peers = peers_in(content);
        return record;
    }
    // After a new boot neither a process nor a socket of before is left.
    if (boot != boot_) return std::nullopt;
    record.whole = take_lines(record.permits, lines);
    return record;
}

void lock_memory_file::begin(const std::vector<patterns::used_permit>& in_use) {
    in_use_.clear();
    for (const patterns::used_permit& p : in_use) in_use_.emplace(p.name, p);
    is_behind_ = has_begun_ = true;
    append("");
}

void lock_memory_file::note(const patterns::used_permit& permit) {
    in_use_.insert_or_assign(permit.name, permit);
    append(line_of(permit));
}

void lock_memory_file::forget(const std::string& permit) {
    in_use_.erase(permit);
    append(fmt::format("- {}\n", permit));
}

/// The state directory may have been deleted and made again, or it may be full no more.
void lock_memory_file::keep_in_place() {
    if (has_begun_) append("");
}

/// All is written anew after a line that could not be written, where no more fits, and where the
/// file is gone.
void lock_memory_file::append(const std::string& line) {
    const bool fits = !is_behind_ && end_ + line.size() < half_size_ && supe::leads_to(file_, out_);
    const std::size_t at = head_size + half_ * half_size_ + end_;
    if (fits && write_at(at, line))
        end_ += line.size();
    else
        is_behind_ = !rewrite();
    if (is_behind_ && !is_reported_)
        patterns::warn(
            "{} cannot be written: after a crash of this lock, some permits may rest too short",
            file_.string());
    is_reported_ = is_behind_;
}

std::string lock_memory_file::lines_in_use() const {
    std::string lines;
    for (const auto& [name, p] : in_use_) lines += line_of(p);
    return lines;
}

bool lock_memory_file::write_at(std::size_t offset, std::string_view bytes) const {
    const ssize_t done =
        ::pwrite(out_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return done == static_cast<ssize_t>(bytes.size());
}

/// A SIGKILL in the middle leaves a head that names the other half.
bool lock_memory_file::write_half(unsigned half, std::string lines) {
    const std::size_t end = lines.size();
    lines.resize(half_size_);
    std::string head = fmt::format("{}{} {} {}\n", version, boot_, half_size_, half);
    head.resize(head_size);
    if (!write_at(head_size + half * half_size_, lines) || !write_at(0, head)) return false;
    half_ = half;
    end_ = end;
    return true;
}

/// That of an earlier life: a full disk may have no room for another one.
void lock_memory_file::take_over() {
    const auto head = read_head(content_of(file_));
    if (!head || head->half_size < least_half) return;
    out_ = supe::open_private(file_, O_RDWR);
    half_size_ = head->half_size;
    half_ = head->half;
}

/// A file with room for as much again is kept.
bool lock_memory_file::rewrite() {
    const std::string lines = lines_in_use();
    if (!out_) take_over();
    const bool fits = out_ && 2 * lines.size() <= half_size_ && supe::leads_to(file_, out_);
    return (fits && write_half(1 - half_, lines)) || make_anew(lines);
}

/// Written beside it and renamed: a full disk leaves what was known before.
bool lock_memory_file::make_anew(const std::string& lines) {
    std::filesystem::path fresh = file_;
    fresh += ".new";
    out_ = supe::open_private(fresh, O_RDWR | O_CREAT | O_TRUNC);
    half_size_ = std::max(least_half, (4 * lines.size() / head_size + 1) * head_size);
    const auto size = static_cast<off_t>(head_size + 2 * half_size_);
    if (!out_ || ::ftruncate(out_.get(), size) != 0) {
        out_.reset();
        return false;
    }
    // Where that cannot be, each write is a try.
    ::posix_fallocate(out_.get(), 0, size);
    std::error_code failed;
    const bool written = write_half(0, lines);
    if (written) std::filesystem::rename(fresh, file_, failed);
    if (!written || failed) out_.reset();
    return written && !failed;
}

void lock_memory_file::ended_cleanly() {
    out_.reset();
    is_behind_ = true;
    has_begun_ = false;
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
}

}  // namespace components
