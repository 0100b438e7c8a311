// What an answer of the destination means for a webhook (contract §7, webhook senders' customs).
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace components {

using milliseconds = std::chrono::milliseconds;

struct retry_settings {
    milliseconds first = std::chrono::seconds(
        30);  ///< delay after the second failure; after the first there is none
    milliseconds max = std::chrono::hours(1);
    milliseconds retry_after_max = std::chrono::hours(24);
    unsigned refusals = 5;  ///< how often a 4xx is tried before the dead letters
};

/// One try at the destination, as the forwarder reports it.
struct delivery_result {
    int status = 0;  ///< HTTP status; 0: no answer (network error, timeout)
    std::optional<milliseconds> retry_after;  ///< what the destination asked for
};

/// A webhook's history, this try included.
struct tries {
    unsigned attempt = 1;         ///< counts from 1
    unsigned refused_before = 0;  ///< earlier ones that were answered by a refusal
};

/// The destination was there and did not want it: any answer but 2xx, 408, 429, 5xx and 410.
bool is_refusal(int status);

struct verdict {
    enum class kind { delivered, retry, dead, pause } what;
    milliseconds delay{};  ///< retry: due after this long; the retrier's next tick takes it
    std::string reason;    ///< dead, pause
};

/// 2xx delivered. 408, 429, 5xx and no answer: again, for ever, with an exponential delay and full
/// jitter; Retry-After is a floor. Refusals, redirects among them: a few times, then dead; an
/// outage before them does not count. 410: the destination wants no more. `random` is in [0,1).
verdict judge(const delivery_result& result, const tries& history, const retry_settings& settings,
              double random);

}  // namespace components
