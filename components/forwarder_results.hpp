// What was delivered lately.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

namespace components {

/// The last `limit` webhooks that a destination took, by id, and with which status. When the queue crashes between a
/// delivery and the note of it, it hands the webhook out again; the destination need not see it twice. Pure.
class delivered_lately {
public:
    explicit delivered_lately(std::size_t limit) : limit_(limit) {}

    void add(const std::string& id, int status) {
        if (!status_.emplace(id, status).second) return;
        order_.push_back(id);
        if (order_.size() <= limit_) return;
        status_.erase(order_.front());
        order_.pop_front();
    }
    /// 0 when it is not among them.
    int status_of(const std::string& id) const {
        const auto found = status_.find(id);
        return found == status_.end() ? 0 : found->second;
    }

private:
    std::size_t limit_;
    std::deque<std::string> order_;
    std::unordered_map<std::string, int> status_;
};

}  // namespace components
