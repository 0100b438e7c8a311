// The status of a tree for people: a table, a drawing, the history of a child. Pure.
#pragma once

#include "supe/output/output_line.hpp"

#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace components {

/// A status node (contract §6) and those below it as a table with a line each; then the deaths of
/// the node, where it has them.
std::string status_table(const boost::json::value& node, supe::colours shown);

/// The same as a drawing with branches.
std::string status_drawing(const boost::json::value& node, supe::colours shown);

/// The addresses of the nested supervisors that did not answer.
std::vector<std::string> silent_supervisors(const boost::json::value& node);

/// JSON with line breaks and indentation.
std::string pretty(const boost::json::value& value);

}  // namespace components
