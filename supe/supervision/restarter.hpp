// Decides which child starts or stops, and when: OTP's supervisor as a pure object. The supervisor
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

/// Rules: OTP `supervisor` and its design principles, with the delays, per-child limits, demand
/// children and instances of contract §5. Children start in the order of the tree file, each when
/// those before it are ready, and stop in strict reverse order: all children at boot and at the
/// end, else the children of one group restart.
///
/// Children that start and stop in order together are a batch. An event takes time in proportion to
/// its batch, however many other children there are.
class restarter {
public:
    using child_id = int;

    enum class kind {
        start,    ///< start this child's process
        stop,     ///< begin its stop ladder
        stopped,  ///< a stop by an operator is complete: notice `stopped`
        give_up,  ///< the child passed its own limit and stays down; `whole`: notice
                  ///< `excessive-crash`
        remove,   ///< the child leaves the tree: an operator removed it, it is temporary and ended,
                  ///< or it was added and could not be started
        booted,   ///< all children have been started once
        shut_down,  ///< a significant child ended, and so all stop: why(). `finished` follows.
                    ///< `clean`: each significant child that ended did so cleanly
        finished,   ///< all are down after shutdown(): the supervisor ends cleanly
        failed,     ///< all are down after a failure: the supervisor fails, why() says why
    };
    struct action {
        kind what;
        std::optional<child_id> child{};  ///< without a value for the supervisor itself
        milliseconds delay{};             ///< start: the delay before this try
        bool restart =
            false;  ///< start: after its own end, or in a group restart: notice `auto-restarted`
        bool whole = true;  ///< give_up: false for one instance while others are left
        bool clean = true;  ///< shut_down
        friend bool operator==(const action&, const action&) = default;
    };
    using actions = std::vector<action>;

    /// How a process ended.
    struct ending {
        bool clean = false;         ///< an exit code in `clean_exits`
        bool asked_for = false;     ///< by a stop
        bool start_failed = false;  ///< it was never ready
        bool took_mail = true;      ///< demand children: it took mail, or a sibling left it none
        bool poisoned = false;  ///< a mail went to the dead letters by this end: one end past the
                                ///< own limit may pass
        std::string text;       ///< for people: "exit code 3"
    };

    enum class status { starting, running, stopping, stopped, backing_off, given_up, idle };

    /// `random`: numbers in [0,1), for the jitter. `mail_waits`: true when mail waits for the
    /// (demand) child.
    restarter(const supervisor_spec& spec, std::function<double()> random,
              std::function<bool(child_id)> mail_waits);

    /// The position of a new child in the order of start.
    struct position {
        enum class side { last, first, behind } at = side::last;
        child_id sibling = 0;        ///< `behind`: directly behind this child
        std::optional<int> group{};  ///< the same for all instances of one name
        static position first() { return {.at = side::first}; }
        static position behind(child_id sibling) {
            return {.at = side::behind, .sibling = sibling};
        }
    };
    /// Adds a child. `id` was never used before; `spec` outlives the child. After boot() it starts
    /// at once, and is removed again if that first start fails (OTP start_child).
    actions add(child_id id, const child_spec& spec, time_point now, position where);
    actions add(child_id id, const child_spec& spec, time_point now) {
        return add(id, spec, now, position{});
    }
    /// Stops the child; action `remove` follows.
    actions remove(child_id id, time_point now);

    actions boot(time_point now);
    actions ready(child_id id, time_point now);
    actions ended(child_id id, const ending& how, time_point now);
    /// Call it when deadline() has passed.
    actions tick(time_point now);
    /// Mail arrived for a demand child.
    actions demanded(child_id id, time_point now);

    /// What follows when the start that an operator asked for fails: the child is stopped (OTP
    /// restart_child), or it is tried again like any other (a reload).
    enum class failed_start { leaves_it_stopped, is_tried_again };
    // Commands of an operator (`supe start|stop|restart`): they count nowhere, and touch no other
    // child.
    actions start(child_id id, time_point now, failed_start then = failed_start::leaves_it_stopped);
    actions stop(child_id id, time_point now);
    actions restart(child_id id, time_point now,
                    failed_start then = failed_start::leaves_it_stopped);
    /// Stops all children in reverse order; `finished` follows.
    actions shutdown(time_point now);
    /// Stops all children in reverse order, as after a limit was passed; `failed` follows.
    actions fail(std::string why, time_point now);

    // A reload.

    /// New strategy, limit and auto_shutdown of the supervisor.
    void change(const supervisor_spec& spec);
    /// The spec of this child has changed.
    void change(child_id id);
    void set_group(child_id id, int group) { at(id).group = group; }
    /// A new order of start. Children that `ids` does not name come last. No effect while all
    /// children are being stopped.
    void order(const std::vector<child_id>& ids);

    /// When tick() is due, or `never`.
    time_point deadline() const;
    bool has(child_id id) const { return index_.contains(id); }
    status status_of(child_id id) const;
    /// It ended by itself, and only an operator or its group starts it again.
    bool has_finished(child_id id) const { return at(id).done; }
    unsigned restarts_of(child_id id) const { return at(id).restarts; }
    /// When a child that is given up begins anew (`retry`), or `never`.
    time_point retry_of(child_id id) const { return at(id).retry_at; }
    std::vector<child_id> in_order() const;
    /// Why the supervisor fails, with the cause chain, or shuts down of itself; else empty.
    const std::string& why() const { return why_; }
    bool is_ending() const {
        return mode_ == mode::ending || mode_ == mode::failing || mode_ == mode::over;
    }

private:
    enum class process : unsigned char { down, starting, up, stopping };
    enum class mode { fresh, booting, running, ending, failing, over };
    /// Whether the first start is still to come: of a child of the tree, or of an added one.
    enum class first_start : unsigned char { of_tree, of_added, done };

    struct child {
        child_id id;
        const child_spec* spec;
        std::optional<int> group;
        restart_intensity intensity;
        restart_delay delay{};
        time_point retry_at = never;  // `given_up`: it begins anew then
        time_point bounce_at{};       // `bounce`: no stop before this
        time_point not_before{};      // no start before this
        time_point up_since{};
        milliseconds last_delay{};
        unsigned restarts = 0;
        int batch = 0;  // 0: in no batch
        process state = process::down;
        first_start first = first_start::of_tree;
        bool wanted = false;   // it should be up
        bool stopped = false;  // by an operator, or being removed
        bool given_up = false;
        bool done = false;         // ended by itself and not restarted
        bool by_operator = false;  // the next start, or the one under way: if it fails, the child
                                   // is stopped
        bool bounce = false;   // in a group restart: to be stopped in its turn, and started again
        bool leaving = false;  // to be removed when it is down
        bool spared = false;   // an end past its own limit was let pass, and no later one was
                               // within it
        bool restarting = false;  // the next start follows its own end, or is part of a group
                                  // restart
    };
    using children = std::list<child>;

    struct batch {
        std::vector<child_id> members;   // in order of start
        time_point start_at{};           // no start before this
        time_point due = never;          // its entry in due_
        bool may_stop = true;            // whether a member may be left to stop
        std::size_t first_to_start = 0;  // no member before it is left to start
    };

    child& at(child_id id) { return *index_.at(id); }
    const child& at(child_id id) const { return *index_.at(id); }
    void want(child& c);
    static bool is_held_down(const child& c);
    void request_stop(child& c, actions& out);
    void first_start_done(child& c);
    void launch(child& c, time_point now);
    void skip_delays(child& c, time_point now);
    void erase(child& c, actions& out);
    void set_common_limit() { intensity_.set_limit(limit_.of(children_.size())); }
    static void begin_counting(child& c);
    void forget_retry(child& c);
    void retry(child& c, time_point now);

    void ended_as_asked(child& c, actions& out, time_point now);
    void ended_of_itself(child& c, const ending& how, time_point now, actions& out);
    void start_by_operator_failed(child& c);
    bool first_start_failed(child& c, const ending& how, actions& out);
    void ended_idle(child& c, const ending& how, time_point now, actions& out);
    bool within_own_limit(child& c, const ending& how, time_point now);
    bool count(child& c, const ending& how, time_point now, actions& out);
    bool give_up(child& c, const ending& how, time_point now, actions& out);
    void finish(child& c, actions& out);
    void not_restarted(child& c, const ending& how, actions& out);
    void significant_ended(child_id id, const std::string& name, const ending& how, actions& out);
    void back_off(child& c, const ending& how, time_point now);
    /// When the members of the group that are up stop: at once, or at the next try.
    enum class group_stop { now, at_next_try };
    void restart_group(child& cause, group_stop when, time_point now);
    std::vector<child*> group_of(child& cause);
    void begin_end(mode how, std::string why);

    void join(child& c, int number);
    /// After an event of a member, unless it was a start that succeeded. No effect on 0.
    void look_again(int number);
    bool is_member(child_id id, int number) const;
    void advance(time_point now, actions& out);
    void advance_batch(int number, time_point now, actions& out);
    bool advance_stops(int number, batch& b, time_point now, actions& out, time_point& due);
    bool advance_starts(int number, batch& b, time_point now, actions& out, time_point& due);
    void advance_end(actions& out);
    void stop_neighbours(actions& out);

    strategy_kind strategy_;
    auto_shutdown_kind auto_shutdown_;
    common_limit limit_;
    restart_intensity intensity_;  // of all children together
    std::function<double()> random_;
    std::function<bool(child_id)> mail_waits_;
    children children_;  // in order of start
    std::unordered_map<child_id, children::iterator> index_;
    std::unordered_map<int, batch> batches_;
    std::set<std::pair<time_point, int>> due_;  // batches that wait for a point in time
    std::set<int> touched_;                     // batches that advance() checks in this event
    std::set<std::pair<time_point, child_id>> retries_;  // of children that are given up
    std::set<child_id> badly_ended_;  // significant children whose last end was not clean
    int last_batch_ = 0;
    std::size_t unstarted_ = 0;  // children of the tree before their first start
    mode mode_ = mode::fresh;
    children::iterator still_up_;  // while ending: all children from here on are down
    std::string why_;
};

const char* name_of(restarter::status);

}  // namespace supe
