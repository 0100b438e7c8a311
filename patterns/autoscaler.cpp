#include "patterns/autoscaler.hpp"

#include "patterns/backoff.hpp"
#include "patterns/output.hpp"
#include "supe/async/assertion.hpp"

#include <algorithm>

namespace patterns {

unsigned autoscaler::decide(supe::time_point now, unsigned have, std::size_t backlog) {
    SUPE_ASSERT(limits_.mails_each > 0 && limits_.least > 0 && limits_.least <= limits_.most);
    const std::size_t needed = (backlog + limits_.mails_each - 1) / limits_.mails_each;
    const auto wanted =
        static_cast<unsigned>(std::clamp<std::size_t>(needed, limits_.least, limits_.most));
    // What is there before the first look may have been needed until now.
    if (needs_.empty()) note(now, std::clamp(have, limits_.least, limits_.most));
    note(now, wanted);
    while (needs_.front().at + limits_.calm <= now && needs_.size() > 1) needs_.pop_front();
    return std::max(needs_.front().instances, wanted);
}

/// One that is not larger than a later one decides nothing any more.
void autoscaler::note(supe::time_point now, unsigned instances) {
    while (!needs_.empty() && needs_.back().instances <= instances) needs_.pop_back();
    needs_.push_back({now, instances});
}

supe::awaitable<> autoscale(supe::component& self, std::string name, autoscaler_limits limits) {
    autoscaler scaler(limits);
    backoff pauses({.first = limits.look_every, .max = std::chrono::seconds(30)});
    while (!self.shutting_down()) {
        supe::duration pause = limits.look_every;
        try {
            const supe::sibling_status is = co_await self.supervisor().status(name);
            const unsigned n =
                scaler.decide(self.time().now(), is.instances, is.queued + is.in_flight);
            if (n != is.instances) co_await self.supervisor().scale(name, n);
            pauses.reset();
        } catch (const std::runtime_error& e) {
            if (supe::is_cancellation(std::current_exception())) throw;
            if (self.shutting_down()) break;
            warn("{}", e.what());
            pause = std::max(pause, pauses.next());
        }
        co_await self.shutdown_requested_until(self.time().now() + pause);
    }
}

}  // namespace patterns
