#include "patterns/permit_table.hpp"

#include <algorithm>

namespace patterns {

void permit_table::ask(permit_request request) {
    const auto same = [&](const permit_request& r) {
        return r.request == request.request && r.holder == request.holder;
    };
    if (std::ranges::none_of(waiting_, same)) waiting_.push_back(std::move(request));
}

std::vector<permit_grant> permit_table::give() {
    std::vector<permit_grant> grants;
    for (permit& p : permits_) {
        if (waiting_.empty()) break;
        if (p.holder || p.resting_since) continue;
        p.holder = waiting_.front().holder;
        p.number = ++last_number_;
        grants.push_back({std::move(waiting_.front()), p.number});
        waiting_.pop_front();
    }
    return grants;
}

permit_table::permit* permit_table::held(std::uint64_t number, const std::string& address) {
    const auto found = std::ranges::find_if(permits_, [&](const permit& p) {
        return p.holder && p.number == number && p.holder->address == address;
    });
    return found == permits_.end() ? nullptr : &*found;
}

bool permit_table::release(std::uint64_t number, const std::string& address) {
    permit* p = held(number, address);
    if (p) p->holder.reset();
    return p != nullptr;
}

void permit_table::abandon(std::uint64_t number, const std::string& address, supe::time_point now) {
    permit* p = held(number, address);
    if (!p) return;
    p->holder.reset();
    p->resting_since = now;
}

void permit_table::gone(const permit_holder& holder, supe::time_point now) {
    std::erase_if(waiting_, [&](const permit_request& r) { return r.holder == holder; });
    for (permit& p : permits_) {
        if (p.holder != holder) continue;
        p.holder.reset();
        p.resting_since = now;
    }
}

void permit_table::rest_all(supe::time_point now) {
    for (permit& p : permits_)
        if (!p.holder) p.resting_since = now;
}

supe::time_point permit_table::rested_at() const {
    supe::time_point earliest = supe::never;
    for (const permit& p : permits_)
        if (p.resting_since) earliest = std::min(earliest, *p.resting_since + rest_);
    return earliest;
}

void permit_table::wake(supe::time_point now) {
    for (permit& p : permits_)
        if (p.resting_since && now >= *p.resting_since + rest_) p.resting_since.reset();
}

bool permit_table::all_free() const {
    return std::ranges::none_of(permits_,
                                [](const permit& p) { return p.holder || p.resting_since; });
}

std::set<permit_holder> permit_table::holders() const {
    std::set<permit_holder> found;
    for (const permit& p : permits_)
        if (p.holder) found.insert(*p.holder);
    return found;
}

std::set<permit_holder> permit_table::askers() const {
    std::set<permit_holder> found;
    for (const permit_request& r : waiting_) found.insert(r.holder);
    return found;
}

}  // namespace patterns
