#include "supe/mail/dead_letters.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <iterator>

namespace supe {

std::size_t dead_letter::bytes() const {
    std::size_t n = id.size() + recipient.size() + to.size() + from.size() + msg.size() +
                    extras.size() + reason.size();
    for (const mail_event& e : history) n += e.bytes();
    return n;
}

std::string dead_letter::name() const { return copy == 1 ? id : fmt::format("{}~{}", id, copy); }

envelope dead_letter::view() const {
    envelope mail = stored_mail::view();
    mail.to = to;
    return mail;
}

void dead_letters::add(const envelope& mail, const std::string& recipient,
                       const std::string& reason, const mail_history& history,
                       std::chrono::system_clock::time_point now) {
    const auto letter = std::make_shared<dead_letter>();
    static_cast<stored_mail&>(*letter) = stored_mail(mail);
    letter->recipient = recipient;
    letter->to = mail.to;
    letter->reason = reason;
    letter->at = now;
    letter->history = history;
    number(*letter);
    bytes_ += letter->bytes();
    letters_.push_back(letter);
    keep(letter);
    bound();
}

/// Gives it a name that no other letter has.
void dead_letters::number(dead_letter& letter) const {
    for (const dead_letter& l : all())
        if (l.id == letter.id) letter.copy = std::max(letter.copy, l.copy + 1);
    while (find(letter.name())) ++letter.copy;  // the id of another mail may look like that name
}

void dead_letters::keep(const letter_ptr& letter) {
    if (!store_ || is_unread_ || letter->is_stored) return;
    letter->is_stored = true;
    store_->keep(letter);
}

void dead_letters::restore(dead_letter read) {
    const auto letter = std::make_shared<dead_letter>(std::move(read));
    letter->is_stored = true;
    const std::string name = letter->name();
    const dead_letter* const same = find(name);
    if (same && !same->is_stored) {  // the other one, of this life, may be on its way by that name
        number(*letter);
        if (store_) {
            store_->keep(letter);
            store_->discard(name);
        }
    }
    bytes_ += letter->bytes();
    auto behind = letters_.end();
    while (behind != letters_.begin() && (*std::prev(behind))->at > letter->at) --behind;
    letters_.insert(behind, letter);
    bound();
}

void dead_letters::on_earlier_letters() {
    is_unread_ = false;
    for (const letter_ptr& letter : letters_) keep(letter);
}

void dead_letters::bound() {
    while (letters_.size() > count_limit || (bytes_ > byte_limit && letters_.size() > 1))
        take_out(letters_.begin());
}

void dead_letters::take_out(place at) {
    const dead_letter& letter = **at;
    bytes_ -= letter.bytes();
    if (store_ && letter.is_stored) store_->discard(letter.name());
    letters_.erase(at);
}

dead_letters::place dead_letters::place_of(std::string_view name) const {
    return std::ranges::find_if(letters_, [name](const letter_ptr& l) {
        return name.starts_with(l->id) && l->name() == name;  // few names are built
    });
}

std::shared_ptr<const dead_letter> dead_letters::share(std::string_view name) const {
    const place found = place_of(name);
    return found == letters_.end() ? nullptr : *found;
}

bool dead_letters::drop(std::string_view name) {
    const place found = place_of(name);
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
