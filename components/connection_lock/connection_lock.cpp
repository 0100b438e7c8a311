#include "components/connection_lock/connection_lock.hpp"

#include "components/connection_lock/system_holder_watch.hpp"
#include "patterns/output.hpp"
#include "supe/component/state_path.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/object.hpp>
#include <stdexcept>

namespace components {

supe::awaitable<> connection_lock(supe::component& self) {
    const boost::json::value given = co_await self.config();
    const boost::json::object config =
        given.is_object() ? given.get_object() : boost::json::object();
    patterns::lock_settings settings;
    if (const auto* n = config.if_contains("connections")) {
        if (!n->is_int64() || n->get_int64() < 1 || n->get_int64() > 10000)
            throw std::runtime_error(
                "connection_lock: config.connections must be a number from 1 to 10000");
        settings.permits = static_cast<unsigned>(n->get_int64());
    }
    if (const auto* rest = config.if_contains("permit_rest")) {
        const auto d = rest->is_string()
                           ? supe::parse_duration(std::string_view(rest->get_string()))
                           : std::nullopt;
        if (!d)
            throw std::runtime_error(
                "connection_lock: config.permit_rest is not a duration like \"1s\"");
        settings.rest = *d;
    }
    system_holder_watch watch(self.time());
    if (watch.blind()) {
        settings.rest = std::max<supe::duration>(settings.rest, orphan_limit);
        patterns::warn(
            "the kernel does not tell about sockets here (sock_diag): permits rest for {} s after "
            "a crash",
            orphan_limit.count());
    }
    lock_memory_file memory(supe::in_state(fmt::format("{}.open", self.name())));
    self.set_window(64);
    co_await patterns::serve_connection_lock(self, settings, watch, memory);
}

}  // namespace components
