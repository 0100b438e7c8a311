#include "patterns/backoff.hpp"

#include <algorithm>

namespace patterns {

supe::duration backoff::next() {
    using fraction = std::chrono::duration<double>;
    const fraction whole = std::min(limit_, settings_.max);
    limit_ = std::chrono::duration_cast<supe::duration>(
        std::min<fraction>(whole * settings_.factor, settings_.max));
    if (!dice_) dice_.emplace(std::random_device{}());
    const double part = std::uniform_real_distribution<double>(0, 1)(*dice_);
    return std::chrono::duration_cast<supe::duration>(whole * (1 - settings_.jitter * part));
}

}  // namespace patterns
