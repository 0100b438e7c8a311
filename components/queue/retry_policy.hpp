// What an answer of the destination means for a webhook (contract §7, webhook senders' customs).
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace components {

using milliseconds = std::chrono::milliseconds;

/// The `retry` of a route.
struct retry_settings {
    milliseconds first = std::chrono::seconds(10);  ///< delay after the first failure
    double factor = 2;                              ///< of each delay to the one before
    milliseconds max = std::chrono::hours(1);
    double jitter = 0.2;                                ///< a delay is shorter by up to this part
    milliseconds give_up = std::chrono::hours(3 * 24);  ///< `for`: then the dead letters
    unsigned refused = 5;  ///< how often a 4xx is tried before the dead letters
    milliseconds retry_after_max = std::chrono::hours(24);
};

/// One try at the destination, as the forwarder reports it.
struct delivery_result {
    int status = 0;  ///< HTTP status; 0: no answer (network error, timeout)
    std::optional<milliseconds> retry_after{};  ///< what the destination asked for
    std::string error{};                        ///< why there was no answer
};

/// A webhook's history, before this try.
struct tries {
    unsigned refused = 0;  ///< that were answered by a refusal
    unsigned delays = 0;   ///< by which its delay has grown
    milliseconds age{};    ///< since it was accepted
};

/// The destination was there and did not want it: any answer but 2xx, 408, 429, 5xx and 410.
bool is_refusal(int status);
/// It was not there, or could not take any: 408, 429, 5xx and no answer.
bool is_outage(int status);
/// For how long nothing is to be sent to this destination: it said so with 429 or 503. Nothing
/// where it asked for no time (`Retry-After: 0`): the webhook has its own delay then, or it would
/// be sent without a pause.
std::optional<milliseconds> hold_after(const delivery_result& result, const retry_settings& s);

struct verdict {
    enum class kind { delivered, retry, dead, pause } what;
    milliseconds delay{};     ///< retry: due after this long
    std::string reason = {};  ///< dead, pause
};

/// 2xx delivered. Outages: again, with a delay that grows; Retry-After is a floor. Refusals,
/// redirects among them: `refused` times, then dead; an outage before them does not count. Either
/// way dead when it is as old as `give_up`. 410: the destination wants no more. `random` is in
/// [0,1).
verdict judge(const delivery_result& result, const tries& before, const retry_settings& settings,
              double random);

}  // namespace components
