// Where the dead letters of a running tree lie: mail with the supervisors, webhooks in the queues
// of its relays (contract §6).
#pragma once

#include "components/command_line/relay_queues.hpp"

#include <boost/json/array.hpp>
#include <string>
#include <vector>

namespace components {

using dead_letter_result = ask_result;

/// All sources of one tree. Letters are objects `{"id","to","from","at","attempts","reason"}`.
class dead_letter_sources {
public:
    explicit dead_letter_sources(const target_tree& where) : where_(where), queues_(where) {}

    /// Adds those of all sources; where some fail, those of the others.
    dead_letter_result list(boost::json::array& letters);
    /// Whole: mail has `msg` and `history`, a webhook `webhook` with its body as text where it is
    /// UTF-8.
    dead_letter_result show(const std::string& id, boost::json::value& letter);
    /// `what`: retry or drop. Adds to `done` how many.
    dead_letter_result deal_with(const std::string& what, const std::string& id,
                                 std::int64_t& done);
    dead_letter_result deal_with_all(const std::string& what, std::int64_t& done);

private:
    dead_letter_result ask_supervisors(boost::json::object request, boost::json::value& answer);
    dead_letter_result ask_one(const std::string& what, const std::string& id,
                               boost::json::value& answer, std::string& queue);

    const target_tree& where_;
    relay_queues queues_;
};

}  // namespace components
