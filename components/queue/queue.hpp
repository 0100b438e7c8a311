// The relay's queue: keeps webhooks on disk, sends them to the forwarder, and decides what becomes
// of them.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Mail that it takes (JSON):
///   a webhook (components/webhook/webhook.hpp): its ack means that it is committed, with fsync;
///   `{"result":{"id","attempt","status","retry_after_ms"?,"error"?}}` from the forwarder;
///   `{"retry":true}` from the retrier: what failed and is due by now is tried again;
///   `{"resume":true}` from an operator: ends the pause after a 410, and tries again at once.
/// It sends `{"attempt":N,"webhook":{…}}` to its sibling `forwarder`, never more than `in_flight`
/// without a result. The forwarder's ack says that the result is in our mailbox; what it rejects,
/// or dies of, goes to the relay's dead letters. Where the store fails, webhooks are refused (their
/// senders send again) and results are kept and tried again.
///
/// Config:
/// `{"file":"queue.db","window":1024,"in_flight":24,"limit":"10GiB","disk_reserve":"256MiB"}`; a
/// relative file lies in the state directory. Notices: `queue-depth`
/// (`pending`: never tried; `failed`: to be tried again; `handed`: those of both that are in
/// flight, with the forwarder), `webhook-dead`, `destination-paused`.
supe::awaitable<> queue(supe::component& self);

}  // namespace components
