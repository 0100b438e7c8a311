// A producer that makes only as much as its consumers want.
#pragma once

#include "supe/component/component.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace patterns {

/// What each consumer wants, and what is on its way to it. Pure. Consumers take turns.
class demand_table {
public:
    static constexpr std::size_t most_consumers = 10'000;

    /// From now on `consumer` wants up to `n` items at once, until `expires`; 0: no more. False
    /// where there are too many consumers.
    bool want(const std::string& consumer, unsigned n, supe::time_point expires);
    /// The consumer that gets the next item, which then is on its way.
    std::optional<std::string> next(supe::time_point now);
    /// An item arrived, or came back. `is_gone`: its consumer takes none any more.
    void arrived(const std::string& consumer, bool is_gone);

private:
    struct consumer_state {
        unsigned wanted = 0, on_its_way = 0;
        supe::time_point expires{};
        bool is_over(supe::time_point now) const {
            return on_its_way == 0 && (wanted == 0 || expires <= now);
        }
    };
    std::map<std::string, consumer_state> consumers_;
    std::string last_;  // who had the last turn
};

/// Makes the next item. It may wait for one; nothing: there is none any more. Called once at a
/// time.
using item_maker = std::function<supe::awaitable<std::optional<supe::json_body>>()>;

/// A producer: makes an item when a consumer wants one, and sends it by mail, until asked to shut
/// down, or until there is none and the last one has arrived. An item that its consumer did not
/// take goes to the next one that wants one.
///
///     const auto make = [&]() -> supe::awaitable<std::optional<supe::json_body>> {
///         co_return co_await next_row(database);
///     };
///     co_await patterns::produce_on_demand(self, make);
supe::awaitable<> produce_on_demand(supe::component& self, item_maker make);

/// A consumer's side: tells `producer` again and again that this component wants up to `n` items
/// at once. Runs beside the work until asked to shut down; the items are ordinary mail.
///
///     all.start(patterns::want_from(self, "producer", 8));       // a nursery
///     while (auto item = co_await self.receive()) { …; item->ack(); }
supe::awaitable<> want_from(supe::component& self, std::string producer, unsigned n);

}  // namespace patterns
