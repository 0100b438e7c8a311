#include "components/retrier/retrier.hpp"

#include "patterns/every.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <boost/json/object.hpp>
#include <stdexcept>

namespace components {

supe::awaitable<> retrier(supe::component& self) {
    const boost::json::value config = co_await self.config();
    const auto* every = config.is_object() ? config.get_object().if_contains("every") : nullptr;
    const auto period = supe::parse_duration(
        every && every->is_string() ? std::string_view(every->get_string()) : "5m");
    if (!period || period->count() == 0)
        throw std::runtime_error("retrier: config.every is not a duration like \"5m\"");
    patterns::every beat(self, *period);
    while (co_await beat.tick()) self.tell("queue", R"({"retry":true})");
}

}  // namespace components
