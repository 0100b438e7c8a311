// Workers with retries, to copy: several jobs at once, each tried a few times against a service
// that fails and hangs. tests/patterns/examples_test.cpp is their simulated test.
//
//     { "name": "shop", "children": [
//         { "name": "service", "command": ["node", "service.js"] },
//         { "name": "workers", "command": ["./workers"], "shutdown": "20s" } ] }
//
//     supe mail workers '{"job":1}'
#pragma once

#include "patterns/dedupe.hpp"
#include "patterns/graceful_shutdown.hpp"
#include "patterns/output.hpp"
#include "patterns/retry.hpp"
#include "supe/component/component.hpp"

#include <string>

namespace examples {

/// One job: at most 5 tries of 3 s each, then a dead letter, which `supe dead retry` brings back. A
/// job that was done is not done again, also where a crash came before its ack.
inline supe::awaitable<> do_job(supe::component& self, patterns::dedupe& done, supe::mail job) {
    const patterns::retry_limits limits{.pauses = {.first = std::chrono::milliseconds(500)},
                                        .tries = 5};
    const auto one = [&]() -> supe::awaitable<> {
        const supe::time_point deadline = self.time().now() + std::chrono::seconds(3);
        co_await self.call("service", job.body(), deadline);
    };
    std::string failure;
    if (!done.contains(job.id())) {
        try {
            const bool is_done = co_await patterns::retry(self, limits, one);
            if (!is_done) co_return;  // asked to shut down: the job stays in the mailbox
            done.add(job.id());
        } catch (const supe::system_error& e) {
            if (supe::is_cancellation(std::current_exception())) throw;
            failure = e.code().message();
        }
    }
    if (failure.empty()) {
        job.ack();
    } else {
        patterns::warn("job {} failed: {}", job.body(), failure);
        job.reject(failure);
    }
}

inline supe::awaitable<> workers(supe::component& self) {
    patterns::dedupe done{self.name() + ".done", 10'000};
    const auto handle = [&](supe::mail job) { return do_job(self, done, std::move(job)); };
    const patterns::graceful_limits limits{.at_once = 4, .grace = std::chrono::seconds(15)};
    co_await patterns::graceful_shutdown(self, limits, handle);
}

}  // namespace examples
