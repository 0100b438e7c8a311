// A rate as people write it in settings (contract §7 `rate`, `intake_rate`). Pure.
#pragma once

#include "patterns/rate_limiter.hpp"
#include "supe/text/field_reader.hpp"

#include <optional>
#include <string_view>

namespace components {

/// `50/s`, `10/m`, `1000/h`: from 1 to a million. Nothing where the text is no rate.
std::optional<patterns::rate_limiter::settings> parse_rate(std::string_view text);

/// The same of a setting; throws config_error.
patterns::rate_limiter::settings read_rate(const supe::field_reader& in,
                                           const supe::located_value& v);

}  // namespace components
