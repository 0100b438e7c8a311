// The way from http_server to who keeps its webhooks.
#pragma once

#include "components/http_server/intake_route.hpp"
#include "components/webhook/webhook_keeper.hpp"
#include "supe/component/component.hpp"

#include <memory>

namespace components {

/// The direct line to a queue, where the settings have a socket; else mail, whose ack says that a
/// webhook is kept: so any component can be the queue of a tree of one's own. What `split` makes of
/// a request comes as an array of webhooks, to be kept all or none.
std::unique_ptr<webhook_keeper> make_keeper(supe::component& self, const intake_settings& settings);

}  // namespace components
