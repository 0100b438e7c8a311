// The queue's config (components/queue/queue.hpp).
#pragma once

#include "components/queue/queue_logic.hpp"
#include "supe/text/field_reader.hpp"

#include <boost/json/value.hpp>
#include <string>

namespace components {

struct queue_settings {
    std::string file = "queue.db";
    std::string socket;  ///< of the direct lines (components/direct_line); empty: none
    unsigned window = 1024;
    queue_limits limits{};
};

/// The `retry` of a route; throws supe::config_error, as the next one.
retry_settings read_retry(const supe::field_reader& in, const supe::located_value& v);
queue_settings queue_settings_in(const boost::json::value& config);

}  // namespace components
