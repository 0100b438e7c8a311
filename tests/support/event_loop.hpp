// One event loop for a test with real sockets and processes. Coroutines do the work, and the test
// waits until a fact holds.
#pragma once

#include "supe/async/nursery.hpp"

#include <boost/asio/io_context.hpp>
#include <functional>

namespace support {

class event_loop {
public:
    event_loop() : io(1), time(io.get_executor()) {}

    /// Runs until `fact` holds; false when it does not within `limit`.
    bool until(const std::function<bool()>& fact, supe::duration limit) {
        const auto deadline = time.now() + limit;
        while (!fact()) {
            if (time.now() >= deadline) return false;
            io.restart();
            io.run_one_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    /// Runs for a time, so that load builds up. Never wait so for a result.
    void run_for(supe::duration d) {
        until([] { return false; }, d);
    }

    /// Cancels these coroutines and runs until all have ended: then their owner may be destroyed.
    void end(supe::nursery& tasks) {
        tasks.cancel();
        until([&tasks] { return tasks.size() == 0; }, std::chrono::seconds(5));
    }

    boost::asio::io_context io;
    supe::real_clock time;
};

}  // namespace support
