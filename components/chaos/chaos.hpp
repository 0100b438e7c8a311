// `supe chaos` (contract §7): a relay under fire, between a sender and a destination that keep
// books.
#pragma once

#include "components/chaos/chaos_ledger.hpp"
#include "supe/text/units.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace components {

struct chaos_settings {
    supe::milliseconds lasts = std::chrono::seconds(60);
    unsigned kills = 120;
    std::uint64_t seed = 1;
    unsigned connections = 5;
    unsigned senders = 8;
    std::filesystem::path directory;  ///< for the relay's state and its log
};

struct chaos_report {
    chaos_counts counts;
    std::map<std::string, unsigned> kills;  ///< by what was killed
    std::size_t most_open = 0;              ///< connections, as the destination counts them
    unsigned connections = 0;               ///< that were allowed
    supe::milliseconds longest_pause{};     ///< between two arrivals
    bool was_interrupted = false;           ///< then what has not arrived is no loss
    std::string trouble;                    ///< why it could not be carried through; else empty
};

/// Runs it to its end, on an event loop of its own. SIGINT and SIGTERM end it early. No process is
/// left.
chaos_report run_chaos(const chaos_settings& settings);

/// Nothing is lost, unexpected or above the cap.
bool is_good(const chaos_report& report);
std::string text_of_report(const chaos_report& report);

}  // namespace components
