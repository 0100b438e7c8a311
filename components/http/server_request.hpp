// How one request of a connection is read, and what it takes in memory meanwhile.
#pragma once

#include "components/http/server_connection.hpp"
#include "components/http/server_text.hpp"

#include <optional>

namespace components {

struct received_request {
    std::optional<http_request> request{};
    /// Where there is no request: the answer, the last one of the connection. Without it nobody is
    /// there to read one.
    std::optional<http_answer> refusal{};
    answer_part part = answer_part::whole;
    bool keep_alive = false;  ///< the client would send more
};

/// To a request that could not be read; nothing where nobody is there to read an answer, nor where
/// we are ending.
std::optional<http_answer> answer_to_failure(const http_client& c,
                                             const boost::system::error_code& fault);

/// Precondition: it has begun.
supe::awaitable<received_request> read_request(http_client& c);

}  // namespace components
