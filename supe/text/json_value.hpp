// JSON text as a value, for those who look into it. Whatever is_json accepts can be read here.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

/// The value of a JSON text; nothing where is_json(text) is false. What Boost.JSON alone refuses or
/// cannot print again is read as JavaScript and its users would: a lone surrogate becomes U+FFFD, a
/// number past the range of a double the greatest one of its sign, and one with a very long
/// exponent too. Of equal keys the last counts.
std::optional<boost::json::value> parse_json(std::string_view text);

/// A member that is a string; empty where it is missing, or none.
std::string string_of(const boost::json::object& object, std::string_view key);
/// A member that is true or false; `otherwise` where it is missing, or neither.
bool flag_of(const boost::json::object& object, std::string_view key, bool otherwise);

/// The object of a JSON text; an empty one where the text is no object.
boost::json::object parse_object(std::string_view text);

}  // namespace supe
