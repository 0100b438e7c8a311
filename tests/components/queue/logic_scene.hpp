// The queue's decisions on a real SQLite file, with a clock and dice of the test.
#pragma once

#include "components/queue/queue_logic.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/test/unit_test.hpp>

namespace queue_tests {

using lines = std::vector<std::string>;
using logic_type = components::queue_logic;

/// `more`: members behind the id, as `"route":"r",`.
inline std::string webhook(const std::string& id, std::size_t body = 0,
                           const std::string& more = "") {
    return fmt::format(R"({{"id":"{}",{}"body":"{}"}})", id, more, std::string(body, 'A'));
}

inline std::string result(const std::string& id, unsigned attempt, int status,
                          const std::string& more = "") {
    return fmt::format(R"({{"results":[{{"id":"{}","attempt":{},"status":{}{}}}]}})", id, attempt,
                       status, more);
}

inline const std::string resume = R"({"resume":true})";

inline components::queue_limits one_lane(components::lane_settings lane) {
    components::queue_limits limits;
    limits.lanes = {std::move(lane)};
    return limits;
}

struct scene {
    explicit scene(components::queue_limits l = {}) : limits(std::move(l)) { open(); }

    support::temporary_directory directory{support::in_memory()};
    components::queue_limits limits;
    std::uint64_t free = std::uint64_t(1) << 40;
    std::chrono::system_clock::time_point now{std::chrono::seconds(1700000000)};
    std::optional<components::webhook_store> store{};
    std::optional<logic_type> logic{};
    components::queue_events events{};

    /// As after a crash: what was in memory is gone.
    void open() {
        logic.reset();
        store.reset();
        store.emplace(directory / "queue.db");
        logic.emplace(*store, limits, [] { return 0.5; }, [this] { return free; });
    }
    /// `done`, `later`, the answer of a call, or the reason of a refusal, for each mail of one
    /// batch.
    lines take(const lines& mails) {
        using kind = components::mail_decision::kind;
        lines said;
        for (const auto& d : logic->take({mails.begin(), mails.end()}, now, events))
            said.push_back(!d.answer.empty()       ? d.answer
                           : d.what == kind::done  ? "done"
                           : d.what == kind::later ? "later"
                                                   : d.reason);
        return said;
    }
    /// The next one, as `id/attempt`; empty where there is none.
    std::string deliver_one() {
        const auto next = logic->next(now, events);
        return next ? fmt::format("{}/{}", next->webhook.id, next->webhook.attempt + 1) : "";
    }
    /// All that can be handed out now.
    lines mark_delivery() {
        lines out;
        for (std::string one = deliver_one(); !one.empty(); one = deliver_one()) out.push_back(one);
        return out;
    }
    lines dead() {
        lines all;
        for (const auto& d : std::exchange(events, {}).dead) all.push_back(d.id + ": " + d.reason);
        return all;
    }
    std::optional<std::chrono::nanoseconds> wake_in() const {
        const auto at = logic->wake_at(now);
        if (!at) return std::nullopt;
        return *at - now;
    }
    std::string counts() const {
        const auto n = store->counts();
        return fmt::format("{} pending, {} failed, {} dead, {} handed{}", n.pending, n.failed,
                           n.dead, logic->in_flight(),
                           logic->lanes().front()->is_paused() ? ", paused" : "");
    }
};

inline void same(const lines& found, const lines& expected) {
    BOOST_TEST(found == expected, fmt::format("[{}]", fmt::join(found, ", ")));
}

}  // namespace queue_tests
