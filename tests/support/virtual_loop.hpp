// An event loop in virtual time for tests of coroutines: nothing sleeps, and the same calls give
// the same run.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/simulation/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <stdexcept>
#include <string>

namespace support {

class virtual_loop {
public:
    ~virtual_loop() { stop(); }

    /// Ends the coroutines that were started: then what they use may be destroyed.
    void stop() {
        tasks_.cancel();
        run_ready();
    }

    supe::simulation::virtual_clock& time() { return clock_; }
    supe::time_point now() const { return clock_.now(); }
    std::size_t armed() const { return clock_.armed(); }
    supe::loop_executor executor() { return loop_.get_executor(); }

    /// Starts a coroutine beside the test; it first runs in run_ready().
    void start(supe::awaitable<> work) { tasks_.start(std::move(work)); }
    std::size_t running() const { return tasks_.size(); }

    /// Runs everything that needs no time.
    void run_ready() {
        for (int quiet = 0; quiet < 2;) {
            loop_.restart();
            std::size_t n = loop_.poll();  // one poll runs the reactor once
            if (beside_) n += beside_();
            quiet = n == 0 ? quiet + 1 : 0;
        }
    }
    /// Runs what is ready in other loops of the same time, and returns how much it was.
    void run_beside(std::function<std::size_t()> others) { beside_ = std::move(others); }
    /// Advances the time by `d`.
    void advance(supe::duration d) {
        run_ready();
        const supe::time_point until = clock_.now() + d;
        while (clock_.fire_one(until)) run_ready();
        run_ready();
    }
    /// Runs one coroutine to its end, advances the time as it needs, and throws what it throws.
    void run(supe::awaitable<> work) {
        bool done = false;
        std::exception_ptr error;
        start(observe(std::move(work), done, error));
        run_ready();
        while (!done && clock_.next() != supe::never) {
            clock_.fire_one(clock_.next());
            run_ready();
        }
        if (error) std::rethrow_exception(error);
        if (!done) throw std::runtime_error("the coroutine waits for what will never happen");
    }

private:
    static supe::awaitable<> observe(supe::awaitable<> work, bool& done,
                                     std::exception_ptr& error) {
        try {
            co_await std::move(work);
        } catch (...) {
            error = std::current_exception();
        }
        done = true;
    }

    boost::asio::io_context loop_{1};
    supe::simulation::virtual_clock clock_{loop_.get_executor()};
    supe::nursery tasks_{clock_};
    std::function<std::size_t()> beside_;
};

}  // namespace support
