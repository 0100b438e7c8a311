#include "patterns/graceful_shutdown.hpp"

#include "supe/async/nursery.hpp"

#include <utility>

namespace patterns {
namespace {

struct mail_in_hand {
    supe::component& self;
    graceful_limits limits;
    mail_handler handle;
    unsigned count = 0;
    supe::condition ended{self.time()};

    supe::awaitable<> one(supe::mail mail) {
        co_await handle(std::move(mail));
        --count;
        ended.notify();
    }

    supe::awaitable<> all(supe::nursery& hands) {
        while (auto mail = co_await self.receive()) {
            ++count;
            hands.start(one(std::move(*mail)));
        }
        self.give_back();
        const supe::time_point end = self.time().now() + limits.grace;
        while (count > 0 && self.time().now() < end) co_await ended.wait_until(end);
        hands.cancel();
    }
};

}  // namespace

supe::awaitable<> graceful_shutdown(supe::component& self, graceful_limits limits,
                                    mail_handler handle) {
    self.set_window(limits.at_once);
    mail_in_hand work{self, limits, std::move(handle)};
    const auto body = [&work](supe::nursery& hands) { return work.all(hands); };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace patterns
