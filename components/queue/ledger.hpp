// The ledger of the queue, recomputed from its rows (contract §7, The ledger).
#pragma once

#include "components/queue/route_table.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace components {

/// One route: what the counters say, and what the rows say.
struct ledger_line {
    std::string route;
    route_counts counters{};
    route_counts rows{};  ///< pending, failed, dead, bytes, kept, kept_bytes, seen alone

    bool is_right() const;
    /// For people: one line.
    std::string text() const;
};

/// Of a queue.db, also while a queue uses it: all of it as of one commit. Nothing is written.
/// Throws store_error, also where the file is missing, or of another version.
std::vector<ledger_line> check_ledger(const std::filesystem::path& file);

}  // namespace components
