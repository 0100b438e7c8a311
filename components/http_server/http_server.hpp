// The relay's intake: takes webhooks from their senders and answers them once they are kept.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// POST, PUT, PATCH and DELETE that a route takes become a webhook
/// (components/webhook/webhook.hpp), mailed to `to`; 200 only after its acknowledgement, 503 with
/// Retry-After when it cannot be kept now. GET and HEAD: 200, not kept. Others: 405. What no route
/// takes: 404 (contract §7). Config: `{"to":"/dam/queue","routes":[{"name","path","host"?,
/// "body_limit","intake_rate"?,"verify"?,"order_by"?,"dedupe"?,"split"?}],"trusted_proxies":[…]}`;
/// without `routes` one takes everything. Listens on the sockets that the tree file's `listen`
/// names; `"tls":[{"certificate","key"},null]` has files of PEM for those that speak TLS, in the
/// same order. With `"drain_delay":"5s"` it goes on accepting for so long when its supervisor stops
/// all of its children (notice `supervisor-stopping`).
///
/// It answers the call `{"counters":true}` with what it has counted since it began:
/// `{"answers":{"200":N,…},"unverified":{ROUTE:N,…},"listeners":["",REASON,…],"unkept":REASON}`:
/// `unverified` of each route with `verify`, `listeners` with the reason why one takes no
/// connection now, `unkept` with the reason why no webhook reaches the queue now; empty: all is
/// well.
supe::awaitable<> http_server(supe::component& self);

}  // namespace components
