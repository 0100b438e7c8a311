// The file: a header, then one entry for each mailbox. A mark is raised before its mail is
// delivered.
//
// `whole` in the header is 1 while every mail that was delivered is covered by its mark. A life
// trusts the marks of an earlier one when `whole` is 1 and the machine has not been started again
// since (`boot`). Else it counts every mail as delivered before: it begins the file again with 0,
// raises the marks of all restored mail, and then writes 1. When a mark cannot be written, `whole`
// becomes 0.
//
// Byte for byte: state_directory.md, mail/NAME.handed.
#include "supe/mail/delivery_marks.hpp"

#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace supe {
namespace {

constexpr std::size_t file_step = 4096;              // bytes
constexpr std::uint64_t magic = 0x316b72616d657075;  // "upemark1", as it stands on the disk
constexpr int version_byte = 56;                     // bits before the last of its characters
constexpr std::size_t longest_box = 64;              // bytes of a child's name (contract §1)

/// It differs after each start of the machine.
std::array<char, 36> this_boot() {
    std::array<char, 36> id{};
    std::ifstream("/proc/sys/kernel/random/boot_id").read(id.data(), id.size());
    return id;
}

bool is_newer(std::uint64_t found) {
    constexpr std::uint64_t name = (std::uint64_t{1} << version_byte) - 1;
    return (found & name) == (magic & name) && found >> version_byte > magic >> version_byte;
}

}  // namespace

struct delivery_marks::header {
    std::uint64_t magic;
    std::uint64_t count;  // of entries
    std::array<char, 36> boot;
    std::uint32_t whole;  // 1: every mail that was delivered is covered by its mark
};

struct delivery_marks::entry {
    std::array<char, longest_box> box;  // padded with zeros
    std::uint64_t sequence;
};

delivery_marks::~delivery_marks() { unmap(); }

delivery_marks::header* delivery_marks::head() const { return static_cast<header*>(memory_); }
delivery_marks::entry* delivery_marks::entries() const {
    return reinterpret_cast<entry*>(head() + 1);
}

void delivery_marks::unmap() {
    if (memory_) ::munmap(memory_, size_);
    memory_ = nullptr;
    size_ = 0;
}

/// Allocates the blocks now, so that a full disk is an error here and not a signal at a later write
/// (file systems that copy on write may still signal).
bool delivery_marks::map(std::size_t size) {
    if (!fd_) {
        if (!make_private_directory(file_.parent_path()).empty()) return false;
        fd_ = open_private(file_, O_RDWR | O_CREAT);
    }
    if (!fd_ || ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size)) != 0) return false;
    unmap();
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (memory == MAP_FAILED) return false;
    memory_ = memory;
    size_ = size;
    return true;
}

std::string delivery_marks::open() {
    fd_ = open_private(file_, O_RDWR);
    if (!fd_ && errno == ELOOP) return fmt::format("{}: {}", file_.string(), file_error(ELOOP));
    struct stat found{};
    if (!fd_ || ::fstat(fd_.get(), &found) != 0 || found.st_size < static_cast<off_t>(file_step))
        return {};
    if (!map(static_cast<std::size_t>(found.st_size))) return {};
    const header& h = *head();
    if (is_newer(h.magic)) {
        unmap();
        return fmt::format("{}: a newer version of this program wrote it", file_.string());
    }
    read(h);
    return {};
}

void delivery_marks::read(const header& h) {
    const bool readable = h.magic == magic && h.count <= (size_ - sizeof(header)) / sizeof(entry);
    trusted_ =
        readable && h.whole == 1 && h.boot == this_boot() && h.boot != std::array<char, 36>{};
    if (!trusted_) return;
    begun_ = true;
    for (std::size_t i = 0; i < h.count; ++i) {
        const auto& box = entries()[i].box;
        indexes_.emplace(std::string(box.data(), ::strnlen(box.data(), box.size())), i);
    }
}

bool delivery_marks::covers(std::string_view box, std::uint64_t sequence) const {
    if (!trusted_) return true;
    const auto found = indexes_.find(box);
    return found != indexes_.end() && sequence <= entries()[found->second].sequence;
}

/// Not whole yet: a life that ends before all restored mail has its mark must not be trusted.
void delivery_marks::make_header() {
    if (begun_ || broken_) return;
    if (!memory_ && !map(file_step)) return give_up();
    *head() = {magic, 0, this_boot(), 0};
    begun_ = true;
}

void delivery_marks::begin() {
    make_header();
    if (!broken_) head()->whole = 1;
}

void delivery_marks::begin_anew() {
    begun_ = false;
    indexes_.clear();
    begin();
}

void delivery_marks::raise(const std::string& box, std::uint64_t sequence) {
    make_header();
    if (broken_) return;
    auto known = indexes_.find(box);
    if (known == indexes_.end()) {
        if (!add(box)) return give_up();
        known = indexes_.find(box);
    }
    std::uint64_t& mark = entries()[known->second].sequence;
    mark = std::max(mark, sequence);
}

bool delivery_marks::add(const std::string& box) {
    if (box.size() > longest_box) return false;
    const std::size_t index = indexes_.size();
    const std::size_t needed = sizeof(header) + (index + 1) * sizeof(entry);
    if (needed > size_ && !map((needed + file_step - 1) / file_step * file_step)) return false;
    entry& e = entries()[index];
    e = {};
    std::ranges::copy(box, e.box.begin());
    head()->count = index + 1;
    indexes_.emplace(box, index);
    return true;
}

/// From now on the file is incomplete: its header records that, or the file is removed when it is
/// not mapped.
void delivery_marks::give_up() {
    broken_ = true;
    if (memory_) head()->whole = 0;
    if (!memory_) ::unlink(file_.c_str());
}

}  // namespace supe
