#include "components/connection_lock/connection_lock.hpp"

#include "components/connection_lock/lock_memory_file.hpp"
#include "components/connection_lock/system_holder_watch.hpp"
#include "components/http/destination.hpp"
#include "patterns/output.hpp"
#include "supe/component/state_path.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 1s;  // a crash within that time finds no memory where it was deleted

patterns::permit_limits limits_in(const boost::json::value& config) {
    patterns::permit_limits s;
    supe::read_config(
        config,
        {{"connections", [&](auto& in, auto& x) { s.permits = in.count(x, 1, most_connections); }},
         {"permit_rest", [&](auto& in, auto& x) { s.rest = in.duration(x); }},
         {"timeout", [&](auto& in, auto& x) { s.reset_rest = in.some_time(x); }}});
    s.forgotten_after = orphan_limit;
    return s;
}

supe::awaitable<> keep_in_place(supe::component& self, lock_memory_file& memory) {
    for (;;) {
        memory.keep_in_place();
        co_await self.time().sleep_for(look_every);
    }
}

}  // namespace

supe::awaitable<> connection_lock(supe::component& self) {
    const boost::json::value config = co_await self.config();
    patterns::permit_limits limits = limits_in(config);
    system_holder_watch watch(self.time());
    if (watch.blind()) {
        limits.rest = std::max<supe::duration>(limits.rest, orphan_limit);
        patterns::warn(
            "the kernel does not list sockets here (sock_diag): permits rest for {} s after "
            "a crash",
            orphan_limit.count());
    }
    lock_memory_file memory(supe::in_state(fmt::format("{}.open", self.name())));
    // At a stop, what was given back and is not in the window is not read any more.
    self.set_window(64 + 2 * limits.permits);
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        all.start(keep_in_place(self, memory));
        co_await patterns::serve_connection_lock(self, limits, watch, memory);
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

}  // namespace components
