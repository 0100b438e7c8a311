// The body of a webhook that is shown to an operator.
#pragma once

#include <boost/json/value.hpp>

namespace components {

/// `webhook.body` of this object: text, as nearly all are, can be read, however it is stored; any
/// other body stays base64, and says so.
void make_body_readable(boost::json::value& letter);

}  // namespace components
