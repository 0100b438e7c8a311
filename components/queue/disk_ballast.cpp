#include "components/queue/disk_ballast.hpp"

#include "supe/async/unique_fd.hpp"

#include <fcntl.h>

namespace components {

disk_ballast::disk_ballast(std::filesystem::path file) : file_(std::move(file)) {
    std::error_code none;
    is_there_ = std::filesystem::file_size(file_, none) == size;
}

void disk_ballast::keep(std::uint64_t free_bytes) {
    if (is_there_ || failed_ || free_bytes < 4 * size) return;
    {
        const supe::unique_fd file(
            ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        is_there_ = file && ::posix_fallocate(file.get(), 0, size) == 0;
    }
    failed_ = !is_there_;
    std::error_code ignored;
    if (failed_) std::filesystem::remove(file_, ignored);
}

bool disk_ballast::give_up() {
    if (!is_there_) return false;
    is_there_ = false;
    std::error_code failed;
    return std::filesystem::remove(file_, failed);
}

}  // namespace components
