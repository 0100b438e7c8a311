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

/// How one life of a child ended, kept for a look.
struct death {
    std::chrono::system_clock::time_point at;
    std::string text;  ///< as child_end::text(), or the cause chain of a supervisor
    std::string exit;  ///< JSON as in notice `crashed`; `null` where no process came to be
    milliseconds lasted{};
    bool clean = false;
};

/// Frames of one child that mean nothing. Notices about them come at a bounded rate.
struct strange_frames {
    std::uint64_t bad = 0;
    restart_intensity rate{{20, std::chrono::seconds(1)}};
};

/// A child, and what its supervisor keeps about it. Its three coroutines are in a nursery of its
/// own: they end when it is removed.
struct child_entry {
    static constexpr std::size_t death_limit = 10;

    child_entry(child_host& host, child_spec spec, std::string address, mail_endpoint endpoint,
                clock& time, nursery& all)
        : who(host, std::move(spec), std::move(address), endpoint.number),
          mail(std::move(endpoint)), tasks(time, all) {}

    /// What mail and excessive crashes are known by: of an instance the name of all.
    const std::string& public_name() const { return instance ? group : who.spec().name; }
    void begin() { who.begin(tasks); }
    void add_death(death d);
    strange_frames& strange();

    child who;
    mail_endpoint mail;
    nursery tasks;
    std::shared_ptr<listening_sockets_of_child> sockets;  // all instances of a name have the same
    std::string group;                                    // the name that it is an instance of
    std::optional<unsigned> instance;                     // which
    bool restarted = false;                // the start under way: notice `auto-restarted`
    bool took_mail = false;                // in this life: the next life has less to do
    milliseconds delay{};                  // how long the start under way waited
    unsigned failures = 0;                 // ends that nobody asked for
    std::string failure_below;             // why a nested supervisor says that it fails
    std::optional<exit_status> last_exit;  // none where the last start came to no process
    std::vector<death> deaths;             // the latest last
    std::unique_ptr<strange_frames> strange_frames_seen;  // null: none yet
};

/// A child with instances: `NAME.1` to `NAME.N`, with one mailbox NAME (contract §5 `instances`).
struct child_group {
    int id = 0;                       // for the restarter
    child_spec spec;                  // of the name
    std::map<unsigned, int> numbers;  // of the children, by instance; never empty for long
};

/// Finds children by name and by number, and owns them. A number is never used again. References
/// hold until the child is removed.
class child_registry {
public:
    static constexpr unsigned most_instances = 10000;

    /// `address` of the supervisor; `all`: where the failure of a child's coroutine is a failure.
    child_registry(std::string address, child_host& host, mail_directory& mail, clock& time,
                   nursery& all)
        : address_(std::move(address)), host_(host), mail_(mail), time_(time), all_(all) {}

    /// A child alone under its name. Precondition: the name is free.
    child_entry& add(child_spec spec);
    /// A name for instances, none yet.
    child_group& add_group(const child_spec& spec);
    child_entry& add_instance(child_group& group, unsigned instance);
    /// The child that runs alone becomes the first of several. Its process goes on, and does not
    /// notice.
    child_group& make_group(child_entry& alone);
    /// Out of the tree. Its coroutines go on until join_removed(): one of them may be running now.
    void remove(int number);
    awaitable<> join_removed();
    /// At the end of the supervisor: no coroutine of a child outlives it.
    awaitable<> join_all();

    bool has(int number) const { return entries_.contains(number); }
    child_entry& at(int number) { return entries_.at(number); }
    const child_entry& at(int number) const { return entries_.at(number); }
    /// Null where there is none.
    child_entry* find(int number);
    child_entry* find(std::string_view name);
    child_group* find_group(std::string_view name);
    /// The children that `name` means: a child, one instance, or all instances of a name; empty for
    /// none.
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
    /// All sockets of the children, before anything is started. Throws listen_error.
    void open_sockets();
    /// Throws listen_error; null where the spec names none.
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
    std::vector<std::unordered_map<int, child_entry>::node_type> removed_;  // not yet joined
};

/// A supervisor is ready when its own children are (OTP: start_link of a supervisor), however long
/// that takes.
child_spec as_child(child_spec spec);

}  // namespace supe
