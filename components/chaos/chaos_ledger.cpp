#include "components/chaos/chaos_ledger.hpp"

namespace components {

std::uint64_t chaos_ledger::attempt() {
    all_.emplace_back();
    return all_.size() - 1;
}

void chaos_ledger::acknowledge(std::uint64_t number) {
    webhook& w = all_.at(number);
    if (!w.acknowledged && !w.delivered) ++missing_;
    w.acknowledged = true;
}

void chaos_ledger::deliver(std::uint64_t number, bool is_intact) {
    if (number >= all_.size() || !is_intact) {
        ++unexpected_;
        return;
    }
    webhook& w = all_[number];
    if (w.delivered) ++duplicated_;
    if (w.acknowledged && !w.delivered) --missing_;
    w.delivered = true;
}

chaos_counts chaos_ledger::counts() const {
    chaos_counts c;
    c.attempted = all_.size();
    for (const webhook& w : all_) {
        c.acknowledged += w.acknowledged ? 1 : 0;
        c.delivered += w.delivered ? 1 : 0;
        c.lost += w.acknowledged && !w.delivered ? 1 : 0;
        c.recovered += w.delivered && !w.acknowledged ? 1 : 0;
    }
    c.unexpected = unexpected_;
    c.duplicated = duplicated_;
    return c;
}

std::string chaos_body(std::uint64_t number) {
    std::string body = "chaos " + std::to_string(number) + ":";
    const std::size_t size = 100 + number * 37 % 900;
    while (body.size() < size) body += static_cast<char>(body.size() * 7 + number);
    return body + "\r\n";
}

}  // namespace components
