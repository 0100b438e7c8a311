// Which child starts, which stops, and when: OTP's supervisor as a pure object. The supervisor performs its actions.
#pragma once

#include "supe/supervision/child_spec.hpp"
#include "supe/supervision/restart_intensity.hpp"

#include <functional>
#include <string>
#include <vector>

namespace supe {

/// Rules: OTP `supervisor` and its design principles, with contract §5's delays, per-child limits and demand children.
/// Children start from left to right, each when those before it are ready, and stop in strict reverse order: those of
/// one restart among themselves, all of them at boot and at the end.
class restarter {
public:
    using child_id = int;  ///< stable for the life of the child, never used again

    enum class kind {
        start,    ///< start this child's process
        stop,     ///< begin its stop ladder
        give_up,  ///< it passed its own limit and stays down: notice `excessive-crash`
        remove,   ///< it leaves the tree (a temporary child that ended)
        booted,   ///< all children have been started once
        finished, ///< all are down after shutdown(): the supervisor ends cleanly
        failed,   ///< all are down after a failure: the supervisor fails, why() says why
    };
    struct action {
        kind what;
        child_id child = -1;
        milliseconds delay{};  ///< start: how long it waited for this try
        bool restart = false;  ///< start: after an end of its own: notice `auto-restarted`
        friend bool operator==(const action&, const action&) = default;
    };
    using actions = std::vector<action>;

    /// How a process came to its end.
    struct ending {
        bool clean = false;        ///< an exit code in `clean_exits`
        bool asked_for = false;    ///< a stop that this object ordered
        bool start_failed = false; ///< it never came to be ready
        std::string text;          ///< for people: "exit code 3"
    };

    enum class status { starting, running, stopping, stopped, backing_off, given_up, idle };

    /// `random` gives numbers in [0,1) (jitter); `mail_waits` says whether a demand child has something to do.
    restarter(const supervisor_spec& spec, std::function<double()> random, std::function<bool(child_id)> mail_waits);

    child_id add(const child_spec& spec);

    actions boot(time_point now);
    actions ready(child_id id, time_point now);
    actions ended(child_id id, const ending& how, time_point now);
    /// When deadline() has passed.
    actions tick(time_point now);
    /// Mail arrived for a demand child.
    actions demanded(child_id id, time_point now);

    // By hand (`supe start|stop|restart`): count nowhere.
    actions start(child_id id, time_point now);
    actions stop(child_id id, time_point now);
    actions restart(child_id id, time_point now);
    /// Ends all in reverse order; `finished` follows.
    actions shutdown(time_point now);

    /// The next moment after `now` at which tick() has something to do, or `never`.
    time_point deadline(time_point now) const;
    status status_of(child_id id) const;
    unsigned restarts_of(child_id id) const { return at(id).restarts; }
    /// Why the supervisor fails, with the cause chain.
    const std::string& why() const { return why_; }
    bool is_ending() const { return mode_ == mode::ending || mode_ == mode::failing; }

private:
    enum class process { down, starting, up, stopping };
    enum class mode { fresh, booting, running, ending, failing, over };

    struct child {
        child_id id;
        const child_spec* spec;
        restart_intensity intensity;
        restart_delay delay;
        process state = process::down;
        bool wanted = false;             // it should be up
        bool held = false;               // stopped by hand
        bool given_up = false;
        bool bounce = false;             // to be stopped and started again
        bool leaving = false;            // a temporary child caught in a group restart
        int batch = 0;                   // those of one number start and stop in order
        time_point not_before{};         // no start before this
        time_point bounce_at{};          // no stop for the bounce before this
        time_point up_since{};
        milliseconds last_delay{};
        bool restarting = false;         // its next start follows an end of its own
        unsigned restarts = 0;
    };

    child& at(child_id id);
    const child& at(child_id id) const;
    void want(child& c);
    void restart_after(child& c, const ending& how, time_point now);
    void restart_group(child& cause, bool at_next_try, time_point now);
    bool count(child& c, const ending& how, time_point now, actions& out);
    void not_restarted(child& c, actions& out);
    void begin_end(mode how, std::string why);
    bool in_restart_group(const child& member, const child& cause) const;

    /// Orders whatever may happen now.
    void settle(time_point now, actions& out);
    void settle_stops(time_point now, actions& out);
    void settle_starts(time_point now, actions& out);
    bool may_stop(std::size_t index, time_point now) const;
    bool may_start(std::size_t index, time_point now) const;
    bool must_stop(const child& c, time_point now) const;

    strategy_kind strategy_;
    auto_shutdown_kind auto_shutdown_;
    restart_intensity intensity_;
    std::function<double()> random_;
    std::function<bool(child_id)> mail_waits_;
    std::vector<child> children_;        // in order of start
    child_id next_id_ = 0;
    int last_batch_ = 0;
    mode mode_ = mode::fresh;
    std::string why_;
};

const char* name_of(restarter::status);

}  // namespace supe
