// Work of many keys: in order within a key, and the keys share what there is.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace patterns {

/// One item of a key is out at a time, and the next one of that key only after it. The keys take
/// turns: a key whose item is done goes behind all others that wait, so that one with most of the
/// items holds up nobody. A pure object:
///
///     patterns::fair_queue<job> jobs;
///     jobs.push(customer, job);
///     while (auto next = jobs.pop()) { work(next->second); jobs.done(next->first); }
///
/// A key that has no items, and none out, costs nothing.
template <class Item>
class fair_queue {
public:
    void push(const std::string& key, Item item) {
        ++size_;
        entry& e = keys_[key];
        e.items.push_back(std::move(item));
        if (!e.in_line && !e.out) wait_in_line(key, e);
    }
    /// The first item of the key whose turn it is; its key is out until done(). Nothing where every
    /// item waits for one that is out.
    std::optional<std::pair<std::string, Item>> pop() {
        if (line_.empty()) return std::nullopt;
        std::string key = std::move(line_.front());
        line_.pop_front();
        entry& e = keys_.at(key);
        e.in_line = false;
        e.out = true;
        Item first = std::move(e.items.front());
        e.items.pop_front();
        --size_;
        return std::pair(std::move(key), std::move(first));
    }
    /// The item of this key that was out is done.
    void done(const std::string& key) {
        const auto found = keys_.find(key);
        if (found == keys_.end() || !found->second.out) return;
        found->second.out = false;
        if (found->second.items.empty())
            keys_.erase(found);
        else
            wait_in_line(key, found->second);
    }
    std::size_t size() const { return size_; }  ///< without those that are out
    std::size_t keys() const { return keys_.size(); }

private:
    struct entry {
        std::deque<Item> items{};
        bool in_line = false, out = false;
    };
    void wait_in_line(const std::string& key, entry& e) {
        e.in_line = true;
        line_.push_back(key);
    }

    std::unordered_map<std::string, entry> keys_;
    std::list<std::string> line_;  // keys with an item to take, in the order of their turns
    std::size_t size_ = 0;
};

}  // namespace patterns
