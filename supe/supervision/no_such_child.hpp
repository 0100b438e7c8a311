// The answer to a request for a child that is not there: written and recognised here alone.
#pragma once

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace supe {

inline constexpr std::string_view no_such_child_words = "no such child: ";

/// `no such child: web`.
inline std::string no_such_child(std::string_view name) {
    return fmt::format("{}{}", no_such_child_words, name);
}

/// Whether the problem of an operation is that one.
inline bool is_no_such_child(std::string_view problem) {
    return problem.starts_with(no_such_child_words);
}

}  // namespace supe
