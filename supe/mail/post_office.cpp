#include "supe/mail/post_office.hpp"

#include "supe/channel/json_text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace supe {
namespace {

constexpr std::size_t delivery_backlog = 256u << 10;  // bytes unread by the component before we hand over no more

/// `b/c` of `/a/b/c` under the supervisor `/a`; nothing where the address lies elsewhere.
std::optional<std::string_view> below(std::string_view address, std::string_view supervisor) {
    if (!address.starts_with(supervisor) || address.size() <= supervisor.size() || address[supervisor.size()] != '/')
        return std::nullopt;
    return address.substr(supervisor.size() + 1);
}

}  // namespace

post_office::post_office(std::string address, std::string ids, mail_events& events)
    : address_(std::move(address)), ids_(std::move(ids)), events_(events) {}

mail_stop* post_office::find(std::string_view name) const {
    const auto found = std::find_if(stops_.begin(), stops_.end(), [&](const mail_stop* s) { return s->name == name; });
    return found == stops_.end() ? nullptr : *found;
}

void post_office::remove(mail_stop& stop) {
    for (const envelope& mail : stop.box.drain()) bury(mail, stop.name, "removed", "removed");
    std::erase(stops_, &stop);
}

// --- routing ------------------------------------------------------------------------------------------------------

void post_office::on_mail(mail_stop& from, const mail_frame& frame) {
    envelope mail;
    mail.msg = frame.msg;
    mail.extras = frame.extras;
    mail.answer = frame.answer;
    mail.origin = {from.number, from.life, frame.id.value_or(""), frame.receipt};
    // What a nested supervisor passes on keeps its id over all hops, and its sender's absolute address.
    mail.id = from.nested && frame.id ? *frame.id : fmt::format("{}{}", ids_, ++last_id_);
    mail.from = from.nested && frame.from ? *frame.from : from.name;
    route(std::move(mail), frame.to ? std::string_view(*frame.to) : std::string_view("supe"));
}

void post_office::on_mail_from_above(const mail_frame& frame) {
    envelope mail;
    mail.msg = frame.msg;
    mail.extras = frame.extras;
    mail.answer = frame.answer;
    mail.id = frame.id.value_or("");
    mail.from = frame.from.value_or("supe");
    mail.origin = {mail_origin::uplink, 0, mail.id, frame.receipt};
    route(std::move(mail), frame.to ? std::string_view(*frame.to) : std::string_view("supe"));
}

void post_office::post(std::string to, std::string msg, mail_origin origin) {
    envelope mail;
    mail.msg = std::move(msg);
    mail.id = fmt::format("{}{}", ids_, ++last_id_);
    mail.from = "supe";
    mail.origin = std::move(origin);
    // By hand, names count from the root (contract §6); the supervisor itself is the root here.
    route(std::move(mail), to);
}

void post_office::route(envelope&& mail, std::string_view to) {
    if (to == "supe" || (to == "/" && !uplink_) || (to == address_ && !to.empty())) {
        events_.on_supervisor_mail(mail);
        tell(mail.origin, "MAIL-ACCEPTED");
        if (mail.origin.receipt) tell(mail.origin, "MAIL-ACKED");
        return;
    }
    const bool absolute = to.starts_with('/');
    const auto path = absolute ? below(to, address_) : std::optional<std::string_view>(to);
    if (!path) {
        if (!uplink_) return refuse(mail, "unknown-address");
        return send_up(std::move(mail), to);
    }
    const std::size_t slash = path->find('/');
    mail_stop* stop = find(path->substr(0, slash));
    const bool further = slash != std::string_view::npos;
    if (!stop || (further && !stop->nested)) return refuse(mail, "unknown-address");
    if (stop->nested && further) {
        mail.to = absolute ? std::string(to) : fmt::format("{}/{}", address_, to);
        if (!mail.from.starts_with('/') && mail.from != "supe") mail.from = fmt::format("{}/{}", address_, mail.from);
    }
    put(*stop, std::move(mail));
}

void post_office::put(mail_stop& stop, envelope&& mail) {
    const mail_origin origin = mail.origin;
    if (!stop.box.offer(std::move(mail))) return refuse(mail, "mailbox-full");
    if (!stop.nested) tell(origin, "MAIL-ACCEPTED");  // one hop further it is for the nested supervisor to accept
    if (stop.wire) {
        pump(stop);
    } else {
        events_.on_mail_waiting(stop);
    }
}

void post_office::send_up(envelope&& mail, std::string_view to) {
    if (!mail.from.starts_with('/')) mail.from = fmt::format("{}/{}", address_, mail.from);
    ascending_[mail.id] = mail.origin;
    append_delivery(uplink_->out(), {.from = mail.from, .msg = mail.msg, .id = mail.id, .extras = mail.extras, .to = to,
                                     .attempt = 1, .receipt = mail.origin.receipt});
    touch(uplink_);
}

// --- from the recipient -------------------------------------------------------------------------------------------

void post_office::on_ready(mail_stop& stop, unsigned window) {
    stop.box.ready(window);
    pump(stop);
}

void post_office::on_connected(mail_stop& stop) {
    stop.box.connected();
    pump(stop);
}

void post_office::on_ack_oldest(mail_stop& stop) {
    if (auto mail = stop.box.ack_oldest()) acked(stop, std::move(*mail));
}

void post_office::on_ack(mail_stop& stop, std::string_view id) {
    if (auto mail = stop.box.ack(id)) acked(stop, std::move(*mail));
}

void post_office::acked(mail_stop& stop, envelope&& mail) {
    if (!stop.nested) {
        if (mail.origin.receipt) tell(mail.origin, "MAIL-ACKED");
        return;
    }
    tell(mail.origin, "MAIL-ACCEPTED");
    if (mail.origin.receipt) stop.taken_over[mail.id] = mail.origin;
}

void post_office::on_reject(mail_stop& stop, std::string_view id, bool requeue, const std::string& reason) {
    std::optional<envelope> dead;
    stop.box.reject(id, requeue, dead);
    if (dead) bury(*dead, stop.name, reason.empty() ? "rejected" : reason, "dead-lettered");
    pump(stop);
}

void post_office::on_ended(mail_stop& stop, bool charged) {
    for (const dead_mail& dead : stop.box.ended(charged)) bury(dead.mail, stop.name, dead.reason, "dead-lettered");
    for (const auto& [id, origin] : std::exchange(stop.taken_over, {})) tell(origin, "MAIL-UNDELIVERABLE", "supervisor-died");
    if (stop.box.has_waiting()) events_.on_mail_waiting(stop);
}

void post_office::on_settled_below(mail_stop& nested, std::string_view signal, const std::string& id,
                                   std::string_view reason) {
    if (signal == "MAIL-UNDELIVERABLE") {  // refused at once, or given up after it was taken over
        if (auto mail = nested.box.ack(id)) return refuse(*mail, reason);
    }
    const auto found = nested.taken_over.find(id);
    if (found == nested.taken_over.end()) return;
    const mail_origin origin = std::move(found->second);
    nested.taken_over.erase(found);
    tell(origin, signal, reason);
}

void post_office::on_settled_above(std::string_view signal, const std::string& id, std::string_view reason) {
    const auto found = ascending_.find(id);
    if (found == ascending_.end()) return;
    const mail_origin origin = found->second;
    if (signal != "MAIL-ACCEPTED" || !origin.receipt) ascending_.erase(found);
    tell(origin, signal, reason);
}

// --- to the sender ------------------------------------------------------------------------------------------------

void post_office::refuse(const envelope& mail, std::string_view reason) {
    if (mail.origin.id.empty()) events_.on_undeliverable(mail, std::string(reason));
    tell(mail.origin, "MAIL-UNDELIVERABLE", reason);
}

void post_office::bury(const envelope& mail, const std::string& recipient, const std::string& reason,
                       std::string_view answer) {
    events_.on_dead_letter(mail, recipient, reason);
    if (mail.origin.receipt) tell(mail.origin, "MAIL-UNDELIVERABLE", answer);
}

void post_office::tell(const mail_origin& origin, std::string_view signal, std::string_view reason) {
    if (origin.id.empty() || origin.hop == mail_origin::none) return;
    if (origin.hop == mail_origin::control) return events_.on_control_answer(origin, signal, reason);
    std::shared_ptr<channel> wire = uplink_;
    if (origin.hop != mail_origin::uplink) {
        const auto sender = std::find_if(stops_.begin(), stops_.end(), [&](auto* s) { return s->number == origin.hop; });
        if (sender == stops_.end() || (*sender)->life != origin.life || !(*sender)->wire) return;
        wire = (*sender)->wire;
    } else if (signal == "MAIL-ACCEPTED") {  // our own supervisor hears an acceptance as the ack of a delivery
        append_signal(wire->out(), "ACK-CURRENT-MAIL", fmt::format(R"({{"ids":[{}]}})", json_quoted(origin.id)));
        return touch(wire);
    }
    if (!wire) return;
    const std::string id = json_quoted(origin.id);
    append_signal(wire->out(), signal,
                  reason.empty() ? fmt::format(R"({{"id":{}}})", id)
                                 : fmt::format(R"({{"id":{},"reason":{}}})", id, json_quoted(reason)));
    touch(wire);
}

// --- writing ------------------------------------------------------------------------------------------------------

void post_office::pump(mail_stop& stop) {
    if (!stop.wire) return;
    bool wrote = false;
    while (stop.wire->backlog() < delivery_backlog) {
        const envelope* mail = stop.box.take_next();
        if (!mail) break;
        append_delivery(stop.wire->out(),
                        {.from = mail->from, .msg = mail->msg, .id = mail->id, .extras = mail->extras,
                         .to = mail->to.empty() ? std::nullopt : std::optional<std::string_view>(mail->to),
                         .attempt = mail->attempt, .receipt = stop.nested && mail->origin.receipt});
        wrote = true;
    }
    if (wrote) touch(stop.wire);
}

void post_office::touch(const std::shared_ptr<channel>& wire) {
    if (touched_.empty() || touched_.back().lock() != wire) touched_.push_back(wire);
}

void post_office::flush() {
    for (const auto& entry : std::exchange(touched_, {})) {
        if (const auto wire = entry.lock()) wire->flush();
    }
}

}  // namespace supe
