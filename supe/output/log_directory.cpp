#include "supe/output/log_directory.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace supe {
namespace {

constexpr std::string_view whole_prefix = "output.", shares_prefix = "kept.", suffix = ".jsonl";

/// 0 for a file that is not ours.
std::uint64_t number_in(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
        name.size() <= prefix.size() + suffix.size())
        return 0;
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size() - suffix.size();
    const auto [stopped, failed] = std::from_chars(name.data() + prefix.size(), end, number);
    return failed == std::errc() && stopped == end ? number : 0;
}

/// Of a line as append_json_line() writes it. One that is no such line belongs to the root.
std::string_view address_in(std::string_view line) {
    constexpr std::string_view key = "\"address\":\"";
    const std::size_t at = line.substr(0, 64).find(key);
    if (at == line.npos) return "/";
    line.remove_prefix(at + key.size());
    const std::size_t end = line.find('"');
    return end == line.npos ? "/" : line.substr(0, end);
}

using line_handler = std::function<void(std::string_view line)>;  // with its newline

/// Half a line at the end is none.
void for_each_line(const std::filesystem::path& file, const line_handler& on_line) {
    const unique_fd fd = open_private(file, O_RDONLY);
    std::string text;
    std::size_t filled = 0;
    for (;;) {
        text.resize(filled + (256u << 10));
        const ssize_t n = ::read(fd.get(), text.data() + filled, text.size() - filled);
        if (n <= 0) return;
        filled += static_cast<std::size_t>(n);
        const std::string_view all(text.data(), filled);
        std::size_t begin = 0;
        for (std::size_t end; (end = all.find('\n', begin)) != all.npos; begin = end + 1)
            on_line(all.substr(begin, end + 1 - begin));
        text.erase(0, begin);
        filled -= begin;
    }
}

class shares_writer {
public:
    explicit shares_writer(std::filesystem::path file)
        : file_(std::move(file)), next_(file_.string() + ".new"),
          fd_(open_private(next_, O_WRONLY | O_CREAT | O_TRUNC)), is_good_(fd_) {}

    void add(std::string_view line) {
        text_ += line;
        if (text_.size() >= (256u << 10)) write();
    }
    /// False where not all of it could be written: then the file is as it was.
    bool finish() {
        write();
        is_good_ =
            is_good_ && ::fsync(fd_.get()) == 0 && ::rename(next_.c_str(), file_.c_str()) == 0;
        if (!is_good_) ::unlink(next_.c_str());
        return is_good_;
    }

private:
    void write() {
        is_good_ = is_good_ && write_all(fd_.get(), text_);
        text_.clear();
    }

    std::filesystem::path file_, next_;
    unique_fd fd_;
    bool is_good_;
    std::string text_;
};

}  // namespace

std::filesystem::path log_file(const std::filesystem::path& directory, std::uint64_t number) {
    return directory / fmt::format("{}{:08}{}", whole_prefix, number, suffix);
}

std::filesystem::path shares_file(const std::filesystem::path& directory, std::uint64_t number) {
    return directory / fmt::format("{}{:08}{}", shares_prefix, number, suffix);
}

log_listing list_logs(const std::filesystem::path& directory) {
    log_listing found;
    std::error_code failed;
    for (std::filesystem::directory_iterator it(directory, failed), end; !failed && it != end;
         it.increment(failed)) {
        const std::string name = it->path().filename().string();
        if (const auto number = number_in(name, whole_prefix)) found.files.push_back(number);
        if (const auto number = number_in(name, shares_prefix)) found.shares.push_back(number);
    }
    std::ranges::sort(found.files);
    std::ranges::sort(found.shares);
    return found;
}

void keep_shares(const std::filesystem::path& directory, const log_limits& limits) {
    const log_listing there = list_logs(directory);
    if (there.files.size() <= limits.files) return;
    const std::uint64_t known = there.shares.empty() ? 0 : there.shares.back();
    const std::uint64_t last = there.files[there.files.size() - limits.files - 1];
    std::vector<std::filesystem::path> old, whole;
    if (known > 0) old.push_back(shares_file(directory, known));
    for (const std::uint64_t number : there.files) {
        // One that is known was to be removed, and its remover was killed.
        if (number > known) (number > last ? whole : old).push_back(log_file(directory, number));
    }
    // So many bytes of the address come from here on to the end of all.
    std::map<std::string, std::size_t, std::less<>> left;
    const line_handler count = [&](std::string_view line) {
        const std::string_view address = address_in(line);
        auto found = left.find(address);
        if (found == left.end()) found = left.emplace(std::string(address), 0).first;
        found->second += line.size();
    };
    for (const auto& file : old) for_each_line(file, count);
    for (const auto& file : whole) for_each_line(file, count);
    const std::size_t share =
        std::min(limits.share_bytes, limits.shares_bytes / std::max<std::size_t>(left.size(), 1));
    shares_writer kept(shares_file(directory, last));
    const line_handler keep = [&](std::string_view line) {
        const auto found = left.find(address_in(line));
        if (found == left.end()) return;
        if (found->second <= share) kept.add(line);
        found->second -= std::min(found->second, line.size());
    };
    for (const auto& file : old) for_each_line(file, keep);
    if (!kept.finish()) return;
    for (const std::uint64_t number : there.files)
        if (number <= last) ::unlink(log_file(directory, number).c_str());
    for (const std::uint64_t number : there.shares)
        if (number < last) ::unlink(shares_file(directory, number).c_str());
}

}  // namespace supe
