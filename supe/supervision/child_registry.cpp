#include "supe/supervision/child_registry.hpp"

#include "supe/async/assertion.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {
namespace {

std::string name_of_instance(const std::string& name, unsigned instance) {
    return fmt::format("{}.{}", name, instance);
}

/// Ignores exceptions: the nursery above has reported them already.
awaitable<> ended_quietly(nursery& tasks) {
    tasks.cancel();
    try {
        co_await tasks.join();
    } catch (...) {}
}

}  // namespace

// --- in and out ---

child_entry& child_registry::put(child_spec spec, mail_endpoint endpoint) {
    SUPE_ASSERT(!numbers_.contains(spec.name));
    const int number = endpoint.number;
    numbers_[spec.name] = number;
    std::string address = address_of(spec.name);
    child_entry& entry = entries_
                             .try_emplace(number, host_, as_child(std::move(spec)),
                                          std::move(address), std::move(endpoint), time_, all_)
                             .first->second;
    mail_.add(entry.mail);
    return entry;
}

child_entry& child_registry::add(child_spec spec) {
    SUPE_ASSERT(!is_taken(spec.name));
    const auto kind = spec.supervisor ? endpoint_kind::supervisor : endpoint_kind::component;
    mail_endpoint endpoint(++last_number_, spec.name, kind, spec.mail->mailbox());
    return put(std::move(spec), std::move(endpoint));
}

child_group& child_registry::add_group(const child_spec& spec) {
    SUPE_ASSERT(!groups_.contains(spec.name));
    child_group& group = groups_[spec.name];
    group.id = ++last_group_;
    group.spec = spec;
    return group;
}

child_entry& child_registry::add_instance(child_group& group, unsigned instance) {
    child_spec spec = group.spec;
    spec.name = name_of_instance(group.spec.name, instance);
    std::shared_ptr<mailbox> shared;
    std::shared_ptr<listening_sockets_of_child> sockets;
    if (group.numbers.empty()) {
        shared = std::make_shared<mailbox>(spec.mail->mailbox());
    } else {
        const child_entry& sibling = at(group.numbers.begin()->second);
        shared = sibling.mail.shared;
        sockets = sibling.sockets;
    }
    mail_endpoint endpoint(++last_number_, spec.name, group.spec.name, std::move(shared),
                           instance - 1);
    child_entry& entry = put(std::move(spec), std::move(endpoint));
    entry.sockets = std::move(sockets);
    entry.instance = instance;
    group.numbers[instance] = entry.who.number();
    return entry;
}

child_group& child_registry::make_group(child_entry& alone) {
    const std::string name = alone.who.spec().name;
    child_group& group = add_group(alone.who.spec());
    const std::string first = name_of_instance(name, 1);
    const int number = alone.who.number();
    numbers_.erase(name);
    numbers_[first] = number;
    alone.who.rename(first, address_of(first));
    alone.mail.name = first;
    alone.instance = 1;
    group.numbers[1] = number;
    return group;
}

void child_registry::remove(int number) {
    child_entry& entry = at(number);
    numbers_.erase(entry.who.spec().name);
    if (entry.instance) {
        const auto group = groups_.find(entry.public_name());
        group->second.numbers.erase(*entry.instance);
        if (group->second.numbers.empty()) groups_.erase(group);
    }
    entry.sockets.reset();
    removed_.push_back(entries_.extract(number));
}

awaitable<> child_registry::join_removed() {
    while (!removed_.empty()) {
        auto gone = std::move(removed_.back());
        removed_.pop_back();
        co_await ended_quietly(gone.mapped().tasks);
    }
}

awaitable<> child_registry::join_all() {
    for (auto& [number, entry] : entries_) entry.tasks.cancel();
    for (auto& [number, entry] : entries_) co_await ended_quietly(entry.tasks);
    co_await join_removed();
}

// --- queries ---

child_entry* child_registry::find(int number) {
    const auto found = entries_.find(number);
    return found == entries_.end() ? nullptr : &found->second;
}

child_entry* child_registry::find(std::string_view name) {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? nullptr : &at(found->second);
}

child_group* child_registry::find_group(std::string_view name) {
    const auto found = groups_.find(name);
    return found == groups_.end() ? nullptr : &found->second;
}

std::vector<child_entry*> child_registry::members(std::string_view name) {
    if (child_entry* const one = find(name)) return {one};
    std::vector<child_entry*> all;
    if (const child_group* const group = find_group(name))
        for (const auto& [instance, number] : group->numbers) all.push_back(&at(number));
    return all;
}

std::string child_registry::address_of(std::string_view name) const {
    return fmt::format("{}/{}", address_, name);
}

// --- sockets ---

std::shared_ptr<listening_sockets_of_child> child_registry::sockets_for(const child_spec& spec) {
    if (spec.listen.empty()) return nullptr;
    socket_claims claims;
    socket_claim& alone = claims[spec.name];
    alone.addresses = spec.listen;
    alone.directory = spec.directory;
    hand_over_sockets(claims);
    if (!alone.problem.empty()) throw listen_error(alone.problem);
    return alone.now;
}

void child_registry::hand_over_sockets(socket_claims& claims) {
    std::vector<const listening_socket*> staying;
    for (const auto& [number, entry] : entries_) {
        if (!entry.sockets || claims.contains(entry.public_name())) continue;
        for (const auto& socket : entry.sockets->all()) staying.push_back(socket.get());
    }
    hand_over(claims, staying);
    for (const auto& [name, claim] : claims)
        for (const std::string& address : claim.renewed)
            host_.log(
                fmt::format("{} did not lead to the socket of {} any more: a new one is bound "
                            "there",
                            address, name));
}

void child_registry::renew_sockets(child_entry& entry) {
    if (!entry.sockets || entry.sockets->are_in_place()) return;
    const std::string& name = entry.public_name();
    socket_claims claims;
    socket_claim& claim = claims[name];
    claim.addresses = entry.sockets->asked();
    claim.directory = "/";
    claim.before = entry.sockets;
    hand_over_sockets(claims);
    if (!claim.problem.empty())
        return host_.log(
            fmt::format("{}; no path leads to the socket that it goes on with", claim.problem));
    const std::vector<child_entry*> all = members(name);
    for (child_entry* const one : all) one->sockets = claim.now;
    const auto others = std::ranges::count_if(
        all, [&](const child_entry* one) { return one != &entry && one->has_old_sockets(); });
    if (others > 0)
        host_.log(
            fmt::format("no path leads any more to the socket of other instances of {} ({}): "
                        "supe reload restarts them",
                        name, others));
}

void child_registry::open_sockets() {
    for (auto& [number, entry] : entries_) {
        if (!entry.instance) entry.sockets = sockets_for(entry.who.spec());
    }
    for (auto& [name, group] : groups_) {
        const auto sockets = sockets_for(group.spec);
        for (const auto& [instance, number] : group.numbers) at(number).sockets = sockets;
    }
}

}  // namespace supe
