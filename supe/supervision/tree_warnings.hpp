// What a tree file allows, and an operator would want to know before it matters: limits that can
// never be passed, fields without effect, directories that are not there.
#pragma once

#include "supe/tree/child_spec.hpp"

#include <string>
#include <vector>

namespace supe {

/// One line for each, with the address and the field: `/dam/web: max_restarts …`. Looks for the
/// directories of the children. Nothing of this keeps the tree from being run.
std::vector<std::string> warnings_of(const supervisor_spec& tree);

/// How many restarts the delays of a child allow within `window`, at the most; not more than
/// `enough` are counted.
unsigned most_restarts(const backoff_spec& backoff, milliseconds window, unsigned enough);

}  // namespace supe
