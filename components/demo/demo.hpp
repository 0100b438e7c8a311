// What the demo puts around the relay: an app that is slow and fails now and then, and a sender.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// A small web app behind the relay: slow, and fails now and then. Listens where the tree file
/// says.
supe::awaitable<> demo_app(supe::component& self);

/// Posts batches of events, as SendGrid does, to `to` (config `{"to":URL,"every":"700ms"}`), and
/// posts again what did not get its 200.
supe::awaitable<> demo_sender(supe::component& self);

/// A port that is free now, for the demo's app.
unsigned short free_demo_port();

}  // namespace components
