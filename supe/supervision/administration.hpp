// What an operator changes in a running supervisor: start, stop, restart, add, remove, scale,
// reload (contract §6).
#pragma once

#include "supe/supervision/child_registry.hpp"
#include "supe/supervision/notice_publisher.hpp"
#include "supe/supervision/restarter.hpp"
#include "supe/supervision/uplink.hpp"

#include <map>
#include <string>
#include <vector>

namespace supe {

/// The supervisor as its administration needs it.
class administered {
public:
    virtual ~administered() = default;
    virtual void perform(const restarter::actions& actions) = 0;
    /// Its end has come: nothing is performed any more.
    virtual bool is_over() const = 0;
    /// Notified whenever a child's state, or that of the whole, may have changed.
    virtual timer& change() = 0;
};

/// `name` is a child (`web`), one instance (`web.2`), or for a child with instances all of them
/// (`web`). Each resumes when it is done, and returns in one line why it did not work; empty: it is
/// done. Nothing else in the tree is touched. None refers to a child across a wait: it may be
/// removed meanwhile.
class administration {
public:
    /// `spec`: the supervisor's own part of the tree file, kept up to date here.
    administration(administered& supervisor, child_registry& children, restarter& restarts,
                   notice_publisher& notices, nested_requests& below, clock& time,
                   supervisor_spec& spec);

    /// Ready, or idle for a demand child. Cuts a delay short; what was given up or stopped begins
    /// with fresh limits. A first try that fails is answered with an error; it counts, and is tried
    /// again like any other (contract §4).
    awaitable<std::string> start(std::string name);
    /// Down, and down it stays; a temporary child leaves the tree (OTP terminate_child). A second
    /// stop hurries the first.
    awaitable<std::string> stop(std::string name);
    /// A new process, ready. Counts nowhere. What was down is started.
    awaitable<std::string> restart(std::string name);
    /// A new child at the end of the order, started and ready. When its first start fails it is not
    /// kept (OTP start_child).
    awaitable<std::string> add(child_spec spec);
    /// Stops it and takes it out of the tree; mail that is left goes to the dead letters with
    /// reason `removed`.
    awaitable<std::string> remove(std::string name);
    /// `n` instances (1 to 10,000) of the child or of the name; those that stay are not touched.
    /// One that runs alone under its plain name goes on as `NAME.1`. Taken away are the highest
    /// numbers, in reverse; a new one whose first start fails is not kept, and the rest are not
    /// tried.
    awaitable<std::string> scale(std::string name, unsigned n);
    /// Makes the tree what the new file says, by its difference to the old file: children are
    /// removed (in reverse), added in their places, or restarted with their new spec and their
    /// mail; changed limits, strategy and `forward` hold at once. What did not change in the file
    /// is not touched, also where an operator changed it since. A nested supervisor is sent its
    /// part. The errors of all parts, joined by "; ".
    awaitable<std::string> reload(supervisor_spec tree);

    /// A child left the tree: whoever waits for its first start is answered why.
    void on_removed(const child_entry& entry);

private:
    /// A try to bring a child up: it is up in a life beyond this one, or failed once more than
    /// then.
    struct attempt {
        int number;
        std::string address;
        std::uint32_t life;
        unsigned failures;
    };
    /// Which life counts: the one that there is, or a new one.
    enum class wanted { any_life, new_life };
    attempt attempt_at(const child_entry& entry, wanted which) const;
    awaitable<std::string> came_up(attempt tried);
    bool is_ending() const { return supervisor_.is_over() || restarts_.is_ending(); }
    std::vector<int> numbers_of(const std::string& name);
    awaitable<> wait_while_stopping(int number);

    /// Somebody waits for this child's first start: on_removed() notes why it was in vain.
    class first_start_watch;
    std::string refusal_of(const child_spec& spec) const;
    awaitable<std::string> add_at(child_spec spec, restarter::position where);
    awaitable<std::string> add_instances(child_spec spec,
                                         std::shared_ptr<listening_sockets_of_child> sockets,
                                         restarter::position where);
    awaitable<std::string> first_start(int number, restarter::position where);
    std::string refusal_of_scale(const std::string& name, unsigned n);
    awaitable<bool> remove_instances_beyond(std::string name, unsigned n);

    // administration_reload.cpp

    /// What the tree file says of a child, for the next reload to compare with. As text it takes
    /// little memory.
    struct written_child {
        std::string name;
        std::string spec;  // JSON
        unsigned instances;
    };
    static std::vector<written_child> written(const std::vector<child_spec>& children);
    awaitable<std::string> reload_child(child_spec spec, unsigned instances_before,
                                        restarter::position where);
    awaitable<std::string> reload_one(int number, child_spec spec);
    awaitable<std::string> reopen_sockets(child_spec spec);
    awaitable<std::string> reload_below(std::string nested, supervisor_spec tree);
    void change_spec(child_entry& entry, const child_spec& spec);

    administered& supervisor_;
    child_registry& children_;
    restarter& restarts_;
    notice_publisher& notices_;
    nested_requests& below_;
    clock& time_;
    supervisor_spec& spec_;
    std::vector<written_child> written_;   // the children as in the tree file of the last reload
    std::map<int, std::string> refusals_;  // why first starts were in vain, by number
};

}  // namespace supe
