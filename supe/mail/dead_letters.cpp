#include "supe/mail/dead_letters.hpp"

#include <algorithm>

namespace supe {

std::size_t dead_letter::bytes() const {
    std::size_t n = id.size() + recipient.size() + to.size() + from.size() + msg.size() +
                    extras.size() + reason.size();
    for (const mail_event& e : history) n += e.bytes();
    return n;
}

envelope dead_letter::as_mail() const {
    envelope mail;
    mail.id = id;
    mail.from = from;
    mail.to = to;
    mail.attempt = attempts;
    mail.msg = msg;
    mail.extras = extras;
    mail.answer = answer;
    return mail;
}

void dead_letters::add(const envelope& mail, const std::string& recipient,
                       const std::string& reason, const mail_history& history,
                       std::chrono::system_clock::time_point now) {
    letters_.push_back({std::string(mail.id), recipient, std::string(mail.to),
                        std::string(mail.from), std::string(mail.msg), std::string(mail.extras),
                        mail.answer, mail.attempt, reason, now, history});
    bytes_ += letters_.back().bytes();
    if (store_) store_->keep(letters_.back());
    bound();
}

void dead_letters::restore(dead_letter letter) {
    bytes_ += letter.bytes();
    letters_.push_back(std::move(letter));
    bound();
}

void dead_letters::bound() {
    while (letters_.size() > count_limit || (bytes_ > byte_limit && letters_.size() > 1))
        take_out(letters_.begin());
}

void dead_letters::take_out(std::deque<dead_letter>::iterator letter) {
    bytes_ -= letter->bytes();
    if (store_) store_->discard(letter->id);
    letters_.erase(letter);
}

const dead_letter* dead_letters::find(std::string_view id) const {
    const auto found =
        std::ranges::find_if(letters_, [&](const dead_letter& l) { return l.id == id; });
    return found == letters_.end() ? nullptr : &*found;
}

bool dead_letters::drop(std::string_view id) {
    const auto found =
        std::ranges::find_if(letters_, [&](const dead_letter& l) { return l.id == id; });
    if (found == letters_.end()) return false;
    take_out(found);
    return true;
}

std::size_t dead_letters::drop_all() {
    const std::size_t n = letters_.size();
    while (!letters_.empty()) take_out(letters_.begin());
    return n;
}

}  // namespace supe
