// The way of a mail up to its mailbox:
//
//     from_child, from_above, post ─ route ─┬─ to_supervisor   `supe`, our own address
//                                           ├─ to_child        a sibling, or below a sibling, through it
//                                           └─ to_above        any other absolute address
#include "supe/mail/mail_router.hpp"

#include <fmt/format.h>

namespace supe {
namespace {

/// `b/c` for the address `/a/b/c` and the supervisor `/a`; nothing for an address that is not below
/// the supervisor.
std::optional<std::string_view> below(std::string_view address, std::string_view supervisor) {
    if (!address.starts_with(supervisor) || address.size() <= supervisor.size() ||
        address[supervisor.size()] != '/')
        return std::nullopt;
    return address.substr(supervisor.size() + 1);
}

std::string_view text_or(const std::optional<std::string>& text, std::string_view otherwise) {
    return text ? std::string_view(*text) : otherwise;
}

envelope envelope_of(const mail_frame& frame) {
    envelope mail;
    mail.msg = frame.msg;
    mail.extras = frame.extras;
    mail.answer = frame.answer;
    return mail;
}

}  // namespace

std::string_view mail_router::new_id(std::string& text) {
    text = ids_;
    text += std::to_string(++last_id_);
    return text;
}

// --- from a sender ---

void mail_router::from_child(mail_endpoint& sender, const mail_frame& frame) {
    envelope mail = envelope_of(frame);
    const std::string_view own_id = text_or(frame.id, {});
    mail.origin = {.source = mail_source::child,
                   .child = sender.number,
                   .life = sender.life,
                   .id = own_id,
                   .receipt = frame.receipt && !own_id.empty(),  // else nobody could be told
                   .patient = frame.id.has_value()};
    std::string id;
    if (sender.is_supervisor() && frame.id) {
        // Mail that a supervisor passes on keeps its id and its sender's address over all hops.
        mail.id = *frame.id;
        mail.from = text_or(frame.from, sender.name);
        mail.origin.patient = frame.patient;
        mail.attempt = frame.attempt - 1;
        if (is_repeat(mail, *sender.hop)) return;
    } else {
        mail.id = new_id(id);
        mail.from = sender.name;
        if (own_id.size() > id_limit) return answers_.refuse(mail, "id-too-long");
    }
    route(mail, text_or(frame.to, "supe"));
}

void mail_router::from_above(const mail_frame& frame) {
    envelope mail = envelope_of(frame);
    mail.id = text_or(frame.id, {});
    mail.from = text_or(frame.from, "supe");
    mail.origin = {.source = mail_source::uplink,
                   .id = mail.id,
                   .receipt = frame.receipt,
                   .patient = frame.patient};
    mail.attempt = frame.attempt - 1;
    if (is_repeat(mail, *directory_.uplink()->hop)) return;
    route(mail, text_or(frame.to, "supe"));
}

/// A mail that was accepted before is accepted once more, and dropped.
bool mail_router::is_repeat(const envelope& mail, const next_hop& from) {
    const bool repeat = from.is_repeat(mail);
    if (repeat) answers_.accepted(mail.origin);
    return repeat;
}

std::string mail_router::post(std::string to, std::string msg, mail_origin origin) {
    envelope mail;
    std::string id;
    mail.msg = msg;
    mail.id = new_id(id);
    mail.from = "supe";
    mail.origin = origin;
    mail.origin.patient = !origin.id.empty();
    route(mail, to);
    return id;
}

// --- to a mailbox ---

bool mail_router::means_us(std::string_view to) const {
    return to == "supe" || (to == "/" && !directory_.uplink()) || (to == address_ && !to.empty());
}

void mail_router::route(envelope& mail, std::string_view to) {
    if (means_us(to)) return to_supervisor(mail);
    const auto path =
        to.starts_with('/') ? below(to, address_) : std::optional<std::string_view>(to);
    if (path) return to_child(mail, to, *path);
    if (directory_.uplink()) return to_above(mail, to);
    answers_.refuse(mail, "unknown-address");
}

void mail_router::to_supervisor(const envelope& mail) {
    events_.on_supervisor_mail(mail);
    answers_.accepted(mail.origin);
    if (mail.origin.receipt) answers_.acked(mail.origin);
}

void mail_router::to_child(envelope& mail, std::string_view to, std::string_view path) {
    const std::size_t slash = path.find('/');
    const bool further = slash != std::string_view::npos;
    const std::string_view name = path.substr(0, slash);
    mail_endpoint* const recipient = directory_.find(name);
    if (!recipient || (further && !recipient->is_supervisor()))
        return answers_.refuse(mail, "unknown-address");
    std::string whole, from;
    if (further) {
        if (!to.starts_with('/')) whole = fmt::format("{}/{}", address_, to);
        mail.to = whole.empty() ? to : std::string_view(whole);
    }
    if (recipient->is_supervisor()) make_absolute(mail, from);
    const bool anyone = recipient->box_name == name;
    delivery_.put(*recipient->destination, mail, anyone ? mailbox::anyone : recipient->consumer);
}

void mail_router::to_above(envelope& mail, std::string_view to) {
    std::string from;
    if (mail.from == "supe") mail.from = address_;
    make_absolute(mail, from);
    mail.to = to;
    delivery_.put(*directory_.uplink()->destination, mail, mailbox::anyone);
}

/// Another supervisor does not know our plain names. `supe` keeps its meaning: the recipient's own
/// supervisor (contract §2 `from`).
void mail_router::make_absolute(envelope& mail, std::string& text) const {
    if (mail.from.starts_with('/') || mail.from == "supe") return;
    text = fmt::format("{}/{}", address_, mail.from);
    mail.from = text;
}

}  // namespace supe
