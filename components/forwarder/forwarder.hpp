// The relay's forwarder: delivers webhooks to the destination, over connections that the lock
// permits.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Takes mail `{"attempt":N,"webhook":{…}}` (components/webhook/webhook.hpp), delivers it, and
/// mails
/// `{"result":{"id","attempt","status","retry_after_ms"?,"error"?}}` to the sender before it
/// acknowledges. Connections stay open between deliveries for half of `idle`, or until the lock
/// calls them back; after `idle` without work it ends (patterns::idle_shutdown). A webhook that it
/// delivered lately is not delivered twice when it comes again. Config:
/// `{"to":URL,"connections":4,"timeout":"30s","idle":"30s","lock":"/connection_lock"}`.
supe::awaitable<> forwarder(supe::component& self);

}  // namespace components
