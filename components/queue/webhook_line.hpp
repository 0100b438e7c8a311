// Webhooks of a lane that are in memory, in the order in which they are handed out. Pure.
#pragma once

#include "components/queue/webhook_store.hpp"

#include <deque>
#include <utility>

namespace components {

/// The store stays the authority: whoever changes a webhook there takes it out here.
class webhook_line {
public:
    bool empty() const { return all_.empty(); }
    /// What they take, about.
    std::size_t bytes() const { return bytes_; }

    void push(stored_webhook w) {
        bytes_ += size_of(w);
        all_.push_back(std::move(w));
    }
    /// Precondition: not empty.
    stored_webhook pop() {
        stored_webhook first = std::move(all_.front());
        all_.pop_front();
        bytes_ -= size_of(first);
        return first;
    }
    void forget(const std::string& id) {
        std::erase_if(all_, [&](const stored_webhook& w) {
            if (w.id != id) return false;
            bytes_ -= size_of(w);
            return true;
        });
    }
    void clear() {
        all_.clear();
        bytes_ = 0;
    }

private:
    static std::size_t size_of(const stored_webhook& w) { return sizeof w + w.text.size(); }

    std::deque<stored_webhook> all_;
    std::size_t bytes_ = 0;
};

}  // namespace components
