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
    supe::awaitable<> lift() {
        tasks_.cancel();
        co_await tasks_.join();
    }

private:
    supe::awaitable<> cut() {
        while (time_.now() < deadline_) {
            wake_.expires_at(deadline_);
            co_await wake_.wait();
        }
        late_ = true;
        for (;;) {  // a cancel between two operations has no effect
            boost::system::error_code ignored;
            socket_.cancel(ignored);
            co_await time_.sleep_for(std::chrono::milliseconds(50));
        }
    }

    supe::clock& time_;
    tcp_socket& socket_;
    supe::time_point deadline_;
    bool late_ = false;
    supe::timer wake_;
    supe::nursery tasks_;
};

}  // namespace components
