#include "components/relay/roles.hpp"

#include "components/connection_lock/connection_lock.hpp"
#include "components/demo/demo.hpp"
#include "components/forwarder/forwarder.hpp"
#include "components/http_server/http_server.hpp"
#include "components/queue/queue.hpp"
#include "components/retrier/retrier.hpp"
#include "supe/run/run_tree.hpp"
#include "supe/run/state_lock.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace components {
namespace {

struct role {
    const char* name;
    supe::awaitable<> (*body)(supe::component&);
};

constexpr role roles[] = {
    {"connection_lock", connection_lock},
    {"queue", queue},
    {"forwarder", forwarder},
    {"retrier", retrier},
    {"http_server", http_server},
    {"demo_app", demo_app},
    {"demo_sender", demo_sender},
};

}  // namespace

supe::component_main find_role(const std::string& name) {
    const auto found = std::ranges::find_if(roles, [&](const role& r) { return r.name == name; });
    return found == std::end(roles) ? supe::component_main() : supe::component_main(found->body);
}

std::vector<std::string> role_names() {
    std::vector<std::string> names;
    for (const role& r : roles) names.emplace_back(r.name);
    return names;
}

int run_role(const std::string& name) {
    // Held until this process is gone: a new root on the same state directory waits for the last
    // process of the old one (contract §7).
    const char* state = std::getenv("SUPE_STATE");
    std::optional<supe::state_lock> lock;
    if (state && *state) {
        std::string error;
        lock = supe::state_lock::join(state, error);
        if (!lock) {
            fmt::print(stderr, "{}\n", error);
            return 1;
        }
    }
    if (name == "supervisor") return supe::run_nested();
    if (auto body = find_role(name)) return supe::run_component(std::move(body));
    fmt::print(stderr, "\"{}\" is not a built-in component; there are: {}\n", name,
               fmt::join(role_names(), ", "));
    return 2;
}

}  // namespace components
