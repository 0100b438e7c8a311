#include "supe/storage/write_ahead_log.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <boost/endian/conversion.hpp>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

namespace supe {
namespace {

constexpr std::size_t header_size = 32, frame_header_size = 24;
constexpr std::uint32_t magic = 0x377f0682;  // the lowest bit: checksums of big-endian words

/// Open for its lifetime; empty where there is none.
class log_file {
public:
    log_file(const std::filesystem::path& database, int flags)
        : path_(database.string() + "-wal"), fd_(open_private(path_, flags)) {
        struct stat found{};
        if (!fd_ && errno != ENOENT) fail();
        if (!fd_) return;
        if (::fstat(fd_.get(), &found) != 0) fail();
        size_ = static_cast<std::uint64_t>(found.st_size);
    }
    std::uint64_t size() const { return size_; }
    /// Less only at the end of the file.
    void read(std::uint64_t at, std::string& bytes) {
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t n = ::pread(fd_.get(), bytes.data() + done, bytes.size() - done,
                                      static_cast<off_t>(at + done));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) fail();
            if (n == 0) return bytes.resize(done);
            done += static_cast<std::size_t>(n);
        }
    }
    void write(std::uint64_t at, std::string_view bytes) {
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t n = ::pwrite(fd_.get(), bytes.data() + done, bytes.size() - done,
                                       static_cast<off_t>(at + done));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) fail();
            done += static_cast<std::size_t>(n);
        }
    }
    void sync() {
        if (::fsync(fd_.get()) != 0) fail();
    }

private:
    [[noreturn]] void fail() const {
        throw std::system_error(errno, std::generic_category(), path_.string());
    }

    std::filesystem::path path_;
    unique_fd fd_;
    std::uint64_t size_ = 0;
};

std::uint32_t number_at(std::string_view bytes, std::size_t at, bool big_endian = true) {
    std::uint32_t n;
    std::memcpy(&n, bytes.data() + at, sizeof n);
    return big_endian ? boost::endian::big_to_native(n) : boost::endian::little_to_native(n);
}

void put_number(std::string& bytes, std::size_t at, std::uint32_t n) {
    boost::endian::native_to_big_inplace(n);
    std::memcpy(bytes.data() + at, &n, sizeof n);
}

/// Each one goes on from the one before it.
using checksum = std::array<std::uint32_t, 2>;

checksum checksum_at(std::string_view bytes, std::size_t at) {
    return {number_at(bytes, at), number_at(bytes, at + 4)};
}

checksum add(checksum sum, std::string_view bytes, bool big_endian) {
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
        sum[0] += number_at(bytes, at, big_endian) + sum[1];
        sum[1] += number_at(bytes, at + 4, big_endian) + sum[0];
    }
    return sum;
}

/// The frames of a log, one after the other.
class frame_reader {
public:
    explicit frame_reader(log_file& file) : file_(file) {
        std::string header(header_size, '\0');
        if (file.size() > header_size) file.read(0, header);
        if (header.find_first_not_of('\0') == header.npos) return;
        has_header_ = false;
        if (header.size() < header_size || (number_at(header, 0) & ~1u) != magic) return;
        big_endian_ = (number_at(header, 0) & 1) != 0;
        salts_ = header.substr(16, 8);
        before_ = checksum_at(header, 24);
        const std::uint32_t page = number_at(header, 8);
        const bool is_page = page >= 512 && page <= 65536 && (page & (page - 1)) == 0;
        has_header_ = is_page && add({}, header.substr(0, 24), big_endian_) == before_;
        if (has_header_) frame_.resize(frame_header_size + page);
    }
    /// False where it has something else.
    bool has_header() const { return has_header_; }
    /// False at the end.
    bool next() {
        if (frame_.empty() || at_ + frame_.size() > file_.size()) return false;
        if (number_ > 0) before_ = noted();
        file_.read(at_, frame_);
        at_ += frame_.size();
        return ++number_, true;
    }
    std::uint64_t number() const { return number_; }  ///< from 1
    std::uint64_t begin() const { return at_ - frame_.size(); }
    bool ends_transaction() const { return number_at(frame_, 4) != 0; }
    /// Of this log, and right behind the frame before it as that says of itself.
    bool fits() const {
        return std::string_view(frame_).substr(8, 8) == salts_ && sum_after(before_) == noted();
    }
    checksum before() const { return before_; }
    /// The header of this frame, as it would fit behind that checksum.
    std::string header_after(const checksum& before) const {
        std::string header = frame_.substr(0, frame_header_size);
        header.replace(8, 8, salts_);
        const checksum sum = sum_after(before);
        put_number(header, 16, sum[0]);
        put_number(header, 20, sum[1]);
        return header;
    }

private:
    checksum noted() const { return checksum_at(frame_, 16); }
    checksum sum_after(const checksum& before) const {
        const std::string_view all = frame_;
        const checksum of_header = add(before, all.substr(0, 8), big_endian_);
        return add(of_header, all.substr(frame_header_size), big_endian_);
    }

    log_file& file_;
    bool has_header_ = true, big_endian_ = false;
    std::string salts_, frame_;
    checksum before_{};
    std::uint64_t at_ = header_size, number_ = 0;
};

struct findings {
    log_state state;
    std::uint64_t confirmed = 0;  ///< the last frame of the last transaction that was followed
};

findings look_at(log_file& file) {
    findings found;
    frame_reader frame(file);
    for (bool last_ended = false; frame.next(); last_ended = frame.ends_transaction()) {
        found.state.frames = frame.number();
        const bool fits = frame.fits();
        if (!fits && found.state.broken == 0) found.state.broken = frame.number();
        if (fits && last_ended) found.confirmed = frame.number() - 1;
    }
    const std::uint64_t broken = found.state.broken;
    found.state.is_damaged = !frame.has_header() || (broken > 0 && broken <= found.confirmed);
    return found;
}

}  // namespace

log_state check_log(const std::filesystem::path& database) {
    log_file file(database, O_RDONLY);
    return look_at(file).state;
}

void accept_damaged_log(const std::filesystem::path& database) {
    log_file file(database, O_RDWR);
    const findings found = look_at(file);
    if (found.state.broken == 0 || !found.state.is_damaged) return;
    frame_reader frame(file);
    checksum sum{};
    while (frame.next() && (frame.number() <= found.confirmed || frame.fits())) {
        if (frame.number() == 1) sum = frame.before();
        const std::string header = frame.header_after(sum);
        file.write(frame.begin(), header);
        sum = checksum_at(header, 16);
    }
    file.sync();
}

void write_log_again(const std::filesystem::path& database) {
    log_file file(database, O_RDWR);
    std::string piece;
    for (std::uint64_t at = 0; at < file.size(); at += piece.size()) {
        piece.resize(1 << 20);
        file.read(at, piece);
        if (piece.empty()) break;
        file.write(at, piece);
    }
    if (file.size() > 0) file.sync();
}

}  // namespace supe
