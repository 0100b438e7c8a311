#include "components/retrier/retrier.hpp"

#include "patterns/every.hpp"
#include "supe/text/config.hpp"

namespace components {
namespace {

using namespace std::chrono_literals;

supe::milliseconds period_in(const boost::json::value& config) {
    supe::milliseconds period = 5min;
    supe::read_config(config, {{"every", [&](auto& in, auto& x) { period = in.some_time(x); }}});
    return period;
}

}  // namespace

supe::awaitable<> retrier(supe::component& self) {
    const boost::json::value config = co_await self.config();
    patterns::every beat(self, period_in(config));
    while (co_await beat.tick()) self.tell("queue", R"({"retry":true})");
}

}  // namespace components
