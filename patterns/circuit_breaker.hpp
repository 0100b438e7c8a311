// Whether something that others depend on is up, found out without hurting it while it is down.
#pragma once

#include "supe/async/timer.hpp"

#include <cstdint>

namespace patterns {

/// A circuit breaker in front of one thing that may fail: a destination, a database. A pure object;
/// the caller starts work, reports how it ended, and waits:
///
///     patterns::circuit_breaker circuit({.full = 24});
///     while (!circuit.may_start(now)) …wait until circuit.next_start()…
///     const auto ticket = circuit.start(now);
///     try_it() ? circuit.succeeded(ticket) : circuit.failed(ticket, now);
///
/// closed     everything may start. After `failures` failures in a row the circuit opens.
/// open       nothing may start until a pause is over: `first`, then `factor` times as long after
///            each probe that fails, at most `max`.
/// half_open  one probe is out, and nothing else may start.
/// ramp       a success was seen. One may be out at once, then one more after each success, and the
///            circuit is closed when `full` may. A failure halves that; `failures` in a row open it.
///
/// What was started before the circuit opened may end much later. Its failure says nothing new, and
/// is passed over; its success is as good as a probe's.
class circuit_breaker {
public:
    struct settings {
        unsigned failures = 5;
        supe::duration first = std::chrono::seconds(1);
        supe::duration max = std::chrono::seconds(30);
        double factor = 2;
        unsigned full = 16;
    };
    enum class phase { closed, open, half_open, ramp };
    /// What a report changed: `opened` from closed or ramp, `closed` from open or half_open (to the
    /// ramp).
    enum class change { none, opened, closed };
    /// Of one start; each start is reported once, by succeeded(), failed() or abandoned().
    struct ticket {
        std::uint64_t epoch = 0;  ///< 0: of nobody, as after a restart of the caller
    };

    explicit circuit_breaker(settings s) : settings_(s) {}

    bool may_start(supe::time_point now) const;
    /// When time alone makes may_start() true; `never` where it is true, or waits for a report.
    supe::time_point next_start() const;
    /// Precondition: may_start(now).
    ticket start(supe::time_point now);
    change succeeded(ticket t);
    change failed(ticket t, supe::time_point now);
    /// It was not tried after all.
    void abandoned(ticket t, supe::time_point now);
    /// Somebody says that it is up: an open circuit waits no longer with its next probe.
    void try_now(supe::time_point now);

    phase current() const { return phase_; }

private:
    bool is_current(ticket t) const { return t.epoch == epoch_; }
    void end_of_one(ticket t);
    void open(supe::time_point now, supe::duration pause);

    settings settings_;
    phase phase_ = phase::closed;
    std::uint64_t epoch_ = 1;  // one more at each change of phase that makes earlier starts old
    unsigned failures_ = 0;    // in a row
    unsigned allowed_ = 1;     // ramp: so many at once
    unsigned out_ = 0;         // started in this epoch, not reported
    supe::duration pause_{};   // open: the last one
    supe::time_point until_{};
};

}  // namespace patterns
