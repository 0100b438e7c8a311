// An overseer to copy: it gives a sibling as many instances as its mail needs.
// tests/patterns/examples_test.cpp is its simulated test.
//
//     { "name": "shop", "children": [
//         { "name": "service", "command": ["node", "service.js"] },
//         { "name": "workers", "command": ["./workers"], "shutdown": "20s" },
//         { "name": "scaler", "command": ["./scaler"], "may": ["scale"],
//           "config": {"sibling": "workers", "most": 8, "mails_each": 20} } ] }
//
//     supe status scaler       what it has seen and done last
#pragma once

#include "patterns/autoscaler.hpp"
#include "patterns/every.hpp"
#include "patterns/output.hpp"
#include "supe/component/component.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <string>

namespace examples {

struct scaler_settings {
    std::string sibling{};
    patterns::autoscaler_limits limits{};
};

inline scaler_settings scaler_settings_in(const boost::json::value& config) {
    scaler_settings s;
    supe::read_config(
        config, {
                    {"sibling", [&](auto& in, auto& x) { s.sibling = in.string(x); }},
                    {"most", [&](auto& in, auto& x) { s.limits.most = in.count(x, 1, 1000); }},
                    {"mails_each",
                     [&](auto& in, auto& x) { s.limits.mails_each = in.count(x, 1, 100000); }},
                    {"calm", [&](auto& in, auto& x) { s.limits.calm = in.some_time(x); }},
                });
    return s;
}

/// As patterns::autoscale(), with a line for each change. Where an order fails, this throws: the
/// supervisor prints why, and starts it again.
inline supe::awaitable<> scaler(supe::component& self) {
    const boost::json::value config = co_await self.config();
    const scaler_settings settings = scaler_settings_in(config);
    patterns::autoscaler decider(settings.limits);
    patterns::every look{self, settings.limits.look_every};
    for (bool more = true; more; more = co_await look.tick()) {
        const supe::sibling_status is = co_await self.supervisor().status(settings.sibling);
        const std::size_t backlog = is.queued + is.in_flight;
        const unsigned n = decider.decide(self.time().now(), is.instances, backlog);
        self.status(fmt::format("mails: {}, instances of {}: {}", backlog, settings.sibling, n));
        if (n == is.instances) continue;
        patterns::say("mails: {}, instances of {}: {}", backlog, settings.sibling, n);
        co_await self.supervisor().scale(settings.sibling, n);
    }
}

}  // namespace examples
