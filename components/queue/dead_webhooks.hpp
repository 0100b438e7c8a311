// What an operator asks of the queue about its dead webhooks (`supe dead`, contract §6). No waiting
// and no channel.
#pragma once

#include "components/queue/webhook_store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace components {

/// Answers `{"what":WHAT,"id":ID,"after":SEQ}`, in the transaction that is open. WHAT is one of
///
///   list         `{"letters":[…],"next":SEQ}`: the oldest first, those behind `after`; without
///                `next` that was all
///   show         the letter of `id`, with `webhook` as it is kept, and with `history`, as
///                shown_attempts()
///   retry, drop  `{"done":N,"more":BOOL}`: of `id`, or without one of some of the oldest
///
/// A letter is `{"id","from","at","attempts","reason","route"}`, as of mail
/// (supe/control/commands.hpp). An id that is not dead is answered null, any other text
/// `{"error":TEXT}`. Throws store_error.
struct dead_answer {
    std::string text;      ///< JSON
    bool retried = false;  ///< some are due now
};
dead_answer answer_about_dead(webhook_store& store, std::string_view request, std::int64_t now_ms);

}  // namespace components
