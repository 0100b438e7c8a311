#include "patterns/circuit_breaker.hpp"

#include "supe/async/assertion.hpp"

#include <algorithm>

namespace patterns {

bool circuit_breaker::may_start(supe::time_point now) const {
    switch (phase_) {
        case phase::closed: return true;
        case phase::open: return now >= until_;
        case phase::half_open: return false;
        case phase::ramp: return out_ < allowed_;
    }
    return false;
}

supe::time_point circuit_breaker::next_start() const {
    return phase_ == phase::open ? until_ : supe::never;
}

circuit_breaker::ticket circuit_breaker::start(supe::time_point now) {
    SUPE_ASSERT(may_start(now));
    if (phase_ == phase::open) {
        phase_ = phase::half_open;
        ++epoch_;  // the probe's own
        out_ = 0;
    }
    ++out_;
    return {epoch_};
}

void circuit_breaker::end_of_one(ticket t) {
    if (is_current(t) && out_ > 0) --out_;
}

void circuit_breaker::open(supe::time_point now, supe::duration pause) {
    phase_ = phase::open;
    ++epoch_;
    failures_ = 0;
    out_ = 0;
    pause_ = std::min(pause, settings_.max);
    until_ = now + pause_;
}

circuit_breaker::change circuit_breaker::succeeded(ticket t) {
    end_of_one(t);
    if (phase_ == phase::open || phase_ == phase::half_open) {
        phase_ = settings_.full > 1 ? phase::ramp : phase::closed;
        ++epoch_;
        failures_ = 0;
        out_ = 0;
        allowed_ = 1;
        return change::closed;
    }
    if (!is_current(t)) return change::none;
    failures_ = 0;
    if (phase_ == phase::ramp && ++allowed_ >= settings_.full) phase_ = phase::closed;
    return change::none;
}

circuit_breaker::change circuit_breaker::failed(ticket t, supe::time_point now) {
    end_of_one(t);
    if (!is_current(t)) return change::none;
    if (phase_ == phase::half_open) {
        open(now, std::chrono::duration_cast<supe::duration>(pause_ * settings_.factor));
        return change::none;
    }
    if (phase_ == phase::ramp) allowed_ = std::max(1u, allowed_ / 2);
    if (++failures_ < settings_.failures) return change::none;
    open(now, settings_.first);
    return change::opened;
}

void circuit_breaker::abandoned(ticket t, supe::time_point now) {
    end_of_one(t);
    if (is_current(t) && phase_ == phase::half_open) {
        phase_ = phase::open;
        until_ = now;
    }
}

void circuit_breaker::try_now(supe::time_point now) {
    if (phase_ == phase::open) until_ = std::min(until_, now);
}

}  // namespace patterns
