// Names of children, trees and notices' owners (contract §1). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace supe {

inline constexpr std::size_t longest_name = 64;

/// `[A-Za-z0-9_-]`, 1 to `longest` of them, and none of the words that are taken.
bool is_valid_name(std::string_view name, std::size_t longest = longest_name);
/// The same in words: "1 to 64 of A-Z a-z 0-9 _ - and none of …".
std::string valid_names(std::size_t longest = longest_name);

}  // namespace supe
