// Our name in Via (RFC 9110 §7.6.3): a request that has it already goes in a circle.
#pragma once

#include "components/webhook/webhook.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace components {

/// `supe-1a2b3c4d`, the same for all processes of one relay and another one for each relay, so that
/// one relay can deliver to another one. It comes from the name of the machine, the path of the
/// state directory and the mark in there (state_directory.md, `processes.lock`): containers of one
/// image may have the first two in common. Without a mark it comes from these two.
std::string via_name(std::string_view machine, const std::filesystem::path& state);

/// The name of this relay; `supe` in a process without a state directory.
const std::string& own_via();

/// One of the proxies that the Via fields name is `name`.
bool went_through(const http_fields& headers, std::string_view name);

}  // namespace components
