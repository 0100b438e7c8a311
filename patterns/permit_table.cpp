#include "patterns/permit_table.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace patterns {
namespace {

using namespace std::chrono_literals;

constexpr auto ask_again_after = 50ms;  // no event says when a socket without a process closes

bool is_of(const left_socket& s, const used_permit& use) {
    return (use.port == 0 || use.port == s.port) &&
           std::ranges::find(use.peers, s.peer) != use.peers.end();
}

}  // namespace

std::string common_name(const std::string& address) {
    const std::size_t dot = address.find_last_of("./");
    if (dot == address.npos || address[dot] != '.' || dot + 1 == address.size()) return "";
    if (address.find_first_not_of("0123456789", dot + 1) != address.npos) return "";
    return address.substr(0, dot);
}

std::string without_scope(std::string_view peer) {
    std::string text(peer);
    const std::size_t scope = text.find('%');
    if (scope != text.npos) text.erase(scope, text.find(']', scope) - scope);
    return text;
}

/// Of its own permits. And an instance that had no number when it asked has one now: mail to the
/// old name would reach any instance.
void permit_table::note_address(const permit_request& request) {
    const std::string name = common_name(request.address);
    for (permit_request& r : waiting_)
        if (!name.empty() && r.address == name) r.address = name + ".1";
    for (auto& [permit, p] : used_) {
        std::string& address = p.use.address;
        if (!name.empty() && address == name) address = name + ".1";
        if (p.use.holder == request.holder) address = request.address;
    }
}

void permit_table::permit::begin_rest(supe::time_point since, std::optional<std::uint64_t> resets) {
    use.rests_since = since;
    resting = rest{since, resets};
}

permit_table::reply permit_table::ask(const permit_request& request) {
    note_address(request);
    if (const auto used = used_.find(request.permit); used != used_.end())
        return used->second.resting ? reply::refused : reply::has_it;
    const auto same = std::ranges::find(waiting_, request.permit, &permit_request::permit);
    if (same == waiting_.end() && waiting_.size() >= limits_.waiting) return reply::refused;
    const bool is_new = same == waiting_.end();
    permit_request& kept = is_new ? waiting_.emplace_back() : *same;
    kept = request;
    for (std::string& peer : kept.peers) peer = without_scope(peer);
    return is_new ? reply::waits : reply::waited_already;
}

std::vector<permit_request> permit_table::give() {
    std::vector<permit_request> granted;
    while (!waiting_.empty() && used_.size() < limits_.permits) {
        const permit_request& next = granted.emplace_back(std::move(waiting_.front()));
        waiting_.pop_front();
        used_.emplace(next.permit,
                      permit{{next.permit, next.holder, next.address, next.peers, 0}, {}});
    }
    return granted;
}

const used_permit* permit_table::connected(const std::string& name, std::uint16_t port,
                                           std::string peer) {
    const auto found = used_.find(name);
    if (found == used_.end()) return nullptr;
    permit& p = found->second;
    p.use.port = port;
    p.use.peers.assign(1, without_scope(peer));
    // What was seen may have been another's socket.
    if (p.resting) p.begin_rest(*p.use.rests_since, p.resting->resets);
    return &p.use;
}

bool permit_table::release(const std::string& name) {
    std::erase_if(waiting_, [&](const permit_request& r) { return r.permit == name; });
    return used_.erase(name) > 0;
}

const used_permit* permit_table::abandon(const std::string& name, supe::time_point now) {
    const auto found = used_.find(name);
    if (found == used_.end() || found->second.resting) return nullptr;
    // Its connection may have ended long before this was heard of.
    found->second.begin_rest(now, {});
    found->second.use.holder = {};
    return &found->second.use;
}

std::vector<used_permit> permit_table::gone(const process_identity& holder, supe::time_point now) {
    std::erase_if(waiting_, [&](const permit_request& r) { return r.holder == holder; });
    std::vector<used_permit> resting;
    for (auto& [name, p] : used_) {
        if (p.use.holder != holder || p.resting) continue;
        p.begin_rest(now, resets_.front());
        resting.push_back(p.use);
    }
    return resting;
}

void permit_table::restore(used_permit use) {
    const std::string name = use.name;
    used_.insert_or_assign(name, permit{std::move(use), {}});
}

void permit_table::restore_resting(used_permit use, supe::time_point now) {
    const std::string name = use.name;
    const supe::time_point since = std::min(use.rests_since.value_or(now), now);
    permit& p = used_.insert_or_assign(name, permit{std::move(use)}).first->second;
    p.begin_rest(since, {});
}

void permit_table::rest_all(const std::vector<std::string>& peers, supe::time_point now) {
    for (unsigned n = 1; used_.size() < limits_.permits; ++n)
        restore_resting({fmt::format("unknown-{}", n), {}, "", peers, 0}, now);
}

supe::time_point permit_table::next_look() const {
    supe::time_point earliest = supe::never;
    for (const auto& [name, p] : used_)
        if (p.resting) earliest = std::min(earliest, p.resting->look_at);
    return earliest;
}

void permit_table::note_resets(std::optional<std::uint64_t> resets) {
    std::ranges::rotate(resets_, resets_.begin() + 1);
    resets_.back() = resets;
}

bool permit_table::is_over(permit& p, const connections_left& left, supe::time_point now) const {
    rest& r = *p.resting;
    const supe::time_point since = *p.use.rests_since;
    // Its end came before the first look. Later ones are others' ends.
    const bool first = !std::exchange(r.looked, true);
    if (first && r.resets && r.resets == left.resets) r.was_reset = false;
    bool closing = false, closed = false;
    for (const left_socket& s : left.sockets) {
        if (!is_of(s, p.use)) continue;
        (s.is == left_socket::state::closing ? closing : closed) = true;
    }
    // A socket that its peer closes is left as closed for a while. One that is gone without that
    // was reset: the answer of the destination came after the end of our process.
    const bool vanished = std::exchange(r.was_closing, r.was_closing || closing) && !closing;
    if (closing || closed) r.was_reset = false;
    if (vanished && !closed) r.was_reset = true;
    const supe::time_point earliest = since + limits_.rest;
    const bool known = p.use.port != 0;
    // Without its port it may be another's socket; its own the kernel has forgotten by then.
    if (closing && (known || now < since + std::max(limits_.rest, limits_.forgotten_after))) {
        r.look_at = std::max(earliest, now + ask_again_after);
        return false;
    }
    const bool may_be_open = r.was_reset && known;  // nothing is unread while it connects
    r.look_at = may_be_open ? std::max(earliest, since + limits_.reset_rest) : earliest;
    return now >= r.look_at;
}

std::vector<std::string> permit_table::look(const connections_left& left, supe::time_point now) {
    std::vector<std::string> freed;
    for (auto& [name, p] : used_)
        if (p.resting && now >= p.resting->look_at && is_over(p, left, now)) freed.push_back(name);
    for (const std::string& name : freed) used_.erase(name);
    return freed;
}

std::vector<used_permit> permit_table::used() const {
    std::vector<used_permit> all;
    for (const auto& [name, p] : used_) all.push_back(p.use);
    return all;
}

std::set<process_identity> permit_table::holders() const {
    std::set<process_identity> found;
    for (const auto& [name, p] : used_)
        if (!p.resting) found.insert(p.use.holder);
    return found;
}

std::map<process_identity, std::string> permit_table::to_recall() const {
    std::map<process_identity, std::string> found;
    if (waiting_.empty()) return found;
    const process_identity& first = waiting_.front().holder;
    const bool is_one =
        std::ranges::all_of(waiting_, [&](const permit_request& r) { return r.holder == first; });
    for (const auto& [name, p] : used_)
        if (!p.resting && !(is_one && p.use.holder == first))
            found.emplace(p.use.holder, p.use.address);
    return found;
}

std::vector<permit_request> permit_table::refuse_all() {
    std::vector<permit_request> refused(std::make_move_iterator(waiting_.begin()),
                                        std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    return refused;
}

}  // namespace patterns
