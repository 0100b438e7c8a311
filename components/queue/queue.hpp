// The relay's queue: keeps webhooks on disk, sends them to the forwarder, and decides what becomes
// of them.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Mail that it takes (JSON):
///   a webhook (components/webhook/webhook.hpp): its ack means that it is committed, with fsync, or
///   that its `dedupe_key` has come already;
///   `{"results":[{"id","attempt","status","ms","retry_after_ms"?,"error"?},…]}` from a forwarder,
///   in which `{"id","attempt","not_tried":true}` is one that it gives back;
///   `{"resume":true,"route":ROUTE?}` from an operator: ends the pause after a 410, and each wait,
///   of one route or of all;
///   `{"drop":ROUTE}`, a call: forgets some of what a route has queued, answered
///   `{"done":N,"more":BOOL}`;
///   `{"dead":…}`, a call (components/queue/dead_webhooks.hpp);
///   `{"webhooks":…}`, a call (components/queue/webhook_requests.hpp);
///   `{"metrics":true}`, a call: its numbers (components/queue/queue_metrics.hpp), once a write has
///   shown that the store takes webhooks; else an error;
///   an answer with `done` has `"again":true` where an earlier life had the call too, so that more
///   may have been done;
///   `{"retry":true}` does nothing: trees of earlier versions have a retrier.
///
/// Each route has a lane of its own. It sends `{"attempt":N,"webhook":{…}}` to the lane's
/// forwarder, its sibling, never more than `in_flight` without a result. The forwarder's ack says
/// that the result is in our mailbox; what it rejects, or dies of, goes to the relay's dead
/// letters. Where the store fails, webhooks are refused (their senders send again) and results are
/// kept and tried again. Where its file is lost (contract §7), webhooks are refused and those that
/// it has are delivered.
///
/// Config: `{"file":"queue.db","window":1024,"limit":"10GiB","disk_reserve":"256MiB","max_age"?,
/// "keep_delivered":"0s","routes":[{"name","forwarder":"forwarder-NAME","in_flight":24,
///   "retry":{"first":"10s","factor":2,"max":"1h","jitter":0.2,"for":"3d","refused":5},
///   "ordered":false,"dedupe_for"?}]}`; a relative file lies in the state directory. Without
/// `routes` there is one, `default`, with the forwarder `forwarder`, and `in_flight` beside `file`.
///
/// Notices: `queue-depth` (at most once a second), of all routes and in `routes` of each:
///   `pending` (never tried), `failed` (to be tried again), `handed` (those of both that are with
///   the forwarder), `dead`, `bytes`, `paused`, and the ledger: `accepted`, `delivered`, `dropped`,
///   `duplicates`, `replayed` (delivered ones that were queued again), `kept` (delivered ones that
///   can be looked at); of a route also `circuit`: closed, open, half_open or ramp;
/// `webhook-dead` {"id","reason","route"}, `destination-paused` {"route"} after a 410,
/// `destination-down` and `destination-up` {"route"} when a circuit opens and closes.
supe::awaitable<> queue(supe::component& self);

}  // namespace components
