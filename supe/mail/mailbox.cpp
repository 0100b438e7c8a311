#include "supe/mail/mailbox.hpp"

#include <algorithm>

namespace supe {

bool mailbox::offer(envelope&& mail) {
    const std::size_t held = queued() + in_flight();
    if (held > 0 && (held >= limits_.count || bytes_ + mail.bytes() > limits_.bytes)) return false;
    bytes_ += mail.bytes();
    mail.sequence = ++last_sequence_;
    (mail.answer ? answers_ : waiting_).push_back(std::move(mail));
    return true;
}

void mailbox::ready(unsigned window) {
    ready_ = true;
    window_ = std::clamp(window, 1u, std::max(1u, limits_.window));
}

void mailbox::pause() { ready_ = false; }

const envelope* mailbox::take_next() {
    if (connected_ && !answers_.empty()) return hand_over(answers_);
    if (!ready_ || waiting_.empty() || counted_ >= window_) return nullptr;
    // A suspect and other mail are never in hand together: the next crash must tell which one it was.
    if (counted_ > 0 && (waiting_.front().suspect || suspect_in_hand_)) return nullptr;
    suspect_in_hand_ = waiting_.front().suspect;
    ++counted_;
    return hand_over(waiting_);
}

const envelope* mailbox::hand_over(std::deque<envelope>& from) {
    in_hand_.push_back(std::move(from.front()));
    from.pop_front();
    ++in_hand_.back().attempt;
    return &in_hand_.back();
}

std::optional<envelope> mailbox::take_out(std::deque<envelope>::iterator mail) {
    if (mail == in_hand_.end()) return std::nullopt;
    std::optional<envelope> taken(std::move(*mail));
    in_hand_.erase(mail);
    if (!taken->answer) --counted_;
    if (counted_ == 0) suspect_in_hand_ = false;
    bytes_ -= taken->bytes();
    return taken;
}

std::optional<envelope> mailbox::ack_oldest() { return take_out(in_hand_.begin()); }

std::optional<envelope> mailbox::ack(std::string_view id) {
    return take_out(std::ranges::find_if(in_hand_, [&](const envelope& m) { return m.id == id; }));
}

bool mailbox::reject(std::string_view id, bool requeue, std::optional<envelope>& dead) {
    auto mail = ack(id);
    if (!mail) return false;
    if (!requeue) {
        dead = std::move(mail);
        return false;
    }
    put_back(std::move(*mail));
    return true;
}

void mailbox::put_back(envelope&& mail) {
    bytes_ += mail.bytes();
    const auto place = std::ranges::find_if(waiting_, [&](const envelope& m) { return m.sequence > mail.sequence; });
    waiting_.insert(place, std::move(mail));
}

std::vector<dead_mail> mailbox::ended(bool charged) {
    ready_ = connected_ = false;
    for (const envelope& m : answers_) bytes_ -= m.bytes();
    answers_.clear();
    std::vector<dead_mail> dead;
    const bool alone = counted_ == 1;
    for (auto m = in_hand_.rbegin(); m != in_hand_.rend(); ++m) {
        bytes_ -= m->bytes();
        if (m->answer) continue;
        if (charged && alone) ++m->charges;
        if (charged && !alone) m->suspect = true;
        if (m->charges >= limits_.attempts) {
            dead.push_back({std::move(*m), "crashed its recipient " + std::to_string(limits_.attempts) + " times"});
        } else {
            put_back(std::move(*m));
        }
    }
    in_hand_.clear();
    counted_ = 0;
    suspect_in_hand_ = false;
    return dead;
}

std::vector<envelope> mailbox::drain() {
    std::vector<envelope> all;
    for (auto* from : {&in_hand_, &answers_, &waiting_}) {
        std::ranges::move(*from, std::back_inserter(all));
        from->clear();
    }
    bytes_ = counted_ = 0;
    return all;
}

}  // namespace supe
