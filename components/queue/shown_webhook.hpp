// What the queue's answers to an operator have in common.
#pragma once

#include "components/queue/webhook_store.hpp"

#include <boost/json/array.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace components {

/// A target as a list shows it: at most 200 bytes of it, of whole characters.
std::string shown_target(std::string target);
/// Unix time in ms as `2026-01-31T12:00:00.000Z`.
std::string shown_time(std::int64_t unix_ms);
/// Of the first three tries and the last seven: `{"attempt","at","ms","status","reason"}`; status 0
/// is no answer. Throws store_error.
boost::json::array shown_attempts(webhook_store& store, std::int64_t seq);
/// `{"error":TEXT}`.
std::string error_answer(std::string_view why);

}  // namespace components
