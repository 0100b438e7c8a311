// The relay's answers to whoever watches it: is it alive, can webhooks come, and its numbers.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Serves `/livez`, `/readyz` and `/metrics` (contract §7 `--admin`) on the socket that the tree
/// file's `listen` names. It asks the others when it is asked, each at most once a second, and
/// waits for no one longer than 2 s. It keeps nothing: after a restart, of itself or of another
/// one, what it says is right.
///
/// Config: `{"address":"127.0.0.1:9900","hosts":[NAME,…],"token_file"?:FILE,"queue":"queue",
/// "http_server":"/http_server"}`.
supe::awaitable<> admin(supe::component& self);

}  // namespace components
