#include "supe/channel/message.hpp"

#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <charconv>

namespace supe {
namespace {

/// The members that we know, as JSON text; empty when missing. Of equal keys the last one counts.
struct members {
    std::string_view type, signal, data, to, msg, id, receipt, from, attempt, cmd;
    bool answer = false;
    std::size_t unknown = 0;
    std::string extras;
};

std::string_view* field_of(members& m, std::string_view key) {
    switch (key.size()) {
        case 2: return key == "to" ? &m.to : key == "id" ? &m.id : nullptr;
        case 3: return key == "msg" ? &m.msg : key == "cmd" ? &m.cmd : nullptr;
        case 4:
            return key == "type"   ? &m.type
                   : key == "from" ? &m.from
                   : key == "data" ? &m.data
                                   : nullptr;
        case 6: return key == "signal" ? &m.signal : nullptr;
        case 7: return key == "receipt" ? &m.receipt : key == "attempt" ? &m.attempt : nullptr;
        default: return nullptr;
    }
}

/// True when `value` is the JSON text of `word`, however it is escaped.
bool equals(std::string_view value, std::string_view word) {
    if (!value.starts_with('"')) return false;
    if (value.find('\\') == std::string_view::npos)
        return value.substr(1, value.size() - 2) == word;
    return json_string_value(value) == word;
}

void append_member(std::string& extras, std::string_view key, std::string_view value) {
    extras += ",\"";
    extras += key;
    extras += "\":";
    extras += value;
}

bool is_string(std::string_view value) { return value.starts_with('"'); }

/// `problem` stays empty when the member is missing or has the right type.
void expect_string(std::string_view value, std::string_view name, std::string& problem) {
    if (!value.empty() && !is_string(value))
        problem = fmt::format("{} must be a string, not {:.40}", name, value);
}

message read_mail(members& m) {
    std::string problem;
    if (m.unknown > unknown_members_limit)
        problem = fmt::format("{} members that are not of a mail, and at most {} are passed on",
                              m.unknown, unknown_members_limit);
    expect_string(m.to, "to", problem);
    expect_string(m.id, "id", problem);
    if (!m.receipt.empty() && m.receipt != "true" && m.receipt != "false")
        problem = fmt::format("receipt must be true or false, not {:.40}", m.receipt);
    mail_frame mail;
    if (!problem.empty()) return bad_frame{"mail: " + problem};
    if (!m.to.empty()) mail.to = json_string_value(m.to);
    if (!m.id.empty()) mail.id = json_string_value(m.id);
    // Only supervisors set these two. The router ignores the values that a component sends.
    if (is_string(m.from)) mail.from = json_string_value(m.from);
    const auto [end, failed] =
        std::from_chars(m.attempt.data(), m.attempt.data() + m.attempt.size(), mail.attempt);
    if (failed != std::errc() || end != m.attempt.data() + m.attempt.size()) mail.attempt = 1;
    if (!m.msg.empty()) mail.msg = m.msg;
    mail.receipt = m.receipt == "true";
    mail.patient = !m.receipt.empty();
    mail.answer = m.answer;
    mail.extras = std::move(m.extras);
    // Members of the other kinds of frame have no meaning in a mail, so they are passed on too.
    if (!m.signal.empty()) append_member(mail.extras, "signal", m.signal);
    if (!m.data.empty()) append_member(mail.extras, "data", m.data);
    if (!m.cmd.empty()) append_member(mail.extras, "cmd", m.cmd);
    return mail;
}

message read_signal(const members& m) {
    if (m.signal.empty()) return bad_frame{"signal: the member signal is missing"};
    if (!is_string(m.signal))
        return bad_frame{fmt::format("signal must be a string, not {:.40}", m.signal)};
    std::string name = json_string_value(m.signal);
    const signal_kind kind = signal_of(name);
    return signal_frame{kind, std::move(name), m.data};
}

}  // namespace

message read_message(std::string_view frame) {
    members m;
    json_members object(frame);
    while (object.next()) {
        if (std::string_view* field = field_of(m, object.key())) {
            *field = object.value();
            continue;
        }
        if (object.key() == "re") m.answer = true;
        if (++m.unknown > unknown_members_limit) continue;
        append_member(m.extras, object.key_text(), object.value());
    }
    if (!object.well_formed()) {
        // An object was looked at to its end, or to its fault.
        if (first_of_json(frame) != '{' && is_json(frame)) return raw_frame{};
        return bad_frame{
            fmt::format("not JSON in UTF-8: {:.60}", json_quoted(frame.substr(0, 40)))};
    }
    // Node treats such a frame as its own, on both sides, whatever else it contains.
    if (is_string(m.cmd) && json_string_value(m.cmd).starts_with("NODE_"))
        return node_frame{equals(m.cmd, "NODE_HANDLE")};
    if (equals(m.type, "mail")) return read_mail(m);
    if (equals(m.type, "signal")) return read_signal(m);
    return raw_frame{};
}

void append_delivery(std::string& out, const delivery& d) {
    out.reserve(out.size() + d.msg.size() + d.extras.size() + 128);
    out += R"({"type":"mail","from":)";
    append_json_quoted(out, d.from);
    out += R"(,"msg":)";
    out += d.msg;
    out += R"(,"id":)";
    append_json_quoted(out, d.id);
    out += R"(,"attempt":)";
    out += std::to_string(d.attempt);
    if (d.receipt || d.patient) out += d.receipt ? R"(,"receipt":true)" : R"(,"receipt":false)";
    if (d.to) {
        out += R"(,"to":)";
        append_json_quoted(out, *d.to);
    }
    out += d.extras;
    out += "}\n";
}

void append_signal(std::string& out, std::string_view name, std::string_view data) {
    out += R"({"type":"signal","signal":)";
    append_json_quoted(out, name);
    if (!data.empty()) {
        out += R"(,"data":)";
        out += data;
    }
    out += "}\n";
}

/// Our own names need no escapes.
void append_signal(std::string& out, signal_kind kind, std::string_view data) {
    out += R"({"type":"signal","signal":")";
    out += name_of(kind);
    out += '"';
    if (!data.empty()) {
        out += R"(,"data":)";
        out += data;
    }
    out += "}\n";
}

}  // namespace supe
