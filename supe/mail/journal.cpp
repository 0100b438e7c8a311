#include "supe/mail/journal.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace supe {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::system_clock;

std::int64_t to_ms(system_clock::time_point at) {
    return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}
system_clock::time_point from_ms(std::int64_t ms) {
    return system_clock::time_point(milliseconds(ms));
}

json::value as_json(const mail_history& history) {
    json::array events;
    for (const mail_event& e : history) events.push_back(json::array{to_ms(e.at), e.what});
    return events;
}

mail_history history_of(const json::value& value) {
    mail_history history;
    if (!value.is_array()) return history;
    for (const json::value& e : value.get_array()) {
        if (e.is_array() && e.get_array().size() == 2 && e.at(0).is_int64() && e.at(1).is_string())
            history.push_back({from_ms(e.at(0).get_int64()), std::string(e.at(1).get_string())});
    }
    return history;
}

json::value parsed(std::string_view text) {
    error_code failed;
    json::value value = json::parse(text, failed);
    return failed ? json::value() : value;
}

}  // namespace

journaled_mail::journaled_mail(const std::string& recipient, const envelope& mail,
                               mailbox::consumer only_for)
    : stored_mail(mail), sequence(mail.sequence), box(recipient),
      from_above(mail.origin.source == mail_source::uplink), receipt(mail.origin.receipt),
      meant_for(only_for), charges(mail.charges), suspect(mail.suspect) {}

envelope journaled_mail::view() const {
    envelope mail = stored_mail::view();
    mail.charges = charges;
    mail.suspect = suspect;
    mail.sequence = sequence;
    // All other senders died with the supervisor.
    if (from_above) mail.origin = {.source = mail_source::uplink, .id = id, .receipt = receipt};
    return mail;
}

bool journaled_mail::is_sound() const {
    return is_json(msg) && (extras.empty() || is_json("{\"msg\":0" + extras + "}"));
}

std::string journal::restore(journal_reader& reader) {
    part next = restore_part(reader);
    while (!next.is_last) next = restore_part(reader);
    return next.error;
}

std::string to_text(const mail_history& history) {
    return history.empty() ? std::string() : json::serialize(as_json(history));
}

mail_history history_from(std::string_view text) {
    return text.empty() ? mail_history() : history_of(parsed(text));
}

std::string to_text(const dead_letter& letter) {
    return json::serialize(json::object{{"id", letter.id},
                                        {"copy", letter.copy},
                                        {"to", letter.recipient},
                                        {"address", letter.to},
                                        {"from", letter.from},
                                        {"msg", letter.msg},
                                        {"extras", letter.extras},
                                        {"answer", letter.answer},
                                        {"attempts", letter.attempt},
                                        {"reason", letter.reason},
                                        {"at", to_ms(letter.at)},
                                        {"history", as_json(letter.history)}});
}

dead_letter letter_from(std::string_view text) {
    dead_letter letter;
    const json::value value = parsed(text);
    if (!value.is_object()) return letter;
    const json::object& o = value.get_object();
    const auto number_of = [&o](const char* key) {
        const json::value* member = o.if_contains(key);
        return member && member->is_int64() ? member->get_int64() : 0;
    };
    letter.id = string_of(o, "id");
    letter.copy = std::max(1u, static_cast<unsigned>(number_of("copy")));
    letter.recipient = string_of(o, "to");
    letter.to = string_of(o, "address");
    letter.from = string_of(o, "from");
    letter.msg = string_of(o, "msg");
    letter.extras = string_of(o, "extras");
    letter.reason = string_of(o, "reason");
    letter.answer = o.contains("answer") && o.at("answer").is_bool() && o.at("answer").get_bool();
    letter.attempt = static_cast<unsigned>(number_of("attempts"));
    letter.at = from_ms(number_of("at"));
    if (o.contains("history")) letter.history = history_of(o.at("history"));
    return letter;
}

}  // namespace supe
