#include "supe/mail/saved_mail.hpp"

#include "supe/text/json_text.hpp"

#include <algorithm>
#include <charconv>

namespace supe {
namespace {

constexpr unsigned most_attempts = 1000;  // anybody may have written the file

/// 0 where it is none.
unsigned number_in(std::string_view text) {
    unsigned n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    return failed == std::errc() && end == text.data() + text.size() ? n : 0;
}

/// `NAME.i`; 0 for any other value.
unsigned instance_in(std::string_view value) {
    const std::string name = json_string_or_empty(value);
    const std::size_t dot = name.rfind('.');
    return dot == std::string::npos ? 0 : number_in(std::string_view(name).substr(dot + 1));
}

}  // namespace

/// The members that we don't know stand in it as they came, `re` and `call` too. No mail keeps a
/// member `to`.
void append_saved_mail(std::string& text, const envelope& mail, std::string_view recipient) {
    text += R"({"id":)";
    append_json_quoted(text, mail.id);
    text += R"(,"from":)";
    append_json_quoted(text, mail.from);
    text += R"(,"attempt":)";
    text += std::to_string(mail.attempt);
    if (recipient.find('.') != std::string_view::npos) {
        text += R"(,"to":)";
        append_json_quoted(text, recipient);
    }
    text += R"(,"msg":)";
    text += mail.msg;
    text += mail.extras;
    text += "}\n";
}

std::string read_saved_mail(std::string_view line, saved_mail& mail) {
    mail = {};
    json_members members(line);
    while (members.next()) {
        const std::string_view key = members.key(), value = members.value();
        if (key == "type")  // no mail has it, so that a later format can
            return "a newer version of this program wrote it";
        if (key == "id") {
            mail.id = json_string_or_empty(value);
        } else if (key == "from") {
            mail.from = json_string_or_empty(value);
        } else if (key == "attempt") {
            mail.attempt = std::min(number_in(value), most_attempts);
        } else if (key == "msg") {
            mail.msg = value;
        } else if (key == "to") {
            mail.instance = instance_in(value);
            if (mail.instance == 0) return "no saved mail: its `to` is no instance, \"NAME.1\"";
        } else {
            mail.answer = mail.answer || key == "re";
            mail.extras += ",\"";
            mail.extras += members.key_text();
            mail.extras += "\":";
            mail.extras += value;
        }
    }
    const bool is_whole = members.well_formed() && !mail.msg.empty() && !mail.id.empty();
    return is_whole ? "" : "no saved mail: must be a JSON object with id and msg";
}

}  // namespace supe
