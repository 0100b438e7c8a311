#include "supe/async/turnstile.hpp"

#include <boost/asio/post.hpp>

namespace supe {

/// Of one coroutine, until it has passed.
struct turnstile::place {
    explicit place(turnstile& where) : at(where), wake(where.clock_) {
        at.waiting_.push_back(this);
    }
    ~place() {
        const bool was_first = at.waiting_.front() == this;
        std::erase(at.waiting_, this);
        if (was_first && !at.waiting_.empty()) at.waiting_.front()->wake.notify();
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    turnstile& at;
    timer wake;
};

awaitable<> turnstile::pass() {
    place mine(*this);
    while (waiting_.front() != &mine) co_await mine.wake.wait();
    co_await asio::post(clock_.executor(), use_awaitable);
}

}  // namespace supe
