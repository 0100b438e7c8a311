#include "components/connection_lock/lock_memory_file.hpp"

#include "patterns/output.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>

namespace components {
namespace {

constexpr std::string_view version = "supe-lock 2 ";
constexpr std::size_t lines_before_rewrite = 1000;

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

/// Of the format before versions: a peer a line.
std::vector<std::string> peers_in(std::istream& in, std::string line) {
    std::vector<std::string> peers;
    do {
        if (!line.empty()) peers.push_back(line);
    } while (std::getline(in, line));
    return peers;
}

}  // namespace

lock_memory_file::lock_memory_file(std::filesystem::path file, std::string boot)
    : file_(std::move(file)), boot_(boot.empty() ? boot_of_this_machine() : std::move(boot)) {}

std::optional<patterns::lock_record> lock_memory_file::unclean_end() {
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(file_, ignored)))
        return std::nullopt;
    patterns::lock_record record;
    std::string line;
    std::ifstream in;
    if (supe::open_private(file_, O_RDONLY)) in.open(file_);  // else it is no file of ours
    if (!std::getline(in, line) || !line.starts_with(version)) {
        record.whole = false;
        record.peers = peers_in(in, line);
        return record;
    }
    // After a new boot neither a process nor a socket of before is left.
    if (line.substr(version.size()) != boot_) return std::nullopt;
    while (std::getline(in, line)) {
        const bool is_cut_short = in.eof();  // by a full disk: its last word may be another one
        record.whole = !is_cut_short && take_line(record.permits, line) && record.whole;
    }
    return record;
}

void lock_memory_file::begin(const std::vector<patterns::used_permit>& in_use) {
    in_use_.clear();
    for (const patterns::used_permit& p : in_use) in_use_.emplace(p.name, p);
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

/// After a line that could not be written the file is made anew, and now and then else.
void lock_memory_file::append(const std::string& line) {
    const bool fits = out_.is_open() && lines_ < lines_before_rewrite + 4 * in_use_.size();
    if (fits) {
        ++lines_;
        out_ << line << std::flush;
    }
    const bool written = (fits && out_) || rewrite();
    if (!written && !reported_)
        patterns::warn(
            "{} cannot be written: after a crash of this lock, some permits may rest too short",
            file_.string());
    reported_ = !written;
}

/// Written beside it and renamed: a full disk leaves what was known before.
bool lock_memory_file::rewrite() {
    std::filesystem::path fresh = file_;
    fresh += ".new";
    const auto is_ours = static_cast<bool>(supe::open_private(fresh, O_WRONLY | O_CREAT));
    out_ = is_ours ? std::ofstream(fresh, std::ios::trunc) : std::ofstream();
    if (!is_ours) out_.setstate(std::ios::failbit);
    out_ << version << boot_ << '\n';
    for (const auto& [name, p] : in_use_) out_ << line_of(p);
    out_ << std::flush;
    std::error_code failed;
    if (out_) std::filesystem::rename(fresh, file_, failed);
    lines_ = in_use_.size() + 1;
    if (out_ && !failed) return true;
    out_.close();
    return false;
}

void lock_memory_file::ended_cleanly() {
    out_.close();
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
}

}  // namespace components
