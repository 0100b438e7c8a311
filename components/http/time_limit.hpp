// What a socket does ends when its time is up.
#pragma once

#include "components/http/tcp_socket.hpp"
#include "supe/async/nursery.hpp"

namespace components {

/// Ends what a socket does when the time is up. It is not closed by that: whoever holds a
/// connection must see it closed by the destination too, which Beast's own timeouts would not let
/// us do.
class time_limit {
public:
    time_limit(supe::clock& time, tcp_socket& socket, supe::time_point deadline)
        : time_(time), socket_(socket), deadline_(deadline), wake_(time), tasks_(time) {
        tasks_.start(cut());
    }
    bool passed() const { return late_; }
    void set(supe::time_point deadline) {
        deadline_ = deadline;
        if (deadline < wake_.expiry()) wake_.expires_at(deadline);
    }
    /// For the next of several things that a socket does: nothing of the one before counts. It
    /// costs nothing while a deadline is not before that of the one before.
    void begin(supe::time_point deadline) {
        late_ = false;
        set(deadline);
    }
    /// There is no limit until begin().
    void rest() { deadline_ = supe::never; }
    supe::awaitable<> lift() {
        lifted_ = true;
        wake_.notify();
        co_await tasks_.join();
    }

private:
    supe::awaitable<> cut() {
        while (!lifted_) {
            const supe::time_point now = time_.now();
            const bool is_over = now >= deadline_;
            if (is_over) {
                late_ = true;
                boost::system::error_code ignored;
                socket_.cancel(ignored);
            }
            // Again and again: a cancel between two operations has no effect.
            wake_.expires_at(is_over ? now + std::chrono::milliseconds(50) : deadline_);
            co_await wake_.wait();
        }
    }

    supe::clock& time_;
    tcp_socket& socket_;
    supe::time_point deadline_;
    bool late_ = false;
    bool lifted_ = false;
    supe::timer wake_;
    supe::nursery tasks_;
};

}  // namespace components
