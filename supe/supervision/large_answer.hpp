// Answers to requests of the control socket that hold much, as the message of a dead letter: who
// only passes one on neither builds it nor prints it anew.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

/// `{"ok":VALUE}` where VALUE is there as text: one line of JSON. For answer_text() and ok_of(), as
/// any other answer.
boost::json::value large_answer(std::string_view ok);

/// The error where there is no room for one more.
boost::json::value too_many_answers();

/// An answer as JSON text, of one line.
std::string answer_text(const boost::json::value& answer);

/// The reverse, for an answer that is large: its `ok` stays text. Null where `text` is no JSON.
boost::json::value read_large_answer(std::string_view text);

/// The `ok` of an answer, built; nothing where it has none.
std::optional<boost::json::value> ok_of(boost::json::value answer);

/// The same, without building it.
bool has_ok(const boost::json::value& answer);

}  // namespace supe
