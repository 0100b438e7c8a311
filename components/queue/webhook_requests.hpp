// What an operator asks of the queue about its webhooks (`supe webhooks`, contract §7). No waiting
// and no channel.
#pragma once

#include "components/queue/webhook_store.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace components {

/// Answers `{"what":WHAT, …}`, in the transaction that is open. WHAT is one of
///
///   list          `{"webhooks":[…],"from"?}`: that of `id`, or some of those that fit, the
///                 newest first
///   show          of `id`: with `tries` and the webhook as it is kept; null where no webhook has
///   it replay, drop  `{"done":N,"from"?}`: of `id`, or of some of those that fit, the oldest first
///
/// A replay has `"waits_for":ROUTE` where the next one of it has no room now: it is asked for again
/// later. A dead one needs none, since it counts in the queue already.
///
/// Which fit: `route`, `status` (pending, failed, dead or delivered), `since` and `until` (Unix
/// time in ms of the arrival), `path`; of these at most `limit`. While an answer has `from` there
/// may be more, also where it had none: the next request is the same, with that `from`. What
/// arrives behind the first request of a row is not meant.
///
/// A webhook is `{"id","route","status","received","request","bytes","attempts","code"?,"at"?,
/// "due"?,"reason"?}`: `code` of its last try (0: no answer), `at` when it died or was delivered,
/// `due` when it is tried again. What cannot be done is answered `{"error":TEXT}`. Throws
/// store_error.
struct webhook_answer {
    std::string text;       ///< JSON
    bool replayed = false;  ///< some are due now
    bool dropped = false;   ///< some are gone
};
/// `has_room`: for one more webhook of a replay in this lane.
webhook_answer answer_about_webhooks(webhook_store& store, std::string_view request,
                                     std::int64_t now_ms,
                                     const std::function<bool(std::int64_t)>& has_room);

}  // namespace components
