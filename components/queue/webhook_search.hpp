// Which of the stored webhooks an operator means, and what is shown of each.
#pragma once

#include "components/queue/webhook_state.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace components {

/// What is not said means any.
struct webhook_filter {
    std::vector<webhook_state> states{};
    std::optional<std::int64_t> lane{};
    std::int64_t since = 0;  ///< accepted then or later, Unix time in ms
    std::int64_t until = std::numeric_limits<std::int64_t>::max();  ///< accepted before
    /// Dead and kept ones are not meant that died, or were delivered, after `since` and up to
    /// `until`. A time behind that is one of before the clock was set back.
    struct {
        std::int64_t since = 0, until = 0;
    } not_ended{};
    std::string path{};  ///< of the target; `/a/*` is each path that begins with `/a/`
};

/// Order of arrival. From one page to the next `after` and `before` close in on each other.
struct search_range {
    enum class direction { oldest_first, newest_first } order = direction::newest_first;
    std::int64_t after = 0;  ///< numbers of webhooks (`seq`), exclusive
    std::int64_t before = std::numeric_limits<std::int64_t>::max();

    bool is_empty() const { return before <= after || before - 1 == after; }
    /// What is left begins behind this number, in the order of the search.
    void pass(std::int64_t number) { (order == direction::newest_first ? before : after) = number; }
    /// The same behind a part that it begins with.
    void pass_all_of(const search_range& part) {
        pass(order == direction::newest_first ? part.after + 1 : part.before - 1);
    }
};

struct webhook_overview {
    std::int64_t seq = 0;
    std::string id;
    std::int64_t lane = 0;
    webhook_state state = webhook_state::waiting;
    unsigned attempt = 0;     ///< tries so far
    std::int64_t due_at = 0;  ///< Unix time in ms: next try; of a dead one and a kept one: since
    std::int64_t accepted_at = 0;  ///< Unix time in ms
    std::string reason{};          ///< of a dead one
    std::string method{}, target{};
    std::uint64_t bytes = 0;  ///< of the text
};

/// Some of them, and what is left of the range; nothing where that was all. A page may be empty
/// although there is more: what is looked at in one turn is limited.
struct search_page {
    std::vector<webhook_overview> found{};
    std::optional<search_range> rest{};
};

/// Of what a request asked for, without the query.
bool path_fits(std::string_view wanted, std::string_view target);

}  // namespace components
