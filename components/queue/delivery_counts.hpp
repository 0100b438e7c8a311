// What a route's attempts came to, and how long they took: counted since the queue began. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace components {

struct delivery_counts {
    /// Milliseconds: an attempt counts in the first that is no shorter.
    static constexpr std::array<std::int64_t, 12> bounds{5,   10,   25,   50,   100,   250,
                                                         500, 1000, 2500, 5000, 10000, 30000};
    /// By the first digit of the status from 1 to 5; in the first place those without an answer.
    std::array<std::uint64_t, 6> by_class{};
    std::array<std::uint64_t, bounds.size() + 1> by_duration{};  ///< the last: longer than all
    std::uint64_t ms = 0;                                        ///< of all of them together

    void add(int status, std::int64_t took) {
        const bool known = status >= 100 && status <= 599;
        ++by_class[known ? static_cast<std::size_t>(status / 100) : 0];
        took = took < 0 ? 0 : took;
        std::size_t place = 0;
        while (place < bounds.size() && took > bounds[place]) ++place;
        ++by_duration[place];
        ms += static_cast<std::uint64_t>(took);
    }
};

}  // namespace components
