// The relay's forwarder: delivers webhooks to the destination, over connections that the lock
// permits.
#pragma once

#include "components/http/delivery_network.hpp"
#include "patterns/process_identity.hpp"
#include "supe/component/component.hpp"

namespace components {

/// Takes mail `{"attempt":N,"webhook":{…}}` (components/webhook/webhook.hpp), delivers it, and
/// mails
/// `{"results":[{"id","attempt","status","route"?,"ms","retry_after_ms"?,"error"?},…]}` to the
/// sender before it acknowledges, with all that was done while the mail before was on its way; `ms`
/// is how long the attempt took. After a 410, `{"id","attempt","not_tried":true}` gives back what
/// it has not begun. Connections stay open between deliveries for half of `idle`, or until the lock
/// calls them back; where a webhook in hand waits for a permit, it gets the next one that is free.
/// After `idle` without work it ends (patterns::idle_shutdown), where `rate` would let as many
/// start as ever. A webhook that it delivered lately is not delivered twice when it comes again.
/// Config:
/// `{"route":"default","to":URL,"exact":false,"connections":4,
/// "rate"?:"50/s","timeout":{"connect":"5s","first_byte":"30s","total":"60s"},"ca_file"?:FILE,
/// "sign"?:{"key_file":FILE},"idle":"30s","lock":"/connection_lock"}`; a timeout that is one
/// duration is the total.
supe::awaitable<> forwarder(supe::component& self);

/// What the forwarder has outside of its tree. A simulated one has others.
struct forwarder_surroundings {
    delivery_network& network = over_tcp();
    std::optional<patterns::process_identity> process{};  ///< as the lock knows it; none: this one
    double jitter = 1;  ///< of its pauses where the lock, or the queue, cannot be reached
    std::filesystem::path rate_file{};  ///< what start_rate remembers; empty: nothing
};
supe::awaitable<> run_forwarder(supe::component& self, forwarder_surroundings outside);

}  // namespace components
