// A poller to copy: asks for each of its items again and again, never more often than the rate
// allows, and publishes what has changed. tests/patterns/examples_test.cpp is its simulated test.
//
//     { "name": "shop", "children": [
//         { "name": "stock", "command": ["node", "stock.js"] },
//         { "name": "poller", "command": ["./poller"],
//           "config": {"source": "stock", "items": ["apples", "pears"], "every": "1m", "per_second": 5} } ] }
#pragma once

#include "patterns/every.hpp"
#include "patterns/output.hpp"
#include "patterns/rate_limiter.hpp"
#include "patterns/retry.hpp"
#include "supe/component/component.hpp"
#include "supe/text/config.hpp"

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

namespace examples {

struct poller_settings {
    std::string source{};
    std::vector<std::string> items{};
    supe::milliseconds every = std::chrono::minutes(1);
    unsigned per_second = 10;
};

inline poller_settings poller_settings_in(const boost::json::value& config) {
    poller_settings s;
    supe::read_config(
        config, {
                    {"source", [&](auto& in, auto& x) { s.source = in.string(x); }},
                    {"items", [&](auto& in, auto& x) { s.items = in.strings(x); }},
                    {"every", [&](auto& in, auto& x) { s.every = in.some_time(x); }},
                    {"per_second", [&](auto& in, auto& x) { s.per_second = in.count(x, 1, 1000); }},
                });
    return s;
}

/// The text of the answer, or nothing when asked to shut down. Each try has 2 s; after three of
/// them the item is left to the next round.
inline supe::awaitable<std::optional<std::string>> ask(supe::component& self, std::string source,
                                                       std::string item) {
    const patterns::retry_limits limits{.pauses = {.first = std::chrono::milliseconds(200)},
                                        .tries = 3};
    const auto one = [&]() -> supe::awaitable<std::string> {
        const supe::time_point deadline = self.time().now() + std::chrono::seconds(2);
        const boost::json::value question = boost::json::string(item);
        const supe::mail answer = co_await self.call(source, question, deadline);
        co_return answer.body();
    };
    try {
        co_return co_await patterns::retry(self, limits, one);
    } catch (const supe::system_error& e) {
        if (supe::is_cancellation(std::current_exception())) throw;
        patterns::warn("no answer about {}: {}", item, e.code().message());
    }
    co_return std::nullopt;
}

inline supe::awaitable<> poller(supe::component& self) {
    const boost::json::value config = co_await self.config();
    const poller_settings settings = poller_settings_in(config);
    patterns::rate_limiter rate({.count = settings.per_second, .burst = 1});
    patterns::every round{self, settings.every};
    std::map<std::string, std::string> known;
    for (bool more = true; more; more = co_await round.tick()) {
        for (const std::string& item : settings.items) {
            const supe::duration wait = rate.take(self.time().now());
            if (wait > wait.zero()) {
                co_await self.shutdown_requested_until(self.time().now() + wait);
                rate.take(self.time().now());
            }
            const std::optional<std::string> answer = co_await ask(self, settings.source, item);
            if (!answer || known[item] == *answer) continue;
            known[item] = *answer;
            self.notify("changed", boost::json::object{{"item", item}, {"value", *answer}});
        }
    }
}

}  // namespace examples
