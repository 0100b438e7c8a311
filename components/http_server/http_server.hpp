// The relay's intake: takes webhooks from their senders and answers them once they are kept.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// POST, PUT, PATCH and DELETE on any path become a webhook (components/webhook/webhook.hpp),
/// mailed to `to`; 200 only after its acknowledgement, 503 with Retry-After when it cannot be kept
/// now. GET and HEAD: 200, not kept. Others: 405 (contract §7). Config:
/// `{"to":"/dam/queue","body_limit":"4MiB"}`. Listens on the sockets that the tree file's `listen`
/// names.
supe::awaitable<> http_server(supe::component& self);

}  // namespace components
