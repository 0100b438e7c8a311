// The queue's config (components/queue/queue.hpp).
#pragma once

#include "components/queue/queue_logic.hpp"

#include <boost/json/value.hpp>
#include <string>

namespace components {

struct queue_settings {
    std::string file = "queue.db";
    unsigned window = 1024;
    queue_limits limits{};
};

/// Throws supe::config_error.
queue_settings queue_settings_in(const boost::json::value& config);

}  // namespace components
