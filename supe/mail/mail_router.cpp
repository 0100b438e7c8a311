#include "supe/mail/mail_router.hpp"

#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {
namespace {

/// `b/c` of `/a/b/c` under the supervisor `/a`; nothing where the address lies elsewhere.
std::optional<std::string_view> below(std::string_view address, std::string_view supervisor) {
    if (!address.starts_with(supervisor) || address.size() <= supervisor.size() ||
        address[supervisor.size()] != '/')
        return std::nullopt;
    return address.substr(supervisor.size() + 1);
}

std::string_view text_or(const std::optional<std::string>& text, std::string_view otherwise) {
    return text ? std::string_view(*text) : otherwise;
}

}  // namespace

mail_router::mail_router(std::string address, std::string ids, const clock& time,
                         mail_events& events)
    : address_(std::move(address)), ids_(std::move(ids)), time_(time), events_(events) {}

mail_router::~mail_router() = default;

void mail_router::add(mail_endpoint& stop) {
    stops_[stop.number] = &stop;
    auto& place = places_[stop.box_name];
    if (!place) place = std::make_unique<mail_destination>(mail_destination{stop.box_name, {}});
    place->takers.push_back(&stop);
    stop.place = place.get();
    stop.box.add_consumers(stop.consumer + 1);
}

void mail_router::remove(mail_endpoint& stop) {
    mail_destination& place = *stop.place;
    const bool last = place.takers.size() == 1;
    if (last) {
        mail_list withheld = stop.box.drain_withheld();
        for (; !withheld.empty(); withheld.pop_front()) refuse(withheld.front()->view(), "removed");
        std::ranges::replace(being_written_, &place, nullptr);
        while (const mail_ptr mail = stop.box.fail_uncommitted()) {
            left(*mail);
            refuse(mail->view(), "removed");
        }
    }
    for (const dead_mail& dead : last ? stop.box.drain() : stop.box.drain(stop.consumer))
        to_dead_letters(place, dead, "removed");
    forget_taken_over(stop, "removed");
    stops_.erase(stop.number);
    stop.place = nullptr;
    std::erase(place.takers, &stop);
    if (last) places_.erase(stop.box_name);
}

void mail_router::set_uplink(std::shared_ptr<channel> uplink) {
    if (!uplink) return;
    const mailbox_limits limits;
    up_ = std::make_unique<mail_endpoint>(mail_origin::uplink, std::string(), true, limits);
    up_place_ = std::make_unique<mail_destination>(mail_destination{{}, {up_.get()}});
    up_->place = up_place_.get();
    up_->wire = std::move(uplink);
    up_->box.connected(0);
    up_->box.ready(0, limits.window);
}

mail_endpoint* mail_router::find(std::string_view name) const {
    if (const auto found = places_.find(std::string(name)); found != places_.end())
        return found->second->takers.front();
    if (name.find('.') == std::string_view::npos) return nullptr;
    const auto instance =
        std::ranges::find_if(stops_, [&](const auto& entry) { return entry.second->name == name; });
    return instance == stops_.end() ? nullptr : instance->second;
}

mail_endpoint* mail_router::by_number(int number) const {
    const auto found = stops_.find(number);
    return found == stops_.end() ? nullptr : found->second;
}

// --- in ---

std::string_view mail_router::new_id(std::string& text) {
    text = ids_;
    text += std::to_string(++last_id_);
    return text;
}

void mail_router::on_mail(mail_endpoint& from, const mail_frame& frame) {
    envelope mail;
    mail.msg = frame.msg;
    mail.extras = frame.extras;
    mail.answer = frame.answer;
    mail.origin = {from.number, static_cast<std::uint32_t>(from.life), text_or(frame.id, {}),
                   frame.receipt, frame.id.has_value()};
    std::string id;
    if (from.nested && frame.id) {
        // What a nested supervisor passes on keeps its id over all hops, and its sender's absolute
        // address.
        mail.id = *frame.id;
        mail.from = text_or(frame.from, from.name);
        mail.origin.patient = frame.patient;
        mail.attempt = frame.attempt - 1;
        if (mail.attempt > 0 && from.hop->received.contains(mail.id))
            return answer(mail.origin, "MAIL-ACCEPTED");
    } else {
        mail.id = new_id(id);
        mail.from = from.name;
    }
    route(mail, text_or(frame.to, "supe"));
}

void mail_router::on_mail_from_above(const mail_frame& frame) {
    envelope mail;
    mail.msg = frame.msg;
    mail.extras = frame.extras;
    mail.answer = frame.answer;
    mail.id = text_or(frame.id, {});
    mail.from = text_or(frame.from, "supe");
    mail.origin = {mail_origin::uplink, 0, mail.id, frame.receipt, frame.patient};
    mail.attempt = frame.attempt - 1;
    if (mail.attempt > 0 && from_above_.contains(mail.id))
        return answer(mail.origin, "MAIL-ACCEPTED");
    route(mail, text_or(frame.to, "supe"));
}

std::string mail_router::post(std::string to, std::string msg, mail_origin origin) {
    envelope mail;
    std::string id;
    mail.msg = msg;
    mail.id = new_id(id);
    mail.from = "supe";
    mail.origin = origin;
    mail.origin.patient = !origin.id.empty();
    // By hand, names count from the root (contract §6); the supervisor itself is the root here.
    route(mail, to);
    return id;
}

std::string mail_router::post_again(const std::string& recipient, envelope mail) {
    const auto found = places_.find(recipient);
    if (found == places_.end()) return "unknown-address";
    mail_destination& place = *found->second;
    mail.sequence = ++last_sequence_;
    mail.charges = 0;
    mail.suspect = false;
    mail.origin = {};
    if (place.box().offer(mail, mailbox::anyone, writes_first(place)) != mailbox::offered::taken)
        return "mailbox-full";
    taken(place, mail, mailbox::anyone);
    return {};
}

// --- routing ---

void mail_router::route(envelope& mail, std::string_view to) {
    if (to == "supe" || (to == "/" && !up_) || (to == address_ && !to.empty())) {
        events_.on_supervisor_mail(mail);
        answer(mail.origin, "MAIL-ACCEPTED");
        if (mail.origin.receipt) answer(mail.origin, "MAIL-ACKED");
        return;
    }
    const bool absolute = to.starts_with('/');
    const auto path = absolute ? below(to, address_) : std::optional<std::string_view>(to);
    if (!path) {
        if (!up_) return refuse(mail, "unknown-address");
        return send_up(mail, to);
    }
    const std::size_t slash = path->find('/');
    const std::string_view name = path->substr(0, slash);
    mail_endpoint* stop = find(name);
    const bool further = slash != std::string_view::npos;
    if (!stop || (further && !stop->nested)) return refuse(mail, "unknown-address");
    std::string whole, from;
    if (stop->nested) {
        if (further) {
            if (!absolute) whole = fmt::format("{}/{}", address_, to);
            mail.to = absolute ? to : std::string_view(whole);
        }
        absolute_from(mail, from);
    }
    put(*stop->place, mail, stop->box_name == name ? mailbox::anyone : stop->consumer);
}

/// Beyond this supervisor a plain name means nothing. `supe` does: whoever is above (contract §2
/// `from`).
void mail_router::absolute_from(envelope& mail, std::string& text) const {
    if (mail.from.starts_with('/') || mail.from == "supe") return;
    text = fmt::format("{}/{}", address_, mail.from);
    mail.from = text;
}

void mail_router::send_up(envelope& mail, std::string_view to) {
    std::string from;
    if (mail.from == "supe") mail.from = address_;
    absolute_from(mail, from);
    mail.to = to;
    put(*up_place_, mail, mailbox::anyone);
}

void mail_router::put(mail_destination& place, envelope& mail, mailbox::consumer meant_for) {
    mail.sequence = ++last_sequence_;
    switch (place.box().offer(mail, meant_for, writes_first(place))) {
        case mailbox::offered::full: return refuse(mail, "mailbox-full");
        case mailbox::offered::withheld: return report_withheld(mail.origin);
        case mailbox::offered::taken: return taken(place, mail, meant_for);
    }
}

/// There is room for it. Where there is a journal, on_journal() goes on.
void mail_router::taken(mail_destination& place, const envelope& mail,
                        mailbox::consumer meant_for) {
    if (!writes_first(place)) return accepted(place, mail);
    journal_->put({place.name, mail, meant_for});
    being_written_.push_back(&place);
}

/// It is in the mailbox.
void mail_router::accepted(mail_destination& place, const envelope& mail) {
    if (!place.nested())
        answer(mail.origin,
               "MAIL-ACCEPTED");  // one hop further it is for the next supervisor to accept
    pump(place);
    const auto down = std::ranges::find(place.takers, nullptr, &mail_endpoint::wire);
    if (place.nested() && down != place.takers.end()) report_withheld(mail.origin);
    if (down != place.takers.end() && place.box().has_waiting()) events_.on_mail_waiting(**down);
}

void mail_router::let_in_withheld(mail_destination& place) {
    while (const held_mail* mail = place.box().admit(writes_first(place)))
        taken(place, mail->view(), mail->meant_for ? mail->meant_for - 1u : mailbox::anyone);
}

// --- from the recipient ---

void mail_router::on_ready(mail_endpoint& stop, unsigned window) {
    stop.box.ready(stop.consumer, window);
    pump(stop);
}

void mail_router::on_connected(mail_endpoint& stop) {
    stop.box.connected(stop.consumer);
    pump(stop);
}

void mail_router::on_ack_oldest(mail_endpoint& stop) {
    if (const mail_ptr mail = stop.box.ack_oldest(stop.consumer)) acked(stop, *mail);
}

void mail_router::on_ack(mail_endpoint& stop, std::string_view id) {
    if (const mail_ptr mail = stop.box.ack(stop.consumer, id)) acked(stop, *mail);
}

void mail_router::acked(mail_endpoint& stop, const held_mail& mail) {
    left(mail);
    if (stop.nested) {
        accepted_by_next(stop, mail);
    } else if (mail.receipt) {
        answer(mail.view().origin, "MAIL-ACKED");
    }
    let_in_withheld(*stop.place);
}

void mail_router::on_reject(mail_endpoint& stop, std::string_view id, bool requeue,
                            const std::string& reason) {
    const std::string text = reason.empty() ? "rejected" : "rejected: " + reason;
    const auto result = stop.box.reject(stop.consumer, id, requeue, {time_.wall(), text});
    if (result.dead.mail) to_dead_letters(*stop.place, result.dead, "dead-lettered");
    if (result.back) went_back(*stop.place, *result.back);
    let_in_withheld(*stop.place);
    pump(stop);
}

bool mail_router::on_ended(mail_endpoint& stop, bool charged, const std::string& how) {
    // A supervisor's death says nothing about the mail that it was to pass on (contract §3,
    // poison).
    const auto after = stop.box.ended(stop.consumer, charged && !stop.nested, {time_.wall(), how});
    for (const held_mail* back : after.back) went_back(*stop.place, *back);
    if (stop.nested)
        stop.box.for_each([this](const held_mail& waits) { report_withheld(waits.view().origin); });
    for (const dead_mail& dead : after.dead) to_dead_letters(*stop.place, dead, "dead-lettered");
    if (!stop.keeps_mail) forget_taken_over(stop, "supervisor-died");
    let_in_withheld(*stop.place);
    pump(stop);  // the other instances go on with what came back
    if (stop.box.has_waiting()) events_.on_mail_waiting(stop);
    return !after.dead.empty();
}

}  // namespace supe
