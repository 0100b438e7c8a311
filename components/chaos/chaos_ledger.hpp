// What became of each webhook that was sent, in the words of Jepsen's set test. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace components {

struct chaos_counts {
    std::uint64_t attempted = 0;     ///< sent at all
    std::uint64_t acknowledged = 0;  ///< answered 200
    std::uint64_t delivered = 0;     ///< arrived at the destination at least once
    std::uint64_t lost = 0;          ///< acknowledged, and did not arrive
    std::uint64_t unexpected = 0;    ///< arrivals that nobody sent, or not with these bytes
    std::uint64_t duplicated = 0;    ///< arrivals after the first one
    std::uint64_t recovered = 0;     ///< arrived, though the sender got no 200
};

class chaos_ledger {
public:
    /// A number for a webhook that is going to be sent.
    std::uint64_t attempt();
    void acknowledge(std::uint64_t number);
    void deliver(std::uint64_t number, bool is_intact);
    /// An arrival that has no number of ours.
    void deliver_unknown() { ++unexpected_; }

    chaos_counts counts() const;
    /// How many are acknowledged and have not arrived.
    std::uint64_t missing() const { return missing_; }

private:
    struct webhook {
        bool acknowledged = false;
        bool delivered = false;
    };
    std::vector<webhook> all_;  // by number
    std::uint64_t missing_ = 0, unexpected_ = 0, duplicated_ = 0;
};

/// The body of a webhook, by its number: some hundred bytes of every value.
std::string chaos_body(std::uint64_t number);

}  // namespace components
