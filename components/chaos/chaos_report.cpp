#include "components/chaos/chaos.hpp"

#include <fmt/format.h>

namespace components {

bool is_good(const chaos_report& r) {
    const bool all_arrived = r.was_interrupted || r.counts.lost == 0;
    return r.trouble.empty() && all_arrived && r.counts.unexpected == 0 &&
           r.most_open <= r.connections;
}

std::string text_of_report(const chaos_report& r) {
    unsigned kills = 0;
    std::string of_which;
    for (const auto& [name, n] : r.kills) {
        kills += n;
        of_which += fmt::format("{}{} {}", of_which.empty() ? "" : ", ", name, n);
    }
    std::string out;
    const auto line = [&out](const char* word, std::uint64_t n, const std::string& more = {}) {
        out += fmt::format("{:<13}{:>9}{}{}\n", word, n, more.empty() ? "" : "  ", more);
    };
    line("attempted", r.counts.attempted);
    line("acknowledged", r.counts.acknowledged);
    line("delivered", r.counts.delivered);
    if (r.was_interrupted || !r.trouble.empty()) {
        line("outstanding", r.counts.lost, "acknowledged, on their way at the end");
    } else {
        line("lost", r.counts.lost, r.counts.lost > 0 ? "acknowledged, and never arrived" : "");
    }
    line("unexpected", r.counts.unexpected);
    line("duplicated", r.counts.duplicated);
    line("recovered", r.counts.recovered);
    line("kills", kills, of_which);
    line("pause", static_cast<std::uint64_t>(r.longest_pause.count()),
         "ms at most between two arrivals");
    line("connections", r.most_open, fmt::format("at most, {} allowed", r.connections));
    if (!r.trouble.empty()) out += r.trouble + "\n";
    return out;
}

}  // namespace components
