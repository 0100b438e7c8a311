// Turns for others while large texts of JSON are looked through: a turn has a budget (contract §2:
// up to 16 MiB a frame).
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/async/clock.hpp"

#include <cstddef>
#include <string>

namespace supe {

/// Gives others a turn, where a text of this many bytes is large. To look through 16 MiB takes some
/// 30 ms: who does so twice waits here in between.
awaitable<> turn_after_json(clock& time, std::size_t bytes);

/// json_quoted(), with turns for others.
awaitable<std::string> quoted_in_turns(clock& time, std::string text);

}  // namespace supe
