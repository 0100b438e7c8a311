// The ids of the mail that was accepted from a hop lately. Mail that comes again is dropped
// (contract §3, hop by hop). Pure.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace supe {

/// The last `limit` ids. That is several windows of a hop, and only mail of the last window can
/// come again.
class recent_ids {
public:
    static constexpr std::size_t limit = 8192;

    bool contains(std::string_view id) const { return known_.contains(id); }
    void add(std::string_view id) {
        if (known_.contains(id)) return;
        if (ids_.size() < limit) {
            ids_.reserve(limit);  // once, so that the views into it stay valid
            ids_.emplace_back(id);
            known_.insert(ids_.back());
            return;
        }
        known_.erase(ids_[oldest_]);
        ids_[oldest_] = id;
        known_.insert(ids_[oldest_]);
        oldest_ = (oldest_ + 1) % limit;
    }

private:
    std::vector<std::string> ids_;
    std::unordered_set<std::string_view> known_;
    std::size_t oldest_ = 0;
};

}  // namespace supe
