// The children of one supervisor, by name and by number.
#pragma once

#include "supe/mail/mail_directory.hpp"
#include "supe/supervision/child_entry.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace supe {

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
    /// Opens them. Null when the spec has no `listen`. Throws listen_error.
    std::shared_ptr<listening_sockets_of_child> sockets_for(const child_spec& spec);
    /// hand_over(), beside the sockets of the children that make no claim. The log says which
    /// sockets are new because no path led to the old ones.
    void hand_over_sockets(socket_claims& claims);
    /// Before a start. Where a path leads to its socket no more, a new one is bound there, for all
    /// instances. Where that fails the log says why, and the child goes on with the old one.
    void renew_sockets(child_entry& entry);

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

}  // namespace supe
