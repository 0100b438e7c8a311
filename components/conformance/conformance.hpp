// `supe conformance`: whether a component keeps to the wire (contract §2, §3).
#pragma once

#include "components/conformance/stage.hpp"

#include <boost/json/object.hpp>

namespace components {

/// One thing that a component must do.
struct conformance_check {
    const char* name;
    const char* section;  ///< of the contract
    const char* what;     ///< a sentence: what the component must do
    /// Returns what was seen; throws violation.
    supe::awaitable<std::string> (*perform)(stage& s);
};

/// In the order in which they are made: each relies on those before it.
const std::vector<conformance_check>& conformance_checks();

struct conformance_result {
    const conformance_check* check;
    enum class outcome { passed, failed, not_tried } outcome;
    std::string seen;
    std::string last_words{};  ///< of one that failed: the end of its stderr
};

/// Makes the checks of that name, or all where it is empty, each with a process of its own. Where
/// the first fails no other is tried, nor what would begin after a minute. Throws
/// std::runtime_error for a name that no check has.
std::vector<conformance_result> run_conformance(const std::vector<std::string>& command,
                                                const std::string& only = {});

bool is_conformant(const std::vector<conformance_result>& results);
/// A line each; below one that failed what was seen, and what is asked for.
std::string text_of_conformance(const std::vector<conformance_result>& results);
/// `{"ok","checks":[{"check","section","result","seen","must","stderr"?}]}`.
boost::json::object json_of_conformance(const std::vector<conformance_result>& results);

}  // namespace components
