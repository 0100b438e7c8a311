#include "patterns/permit_table.hpp"

#include <algorithm>

namespace patterns {

void permit_table::ask(permit_request request) {
    const auto same = [&](const permit_request& r) { return r.request == request.request && r.holder == request.holder; };
    if (std::ranges::none_of(waiting_, same)) waiting_.push_back(std::move(request));
}

std::vector<permit_grant> permit_table::give() {
    std::vector<permit_grant> grants;
    for (unsigned n = 0; n < permits_.size() && !waiting_.empty(); ++n) {
        permit& p = permits_[n];
        if (p.holder || p.resting_since) continue;
        p.holder = waiting_.front().holder;
        grants.push_back({std::move(waiting_.front()), n});
        waiting_.pop_front();
    }
    return grants;
}

bool permit_table::release(unsigned n, const permit_holder& holder) {
    if (n >= permits_.size() || permits_[n].holder != holder) return false;
    permits_[n].holder.reset();
    return true;
}

void permit_table::abandon(unsigned n, const permit_holder& holder, supe::time_point now) {
    if (release(n, holder)) permits_[n].resting_since = now;
}

void permit_table::gone(const permit_holder& holder, supe::time_point now) {
    std::erase_if(waiting_, [&](const permit_request& r) { return r.holder == holder; });
    for (unsigned n = 0; n < permits_.size(); ++n) abandon(n, holder, now);
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
    return std::ranges::none_of(permits_, [](const permit& p) { return p.holder || p.resting_since; });
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
