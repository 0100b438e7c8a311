// Which child starts, which stops, and when: OTP's supervisor as a pure object. The supervisor
// performs its actions.
#pragma once

#include "supe/supervision/restart_intensity.hpp"
#include "supe/tree/child_spec.hpp"

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace supe {

/// Rules: OTP `supervisor` and its design principles, with contract §5's delays, per-child limits,
/// demand children and instances. Children start from left to right, each when those before it are
/// ready, and stop in strict reverse order: those of one restart among themselves, all of them at
/// boot and at the end.
///
/// Those that start and stop in order are a batch; a child on its own needs none. An event costs
/// what its batch holds, however many other children there are.
class restarter {
public:
    using child_id = int;

    enum class kind {
        start,     ///< start this child's process
        stop,      ///< begin its stop ladder
        stopped,   ///< a stop by hand is complete: notice `stopped`
        give_up,   ///< it passed its own limit and stays down; `whole`: notice `excessive-crash`
        remove,    ///< it left the tree: removed by hand, a temporary one that ended, an added one
                   ///< that could not be started
        booted,    ///< all children have been started once
        finished,  ///< all are down after shutdown(): the supervisor ends cleanly
        failed,    ///< all are down after a failure: the supervisor fails, why() says why
    };
    struct action {
        kind what;
        std::optional<child_id> child{};  ///< none where the whole is meant
        milliseconds delay{};             ///< start: how long it waited for this try
        bool restart =
            false;  ///< start: after an end of its own or in its group: notice `auto-restarted`
        bool whole = true;  ///< give_up: not one instance of several, of which others are left
        friend bool operator==(const action&, const action&) = default;
    };
    using actions = std::vector<action>;

    /// How a process came to its end.
    struct ending {
        bool clean = false;         ///< an exit code in `clean_exits`
        bool asked_for = false;     ///< a stop that this object ordered
        bool start_failed = false;  ///< it never came to be ready
        bool took_mail = true;      ///< demand children: mail was delivered to it
        bool poisoned = false;  ///< a mail went to the dead letters with it: its cause is gone, and
                                ///< it may be one too many
        std::string text;       ///< for people: "exit code 3"
    };

    enum class status { starting, running, stopping, stopped, backing_off, given_up, idle };

    /// `random` gives numbers in [0,1) (jitter); `mail_waits` says whether a demand child has
    /// something to do.
    restarter(const supervisor_spec& spec, std::function<double()> random,
              std::function<bool(child_id)> mail_waits);

    /// Where a new child stands. Instances of one name have the same `group`.
    struct position {
        enum class side { last, first, behind } at = side::last;
        child_id sibling = 0;        ///< `behind`: right after this child
        std::optional<int> group{};  ///< the same for instances of one name
        static position first() { return {.at = side::first}; }
        static position behind(child_id sibling) {
            return {.at = side::behind, .sibling = sibling};
        }
    };
    /// A new child; `id` was never used before, `spec` outlives it. Starts at once where boot() has
    /// been called; if that first start fails it is removed again (OTP start_child).
    actions add(child_id id, const child_spec& spec, time_point now, position where);
    actions add(child_id id, const child_spec& spec, time_point now) {
        return add(id, spec, now, position{});
    }
    /// Stops it, then `remove`.
    actions remove(child_id id, time_point now);

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
    /// As after a limit that was passed: all stop in reverse order, `failed` follows.
    actions fail(std::string why, time_point now);

    // A reload: strategy, limit and auto_shutdown of the supervisor; what a child's spec says of
    // its restarts; the order, those that are not named behind those that are.
    void change(const supervisor_spec& spec);
    void change(child_id id);
    void set_group(child_id id, int group) { at(id).group = group; }
    void order(const std::vector<child_id>& ids);

    /// The next moment at which tick() has something to do, or `never`.
    time_point deadline() const { return due_.empty() ? never : due_.begin()->first; }
    bool has(child_id id) const { return index_.contains(id); }
    status status_of(child_id id) const;
    unsigned restarts_of(child_id id) const { return at(id).restarts; }
    std::vector<child_id> in_order() const;
    /// Why the supervisor fails, with the cause chain.
    const std::string& why() const { return why_; }
    bool is_ending() const {
        return mode_ == mode::ending || mode_ == mode::failing || mode_ == mode::over;
    }

private:
    enum class process { down, starting, up, stopping };
    enum class mode { fresh, booting, running, ending, failing, over };
    /// Its first start: before it, as part of the tree or added later, and after it.
    enum class first_start { of_tree, of_added, done };

    struct child {
        child_id id;
        const child_spec* spec;
        std::optional<int> group;
        restart_intensity intensity;
        restart_delay delay{};
        process state = process::down;
        first_start first = first_start::of_tree;
        bool wanted = false;  // it should be up
        bool held = false;    // stopped by hand
        bool given_up = false;
        bool done = false;       // ended of itself and not restarted
        bool bounce = false;     // to be stopped in its turn, and started again
        time_point bounce_at{};  // but not before this
        bool leaving = false;    // to be removed when it is down
        bool spared =
            false;  // a crash past its own limit was let pass, and it has not been within it since
        int batch = 0;            // 0: on its own
        time_point not_before{};  // no start before this
        time_point up_since{};
        milliseconds last_delay{};
        bool restarting =
            false;  // its next start follows an end of its own, or of one in its group
        unsigned restarts = 0;
    };
    using children = std::list<child>;

    struct batch {
        std::vector<child_id> members;  // in order of start
        time_point start_at{};          // no start before this
        time_point due = never;         // its place in due_
    };

    child& at(child_id id) { return *index_.at(id); }
    const child& at(child_id id) const { return *index_.at(id); }
    void want(child& c);
    static bool is_down_by_intent(const child& c);
    void order_stop(child& c, actions& out);
    void first_start_done(child& c);
    void launch(child& c, time_point now);
    void hurry(child& c, time_point now);
    void erase(child& c, actions& out);

    void ended_as_asked(child& c, actions& out, time_point now);
    void ended_of_itself(child& c, const ending& how, time_point now, actions& out);
    bool first_start_failed(child& c, const ending& how, actions& out);
    void ended_idle(child& c, const ending& how, time_point now, actions& out);
    bool within_own_limit(child& c, const ending& how, time_point now);
    bool count(child& c, const ending& how, time_point now, actions& out);
    bool give_up(child& c, const ending& how, actions& out);
    void not_restarted(child& c, actions& out);
    void back_off(child& c, const ending& how, time_point now);
    /// When those of the group that are up stop: at once, or with the next try.
    enum class group_stop { now, at_next_try };
    void restart_group(child& cause, group_stop when, time_point now);
    std::vector<child*> group_of(child& cause);
    void begin_end(mode how, std::string why);

    void join(child& c, int number);
    void advance(time_point now, actions& out);
    void advance_batch(int number, time_point now, actions& out);
    bool advance_stops(batch& b, time_point now, actions& out, time_point& due);
    bool advance_starts(batch& b, time_point now, actions& out, time_point& due);
    void advance_end(actions& out);

    strategy_kind strategy_;
    auto_shutdown_kind auto_shutdown_;
    restart_intensity intensity_;
    std::function<double()> random_;
    std::function<bool(child_id)> mail_waits_;
    children children_;  // in order of start
    std::unordered_map<child_id, children::iterator> index_;
    std::unordered_map<int, batch> batches_;
    std::set<std::pair<time_point, int>> due_;  // batches that wait for a moment
    std::set<int> touched_;                     // batches to look at before this event is over
    int last_batch_ = 0;
    std::size_t unstarted_ = 0;  // children of the tree before their first start
    mode mode_ = mode::fresh;
    children::iterator still_up_;  // while ending: from here on all are down
    std::string why_;
};

const char* name_of(restarter::status);

}  // namespace supe
