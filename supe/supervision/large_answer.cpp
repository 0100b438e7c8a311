#include "supe/supervision/large_answer.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <boost/json/serialize.hpp>

namespace supe {
namespace {

/// In memory alone: where the text of `ok` stands. No answer has a member of this name.
constexpr std::string_view ok_as_text = "ok as text";

const boost::json::string* text_in(const boost::json::value& answer) {
    const auto* object = answer.if_object();
    const auto* text = object ? object->if_contains(ok_as_text) : nullptr;
    return text ? text->if_string() : nullptr;
}

}  // namespace

boost::json::value large_answer(std::string_view ok) {
    return boost::json::object{{ok_as_text, ok}};
}

boost::json::value too_many_answers() {
    return boost::json::object{
        {"error", "too many answers wait to be read by other clients; try again"}, {"code", 1}};
}

std::string answer_text(const boost::json::value& answer) {
    const auto* const ok = text_in(answer);
    if (!ok) return boost::json::serialize(answer);
    std::string text;
    text.reserve(ok->size() + 8);
    text += R"({"ok":)";
    text += std::string_view(*ok);
    text += '}';
    return text;
}

boost::json::value read_large_answer(std::string_view text) {
    std::string_view ok;
    json_members members(text);
    while (members.next())
        if (members.key() == "ok") ok = members.value();
    if (members.well_formed() && !ok.empty()) return large_answer(ok);
    auto answer = parse_json(text);
    return answer ? std::move(*answer) : boost::json::value();
}

std::optional<boost::json::value> ok_of(boost::json::value answer) {
    if (const auto* const text = text_in(answer)) return parse_json(*text);
    auto* const object = answer.if_object();
    auto* const ok = object ? object->if_contains("ok") : nullptr;
    return ok ? std::optional(std::move(*ok)) : std::nullopt;
}

bool has_ok(const boost::json::value& answer) {
    const auto* object = answer.if_object();
    return object && (object->contains("ok") || object->contains(ok_as_text));
}

}  // namespace supe
