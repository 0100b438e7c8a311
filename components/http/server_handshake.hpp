// How a connection of an HTTP server begins where TLS is spoken.
#pragma once

#include "components/http/server_connection.hpp"

namespace components {

/// The handshake, with the identity of the listener. False where no request can come.
supe::awaitable<bool> greet(http_client& c);

}  // namespace components
