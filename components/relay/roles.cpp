#include "components/relay/roles.hpp"

#include "components/admin/admin.hpp"
#include "components/connection_lock/connection_lock.hpp"
#include "components/demo/demo.hpp"
#include "components/forwarder/forwarder.hpp"
#include "components/http_server/http_server.hpp"
#include "components/queue/queue.hpp"
#include "components/retrier/retrier.hpp"

namespace components {

const supe::component_roles& built_in_roles() {
    static const supe::component_roles roles{
        {"connection_lock", connection_lock},
        {"queue", queue},
        {"forwarder", forwarder},
        {"retrier", retrier},
        {"http_server", http_server},
        {"admin", admin},
        {"demo_app", demo_app},
        {"demo_sender", demo_sender},
    };
    return roles;
}

std::vector<std::string> role_names() { return supe::role_names(built_in_roles()); }

}  // namespace components
