// What an HTTP/1.1 server writes as text. Pure.
#pragma once

#include "components/http/server.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace components {

/// What becomes of the connection after an answer.
enum class connection_after { kept, closed };
/// HEAD is answered by the head alone.
enum class answer_part { whole, head };

/// An answer as it is sent. `now` is its date.
std::string text_of(const http_answer& answer, connection_after after, answer_part part,
                    std::chrono::system_clock::time_point now);

/// 503 with Retry-After.
http_answer unavailable(std::string why);

}  // namespace components
