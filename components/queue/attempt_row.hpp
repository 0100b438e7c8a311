// A row of the table of attempts, as it is read.
#pragma once

#include "components/queue/webhook_store.hpp"

namespace components {

/// Of the webhook that is bound as the first value.
inline constexpr const char* select_attempts =
    "SELECT n, at, ms, status, reason FROM attempts WHERE seq = ? ";

inline attempt_note attempt_in(SQLite::Statement& s) {
    return {s.getColumn(0).getUInt(), s.getColumn(1).getInt64(), s.getColumn(2).getInt64(),
            s.getColumn(3).getInt(), s.getColumn(4).getString()};
}

}  // namespace components
