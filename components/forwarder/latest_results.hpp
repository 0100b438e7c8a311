// What came of the latest deliveries.
#pragma once

#include "components/http/delivery_network.hpp"

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

namespace components {

/// What came of one attempt, and how long it took.
struct attempt_result {
    http_reply reply;
    std::chrono::milliseconds took{};
};

/// The results of the last `limit` webhooks. When the queue crashes before it has noted a result,
/// it sends the webhook again; the destination need not see it twice. Pure.
class latest_results {
public:
    explicit latest_results(std::size_t limit) : limit_(limit) {}

    void add(const std::string& id, unsigned attempt, const attempt_result& what) {
        const bool fresh = results_.insert_or_assign(id, result{attempt, what}).second;
        if (fresh) order_.push_back(id);
        if (order_.size() <= limit_) return;
        results_.erase(order_.front());
        order_.pop_front();
    }
    /// Attempts up to `last` were asked for before the result of `attempt` was known: where that is
    /// a success, it is theirs too. Nothing where that attempt was not made.
    void covers(const std::string& id, unsigned attempt, unsigned last) {
        const auto found = results_.find(id);
        if (found != results_.end() && found->second.attempt == attempt)
            found->second.covered = last;
    }
    /// The result of this attempt, or of another one that was a success and that it was asked for
    /// before; else null. An attempt behind a success is a replay: the destination is to see it.
    const attempt_result* find(const std::string& id, unsigned attempt) const {
        const auto found = results_.find(id);
        if (found == results_.end()) return nullptr;
        const result& r = found->second;
        const bool is_over =
            (attempt < r.attempt || attempt <= r.covered) && is_success(r.what.reply);
        return r.attempt == attempt || is_over ? &r.what : nullptr;
    }

private:
    struct result {
        unsigned attempt;
        attempt_result what;
        unsigned covered = 0;
    };
    std::size_t limit_;
    std::deque<std::string> order_;
    std::unordered_map<std::string, result> results_;
};

}  // namespace components
