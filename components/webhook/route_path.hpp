// Which paths are a route's (contract §7 `path`). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace components {

/// What is left of a target behind the path of a route, a prefix of whole segments: it begins with
/// `/` and has the query. `/a` has `/a`, `/a/` and `/a?x` (all of rest `/`), `/a/b` (rest `/b`),
/// and not `/ab`. Nothing where the target is not below the path.
std::optional<std::string> rest_behind(std::string_view path, std::string_view target);

}  // namespace components
