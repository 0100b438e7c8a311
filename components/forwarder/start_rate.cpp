#include "components/forwarder/start_rate.hpp"

#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <algorithm>
#include <fstream>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr supe::duration seldom_enough = 100ms;  // each start is written

std::int64_t to_unix_ms(std::chrono::system_clock::time_point t) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

/// When the bucket of the last life is full again, in Unix time; 0 where nothing says so.
std::int64_t full_at_in(const std::filesystem::path& file) {
    std::int64_t at = 0;
    if (!file.empty() && supe::open_private(file, O_RDONLY)) std::ifstream(file) >> at;
    return at;
}

}  // namespace

start_rate::start_rate(std::optional<patterns::rate_limiter::settings> limit, supe::clock& time,
                       std::filesystem::path file)
    : time_(time), file_(std::move(file)) {
    if (!limit) return;
    limiter_.emplace(*limit);
    if (limit->period / limit->count < seldom_enough) pause_ = 1s;
    constexpr std::int64_t longest = 100'000'000'000;  // ms: anybody may have written the file
    const std::int64_t at = std::clamp<std::int64_t>(full_at_in(file_), 0, 100 * longest);
    const std::int64_t left = std::min(at - to_unix_ms(time_.wall()), longest);
    if (left > 0) limiter_->go_on(time_.now(), std::chrono::milliseconds(left));
}

supe::duration start_rate::take() {
    if (!limiter_) return supe::duration::zero();
    const supe::duration wait = limiter_->take(time_.now());
    if (wait == supe::duration::zero()) remember();
    return wait;
}

bool start_rate::is_full() const {
    return !limiter_ || limiter_->full_in(time_.now()) == supe::duration::zero();
}

void start_rate::remember() {
    const supe::time_point now = time_.now();
    if (file_.empty() || now < written_ + pause_) return;
    written_ = now;
    const auto full_in =
        std::chrono::ceil<std::chrono::milliseconds>(limiter_->full_in(now)).count();
    if (const auto fd = supe::open_private(file_, O_RDWR | O_CREAT))
        supe::replace_text(fd.get(), std::to_string(to_unix_ms(time_.wall()) + full_in) + "\n");
}

}  // namespace components
