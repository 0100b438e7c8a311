// JSON for people: comments and trailing commas are allowed, and every value knows its line and
// column. Pure.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

namespace supe {

/// Line and column count from 1, columns in characters.
struct text_position {
    unsigned line = 1;
    unsigned column = 1;
};

class located_json_error : public std::runtime_error {
public:
    located_json_error(text_position position, const std::string& what)
        : std::runtime_error(what), where(position) {}
    text_position where;
};

/// One value with its place. Objects keep their order, and the places of their keys.
struct located_value {
    struct member;
    text_position position;
    boost::json::value scalar;  ///< string, number, bool or null; unused for the two below
    std::string_view written;   ///< the scalar as it stands in the text, which must outlive this
    bool is_object = false;
    bool is_array = false;
    std::vector<member> members;
    std::vector<located_value> elements;

    bool is_null() const { return !is_object && !is_array && scalar.is_null(); }
    /// The whole as plain JSON.
    boost::json::value plain() const;
    /// As it is written, cut to a few words, for messages.
    std::string shown() const;
    /// Where the member of this name stands, or the whole where there is none.
    text_position position_of(std::string_view key) const;
};

struct located_value::member {
    std::string key;
    text_position position;
    located_value value;
};

/// Reads one value; throws located_json_error. Limits: 16 MiB, 128 levels. Equal keys in one object
/// are refused.
located_value read_located_json(std::string_view text);

}  // namespace supe
