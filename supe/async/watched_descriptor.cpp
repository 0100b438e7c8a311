#include "supe/async/watched_descriptor.hpp"

#include "supe/async/assertion.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace supe {

/// Outlives close(): Asio may call its handlers later.
struct watched_descriptor::state {
    using asio_descriptor = asio::posix::basic_stream_descriptor<loop_executor>;
    explicit state(loop_executor executor) : descriptor(executor) {}
    void notify(direction d) {
        if (timer* const waits = std::exchange(wake[d], nullptr)) waits->notify_now();
    }
    asio_descriptor descriptor;
    timer* wake[2] = {nullptr, nullptr};
};

watched_descriptor::watched_descriptor(loop_executor executor, unique_fd fd)
    : state_(std::make_shared<state>(executor)) {
    state_->descriptor.assign(fd.get());
    fd.release();
}

int watched_descriptor::get() const {
    SUPE_ASSERT(state_);
    return state_->descriptor.native_handle();
}

void watched_descriptor::when(direction d, timer& wake) {
    if (!state_ || state_->wake[d]) return;
    state_->wake[d] = &wake;
    if (d == readable) {
        state_->descriptor.async_wait(state::asio_descriptor::wait_read,
                                      [s = state_](error_code) { s->notify(readable); });
    } else {
        state_->descriptor.async_wait(state::asio_descriptor::wait_write,
                                      [s = state_](error_code) { s->notify(writable); });
    }
}

void watched_descriptor::close() {
    if (!state_) return;
    state_->wake[readable] = state_->wake[writable] = nullptr;
    error_code ignored;
    state_->descriptor.close(ignored);
    state_.reset();
}

}  // namespace supe
