// Who gives way where the server has no room: clients that are slow on purpose must keep nobody
// out.
#pragma once

#include "components/http/server_connection.hpp"

namespace components {

/// One that has its last answer, else the one that has waited longest for its next request, or in
/// its handshake, else the one that has kept us waiting for longest. Null where all are at work.
http_client* next_to_give_way(http_service& s);

/// Its request is answered 408, and nobody waits for it any more.
void end_for_another(http_client& c);

}  // namespace components
