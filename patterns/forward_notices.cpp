#include "patterns/forward_notices.hpp"

#include "patterns/retry.hpp"
#include "supe/async/nursery.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace patterns {
namespace {

std::string mail_of(const supe::notice& n, const std::string& address) {
    return boost::json::serialize(
        boost::json::object{{"notice", n.name}, {"message", n.message}, {"from", address}});
}

supe::awaitable<> forward_one(supe::component& self, std::string name, std::string to) {
    supe::watch board = co_await self.watch_notice(name);
    const retry_limits limits{.pauses = {.max = std::chrono::seconds(5)}};
    while (auto notice = co_await board.next()) {
        const std::string body = mail_of(*notice, self.address());
        const auto send = [&] { return self.send(to, body); };
        co_await retry(self, limits, send);
    }
}

}  // namespace

supe::awaitable<> forward_notices(supe::component& self, std::vector<std::string> names,
                                  std::string to) {
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        for (const std::string& name : names) all.start(forward_one(self, name, to));
        co_await self.shutdown_requested();
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace patterns
