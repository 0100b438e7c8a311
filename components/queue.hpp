// The relay's queue: keeps webhooks on disk, hands them to the forwarder, and decides what becomes of them.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Mail that it takes (JSON):
///   a webhook (see components/webhook.hpp): its ack means that it is committed, with fsync;
///   `{"result":{"id","attempt","status","retry_after_ms"?,"error"?}}` from the forwarder;
///   `{"retry":true}` from the retrier: what failed and is due is pending again;
///   `{"resume":true}` from an operator: ends the pause after a 410.
/// It sends `{"attempt":N,"webhook":{…}}` to its sibling `forwarder`, never more than `in_flight` without a result.
///
/// Config: `{"file":"queue.db","window":1024,"in_flight":24,"limit":"10GiB","disk_reserve":"256MiB"}`; a relative file
/// lies in the state directory. Notices: `queue-depth`, `webhook-dead`, `destination-paused`.
supe::awaitable<> queue(supe::component& self);

}  // namespace components
