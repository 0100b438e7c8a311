// The queues of the relays in a running tree, and calls to them.
#pragma once

#include "components/command_line/target_tree.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace components {

/// How asking ended: the command's exit code, and the line for stderr (empty: it is
/// printed already).
struct ask_result {
    exit_code code = exit_code::done;
    std::string problem{};
    bool lost_answer = false;  ///< what was asked may have been done all the same
};

class relay_queues {
public:
    struct queue {
        std::string address, state;
    };
    explicit relay_queues(const target_tree& where) : where_(where) {}

    /// Asks the tree for them, once.
    ask_result find();
    const std::vector<queue>& all() const { return queues_; }
    /// Mails `{ABOUT: request}` to it and waits for the answer. One that is down is not asked: it
    /// would be done later, when nobody waits for the answer any more.
    ask_result ask(const queue& of, const char* about, const boost::json::object& request,
                   boost::json::value& answer) const;

private:
    const target_tree& where_;
    std::vector<queue> queues_{};
    bool looked_ = false;
};

}  // namespace components
