// JSON as text: checked and cut up, never built. What the supervisor needs to route mail without
// parsing it.
#pragma once

#include "supe/text/json_string.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// Nesting beyond this is refused: a recipient's parser must not break on what we pass on (contract
/// §2).
inline constexpr std::size_t json_depth_limit = 512;

/// True when `text` is exactly one JSON value (RFC 8259) in valid UTF-8 (RFC 3629), blanks around
/// it allowed.
bool is_json(std::string_view text);

/// The first character of a JSON text, which says what it is if it is well-formed: `{` an object.
/// NUL where there is none.
char first_of_json(std::string_view text);

/// Steps through the members of a JSON object without building it. The text must outlive the
/// reader.
///
///     json_members members(frame);
///     while (members.next()) use(members.key(), members.value());
///     if (!members.well_formed()) …
class json_members {
public:
    explicit json_members(std::string_view object);

    /// The next member, checked whole (JSON and UTF-8). False at the end, and at the first fault.
    bool next();
    /// The key that the text means, whatever is escaped in it: `"\u0069d"` is `id`. Valid until the
    /// next call of next().
    std::string_view key() const { return unescaped_.empty() ? key_text_ : unescaped_; }
    /// The same as it stands in the text, without quotes.
    std::string_view key_text() const { return key_text_; }
    /// The value's text, without blanks around it.
    std::string_view value() const { return value_; }
    /// After next() said false: the object was closed and nothing but blanks follows it.
    bool well_formed() const { return well_formed_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = true;
    bool well_formed_ = false;
    std::string_view key_text_;
    std::string unescaped_;  // empty where nothing is escaped
    std::string_view value_;
};

/// The text of a member of a JSON object, as it stands there; empty where it is missing. Of equal
/// keys the last counts.
std::string_view member_of(std::string_view object, std::string_view key);

/// The texts of the elements of a JSON array, as they stand there. Nothing where `text` is no
/// array, or no JSON, or has more than `most`.
std::optional<std::vector<std::string_view>> elements_of(std::string_view text, std::size_t most);

/// Calls `f(std::string_view)` with the meaning of each string of a JSON array. What else is in it
/// is passed over. Precondition: is_json(array).
template <class F>
void for_each_string(std::string_view array, F f);

template <class F>
void for_each_string(std::string_view array, F f) {
    for (std::size_t at = array.find('"'); at != std::string_view::npos;
         at = array.find('"', at + 1)) {
        const std::size_t start = at;
        bool escaped = false;
        for (++at; at < array.size() && array[at] != '"'; ++at) {
            if (array[at] != '\\') continue;
            escaped = true;
            ++at;
        }
        const std::string_view text = array.substr(start, at + 1 - start);
        escaped ? f(std::string_view(json_string_value(text))) : f(text.substr(1, text.size() - 2));
    }
}

}  // namespace supe
