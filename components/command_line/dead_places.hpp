// Where the dead letters of a running tree lie: mail with the supervisors, webhooks in the queues of its relays (contract §6).
#pragma once

#include "components/command_line/which_tree.hpp"

#include <boost/json/array.hpp>
#include <string>
#include <vector>

namespace components {

/// How asking ended: an exit code of the command line, and what to tell people (empty: it was told already).
struct asked_dead {
    int code = 0;
    std::string problem;
};

/// All places of one tree. Letters are objects `{"id","to","from","at","attempts","reason"}`.
class dead_places {
public:
    explicit dead_places(const which_tree& where) : where_(where) {}

    /// Adds those of all places; those that could be had, when it fails.
    asked_dead list(boost::json::array& letters);
    /// Whole: mail has `msg` and `history`, a webhook `webhook` with its body as text where it is UTF-8.
    asked_dead show(const std::string& id, boost::json::value& letter);
    /// `what`: retry or drop. Adds to `done` how many.
    asked_dead deal_with(const std::string& what, const std::string& id, std::int64_t& done);
    asked_dead deal_with_all(const std::string& what, std::int64_t& done);

private:
    struct queue_place {
        std::string address, state;
    };
    asked_dead find_queues();
    asked_dead ask_supervisors(boost::json::object request, boost::json::value& answer);
    asked_dead ask_queue(const queue_place& queue, const boost::json::object& request, boost::json::value& answer);
    asked_dead ask_one(const std::string& what, const std::string& id, boost::json::value& answer, std::string& queue);

    const which_tree& where_;
    std::vector<queue_place> queues_;
    bool looked_ = false;
};

}  // namespace components
