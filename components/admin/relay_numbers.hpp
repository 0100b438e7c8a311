// What the relay's processes say of themselves, as Prometheus reads it, and whether webhooks can
// come. Pure.
#pragma once

#include "components/admin/question.hpp"

#include <string>

namespace components {

/// The answers of the queue ({"metrics":true}), of http_server ({"counters":true}), and the status
/// of the tree.
struct relay_numbers {
    given_answer queue, http_server, tree;
};

/// All metrics in Prometheus' text format, version 0.0.4. What somebody did not say is left out,
/// and `supe_up` says who that was.
std::string metrics_text(const relay_numbers& numbers);
inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// Why no webhook should be sent here now; empty where they can come. The tree's status counts
/// where it is known: a control socket that was deleted is no reason to send none.
std::string objection_to_webhooks(const relay_numbers& numbers);

}  // namespace components
