// The children of one supervisor, and what it keeps about each.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/mail/mail_directory.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/supervision/child.hpp"
#include "supe/supervision/restart_intensity.hpp"
#include "supe/supervision/restarter.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace supe {

/// How one life of a child ended, for `supe status`.
struct death {
    std::chrono::system_clock::time_point at;
    std::string text;  ///< as child_end::text(), or the cause chain of a nested supervisor
    std::string exit;  ///< JSON as in notice `crashed`; `null` when no process was started
    milliseconds lasted{};
    bool clean = false;
};

/// Counts the malformed and unknown frames of one child, and limits the rate of the notices about
/// them.
struct strange_frames {
    std::uint64_t bad = 0;
    restart_intensity rate{{20, std::chrono::seconds(1)}};
};

/// A child, and what its supervisor keeps about it. Its own nursery has its three coroutines, which
/// end when it is removed.
struct child_entry {
    static constexpr std::size_t death_limit = 10;

    child_entry(child_host& host, child_spec spec, std::string address, mail_endpoint endpoint,
                clock& time, nursery& all)
        : who(host, std::move(spec), std::move(address), endpoint.number),
          mail(std::move(endpoint)), tasks(time, all) {}

    /// The name for mail and for notice `excessive-crash`: the child's name, or the common name of
    /// all instances.
    const std::string& public_name() const { return instance ? group : who.spec().name; }
    void begin() { who.begin(tasks); }
    void add_death(death d);
    strange_frames& strange();

    child who;
    mail_endpoint mail;
    nursery tasks;
    std::shared_ptr<listening_sockets_of_child> sockets;  // shared by all instances of a name
    std::string group;                 // the common name of the instances; empty without instances
    std::optional<unsigned> instance;  // its number; without a value: not an instance
    bool restarted = false;            // the start under way publishes `auto-restarted`
    bool took_mail = false;            // in this life
    milliseconds delay{};              // how long the start under way waited
    unsigned failures = 0;             // ends that were not requested
    std::string failure_below;  // the reason that a nested supervisor reported for its failure
    std::optional<exit_status> last_exit;  // without a value when the last start failed
    std::vector<death> deaths;             // oldest first
    std::unique_ptr<strange_frames> strange_frames_seen;  // null before the first one
};

/// A child with instances: `NAME.1` to `NAME.N`, with one mailbox NAME (contract §5 `instances`).
struct child_group {
    int id = 0;                       // for the restarter
    child_spec spec;                  // with the common name
    std::map<unsigned, int> numbers;  // of the children, by instance
};

/// Finds children by name and by number, and owns them. A number is never used again. A reference
/// is valid until its child is removed.
class child_registry {
public:
    static constexpr unsigned most_instances = 10000;

    /// `address`: of the supervisor. `all`: the nursery of the supervisor, which fails when a
    /// child's coroutine fails.
    child_registry(std::string address, child_host& host, mail_directory& mail, clock& time,
                   nursery& all)
        : address_(std::move(address)), host_(host), mail_(mail), time_(time), all_(all) {}

    /// Adds a child without instances. Precondition: the name is free.
    child_entry& add(child_spec spec);
    /// Adds a common name, without instances yet.
    child_group& add_group(const child_spec& spec);
    child_entry& add_instance(child_group& group, unsigned instance);
    /// The child becomes the first of several instances. Its process goes on unchanged.
    child_group& make_group(child_entry& alone);
    /// Removes the child from the tree. Its coroutines go on until join_removed(), because one of
    /// them may be the caller.
    void remove(int number);
    awaitable<> join_removed();
    /// At the end of the supervisor: ends the coroutines of all children.
    awaitable<> join_all();

    bool has(int number) const { return entries_.contains(number); }
    child_entry& at(int number) { return entries_.at(number); }
    const child_entry& at(int number) const { return entries_.at(number); }
    /// Null when there is no such child.
    child_entry* find(int number);
    child_entry* find(std::string_view name);
    child_group* find_group(std::string_view name);
    /// The children of that name: a child, one instance, or all instances of a common name. Empty
    /// for an unknown name.
    std::vector<child_entry*> members(std::string_view name);
    bool is_taken(std::string_view name) const {
        return numbers_.contains(name) || groups_.contains(name);
    }
    template <class F>
    void for_each(F f) {
        for (auto& [number, entry] : entries_) f(entry);
    }

    const std::string& address() const { return address_; }
    /// `/web` for `web` under the root.
    std::string address_of(std::string_view name) const;
    /// Opens the sockets of all children, before anything is started. Throws listen_error.
    void open_sockets();
    /// Null when the spec has no `listen`. Throws listen_error.
    static std::shared_ptr<listening_sockets_of_child> sockets_for(const child_spec& spec);

private:
    child_entry& put(child_spec spec, mail_endpoint endpoint);

    std::string address_;
    child_host& host_;
    mail_directory& mail_;
    clock& time_;
    nursery& all_;
    int last_number_ = -1;
    int last_group_ = -1;
    std::unordered_map<int, child_entry> entries_;                          // by number
    std::map<std::string, int, std::less<>> numbers_;                       // by name
    std::map<std::string, child_group, std::less<>> groups_;                // by name
    std::vector<std::unordered_map<int, child_entry>::node_type> removed_;  // not joined yet
};

/// The spec of a nested supervisor as a child: it is ready when its children are (OTP: start_link
/// of a supervisor), and it has a day for that. Other specs are not changed.
child_spec as_child(child_spec spec);

}  // namespace supe
