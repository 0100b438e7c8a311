#include "supe/run/state_owner.hpp"

#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace supe {

namespace fs = std::filesystem;

namespace {

constexpr const char* record = "tree_file";
constexpr std::size_t longest = 64u << 10;  // bytes of a path that is read

std::string recorded_in(int fd) {
    std::string text(longest, '\0');
    const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

/// False also where that cannot be known.
bool is_gone(const fs::path& file) {
    std::error_code failed;
    return fs::status(file, failed).type() == fs::file_type::not_found;
}

bool is_same(const fs::path& a, const fs::path& b) {
    std::error_code failed;
    return a == b || fs::equivalent(a, b, failed);
}

[[noreturn]] void refuse_claim(const fs::path& state, const std::string& why) {
    throw std::runtime_error(fmt::format("state directory {}: {}", state.string(), why));
}

}  // namespace

std::string claim_state(const fs::path& state, const fs::path& file) {
    if (file.empty()) return {};
    const unique_fd fd = open_private(state / record, O_RDWR | O_CREAT);
    if (!fd) refuse_claim(state, fmt::format("{}: {}", record, file_error(errno)));
    const std::string before = recorded_in(fd.get());
    if (before == file.string()) return {};
    const bool of_another = before.starts_with('/') && !is_same(before, file);
    if (of_another && !is_gone(before)) {
        refuse_claim(state,
                     fmt::format("it belongs to the tree file {}, and this is {}: give this tree "
                                 "another \"name\", or another directory with --state DIR",
                                 before, file.string()));
    }
    if (!replace_text(fd.get(), file.string() + "\n"))
        refuse_claim(state, fmt::format("{}: {}", record, file_error(errno)));
    if (!of_another) return {};
    return fmt::format(
        "the state directory {} was that of {}, which does not exist any more: it "
        "belongs to {} now",
        state.string(), before, file.string());
}

}  // namespace supe
