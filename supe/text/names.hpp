// Names of children, trees and notices' owners (contract §1). Pure.
#pragma once

#include <string_view>

namespace supe {

/// `[A-Za-z0-9_-]{1,64}` and none of the words that are taken.
bool is_valid_name(std::string_view name);

}  // namespace supe
