// The commands of an operator to a running supervisor: start, stop, restart, add, remove, scale,
// reload (contract §6).
#pragma once

#include "supe/supervision/child_registry.hpp"
#include "supe/supervision/notice_publisher.hpp"
#include "supe/supervision/operation_queue.hpp"
#include "supe/supervision/restarter.hpp"
#include "supe/supervision/uplink.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace supe {

/// The part of the supervisor that its administration uses.
class administered {
public:
    virtual ~administered() = default;
    virtual void perform(const restarter::actions& actions) = 0;
    /// True when the supervisor has ended: perform() has no effect any more.
    virtual bool is_over() const = 0;
    /// Notified whenever the state of a child or of the supervisor may have changed.
    virtual timer& change() = 0;
    /// The mailbox has other limits: mail that was withheld may have room now.
    virtual void on_mail_limits(child_entry& entry) = 0;
    /// Waits while a child of that name that was removed leaves something behind that a new one
    /// would take for its own.
    virtual awaitable<> until_free(std::string name) = 0;
};

/// `name` is a child (`web`), one instance (`web.2`), or all instances of a child (`web`). Each
/// operation resumes when it is done, and returns an error of one line, or empty. It touches
/// nothing else in the tree. A coroutine here keeps no reference to a child across a wait: the
/// child may be removed meanwhile.
///
/// One operation is under way at a time, the others wait in order (operation_queue). An operation
/// goes on to its end when the one who asked for it is cancelled. It ends early, with an error,
/// when the supervisor ends; and where it waits for a child of which a stop waits behind it.
class administration {
public:
    /// `spec`: the supervisor's own part of the tree file. A reload updates it. `tasks`: the
    /// nursery of the supervisor, which owns the operations.
    administration(administered& supervisor, child_registry& children, restarter& restarts,
                   notice_publisher& notices, nested_requests& below, clock& time,
                   supervisor_spec& spec, nursery& tasks);

    /// Done when the child is ready, idle (a demand child), or had nothing to do. Skips a delay. A
    /// child that was given up or stopped begins with fresh limits. A failure is an error, it
    /// counts nowhere, and the child is stopped (OTP restart_child).
    awaitable<std::string> start(std::string name);
    /// Done when the child is down; it stays down. A temporary child leaves the tree (OTP
    /// terminate_child). A second stop that waits hurries a first one with `infinity`.
    awaitable<std::string> stop(std::string name);
    /// Done when a new process is ready. It counts nowhere. A child that is down is started. A
    /// start that fails is as that of start().
    awaitable<std::string> restart(std::string name);
    /// Adds a child behind all others; done when it is ready, or had nothing to do. When its first
    /// start fails it is removed again (OTP start_child).
    awaitable<std::string> add(child_spec spec);
    /// Stops the child and removes it from the tree. Its mail goes to the dead letters with reason
    /// `removed`, or to a file, which is written later: no operation waits for a disk.
    awaitable<std::string> remove(std::string name);
    /// Makes it `n` instances (1 to 10,000); the ones that stay are not touched. A child without
    /// instances goes on as `NAME.1`. Removes the highest numbers first. A new instance whose first
    /// start fails is removed again, and no further one is started.
    awaitable<std::string> scale(std::string name, unsigned n);
    /// Applies the differences between the new tree file and the old one: children are removed (in
    /// reverse), added at their positions, or restarted with their new spec and their mail (demand
    /// children first, and together); new limits, strategy and `forward` take effect at once. What
    /// did not change in the file is not touched, even if an operator changed it since. A child
    /// that is given up is started when its spec changed. A listening socket goes to whoever asks
    /// for its address now (hand_over()); a child whose new sockets cannot be had goes on as it
    /// was. A child to whose socket a path leads no more differs. A nested supervisor gets its
    /// part; one that does not answer is an error. Returns the errors of all parts, joined by "; ".
    /// What was not applied is tried again by the next reload, also of the same file.
    awaitable<std::string> reload(supervisor_spec tree);

    const operation_queue& operations() const { return queue_; }

    /// A child is about to leave the tree: if a command waits for its first start, it gets the
    /// reason.
    void on_removed(const child_entry& entry);

private:
    // Turns.

    /// What an operation came to, for the one who waits for it.
    struct outcome {
        bool done = false;
        std::string problem;
        std::exception_ptr failure;
    };
    class turn;
    awaitable<std::string> in_turn(operation what, awaitable<std::string> work);
    awaitable<> perform_in_turn(std::unique_ptr<turn> mine, awaitable<std::string> work);
    bool is_ending() const { return supervisor_.is_over() || restarts_.is_ending(); }
    std::string ending_text(const std::string& name) const;
    bool is_unwanted(const child_entry& entry) const;

    // The operations, in their turn.

    using failed_start = restarter::failed_start;
    awaitable<std::string> start_now(std::string name, failed_start then);
    awaitable<std::string> stop_now(std::string name);
    awaitable<std::string> restart_now(std::string name, failed_start then);
    awaitable<std::string> share_sockets(std::string name, failed_start then);
    awaitable<std::string> remove_now(std::string name);
    awaitable<std::string> scale_now(std::string name, unsigned n);
    awaitable<std::string> reload_now(supervisor_spec tree);

    /// A try to start a child, with its counters before the try. The child is up when it runs in a
    /// life after `life`; the try failed when it has more than `failures`.
    struct attempt {
        int number;
        std::string address;
        std::uint32_t life;
        unsigned failures;
    };
    /// Which life counts as up: the present one too, or only a new one.
    enum class wanted { any_life, new_life };
    attempt attempt_at(const child_entry& entry, wanted which) const;
    awaitable<std::string> came_up(attempt tried);
    std::vector<int> numbers_of(const std::string& name);
    awaitable<std::string> wait_while_stopping(int number);

    /// While it exists, on_removed() notes how the first start of this child ended.
    class first_start_watch;
    struct departure {
        bool by_itself = false;  // it left the tree by its own end
        std::string why;         // its first start failed; empty: it had nothing to do
    };
    /// What goes on over thousands of children gives all others a turn between them.
    static constexpr std::size_t children_per_turn = 32;
    awaitable<> pause_after(std::size_t children);
    std::string refusal_of(const child_spec& spec) const;
    awaitable<std::string> add_at(child_spec spec,
                                  std::shared_ptr<listening_sockets_of_child> sockets,
                                  restarter::position where);
    awaitable<std::string> add_instances(child_spec spec,
                                         std::shared_ptr<listening_sockets_of_child> sockets,
                                         restarter::position where);
    awaitable<std::string> first_start(int number, restarter::position where);
    std::string refusal_of_scale(const std::string& name, unsigned n);
    awaitable<bool> remove_instances_beyond(std::string name, unsigned n);

    // administration_reload.cpp

    /// A child in the tree file, for the comparison at the next reload. A hash is enough for that,
    /// and small where there are thousands.
    struct written_child {
        std::string name;
        std::optional<std::size_t> spec;  // its hash; none: what the file says was not applied
        unsigned instances;
    };
    static written_child as_written(const child_spec& spec);
    awaitable<std::vector<written_child>> written(const std::vector<child_spec>& children);
    socket_claim claim_of(const std::string& name, const child_spec* now);
    bool has_other_sockets(const child_spec& spec);
    awaitable<std::string> remove_all(std::vector<std::string> names);
    /// What a reload came to for one child. What was not applied is tried again by the next reload,
    /// also of the same file.
    struct reloaded {
        std::string problem;
        bool applied = true;
    };
    struct reload_work;
    awaitable<> reload_changed(reload_work& work);
    awaitable<> reload_each(reload_work& work, std::vector<std::size_t> which);
    restarter::position place_of(const reload_work& work, std::size_t i);
    awaitable<reloaded> reload_child(child_spec spec, socket_claim sockets,
                                     unsigned instances_before, restarter::position where);
    awaitable<std::string> reload_demanded(std::vector<const child_spec*> changed);
    awaitable<std::string> reload_one(int number, child_spec spec);
    void not_applied(const std::string& name, const written_child* before);
    awaitable<std::string> reload_below(std::string nested, supervisor_spec tree);
    void change_spec(child_entry& entry, const child_spec& spec);

    administered& supervisor_;
    child_registry& children_;
    restarter& restarts_;
    notice_publisher& notices_;
    nested_requests& below_;
    clock& time_;
    supervisor_spec& spec_;
    std::vector<written_child> written_;  // the children in the tree file of the last reload
    nursery& tasks_;
    operation_queue queue_;
    std::map<int, departure> departures_;  // of children in their first start, by number
};

}  // namespace supe
