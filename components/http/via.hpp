// Our name in Via (RFC 9110 §7.6.3): a request that has it already goes in a circle.
#pragma once

#include "components/webhook/webhook.hpp"

#include <string>
#include <string_view>

namespace components {

/// `supe-1a2b3c4d`, the same in all processes of one relay and another one for each relay (by this
/// machine's name and the state directory), so that one relay can deliver to another one. `supe` in
/// a process without a state directory.
const std::string& own_via();

/// One of the proxies that the Via fields name is `name`.
bool went_through(const http_fields& headers, std::string_view name);

}  // namespace components
