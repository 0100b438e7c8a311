// One recipient's mail: kept in order until acknowledged, redelivered after an end (contract §3). Pure: no I/O, no time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// Who wants to hear what became of a mail: the hop it came from, and the name the mail has there.
struct mail_origin {
    int hop = none;              ///< a child's number under this supervisor, or one of the constants
    std::uint64_t life = 0;      ///< which life of that child: an answer never reaches its successor
    std::string id;              ///< the sender's own id; empty: no answer wanted
    bool receipt = false;        ///< the recipient's ack too

    static constexpr int none = -1;      ///< nobody (the supervisor itself)
    static constexpr int uplink = -2;    ///< it came from our own supervisor
    static constexpr int control = -3;   ///< it came by the control socket
};

struct envelope {
    std::string id;              ///< unique in the tree
    std::string from;
    std::string to;              ///< set only where it travels on (to a nested supervisor)
    std::string msg;             ///< JSON text
    std::string extras;          ///< `,"key":value…`, passed on
    mail_origin origin;
    unsigned attempt = 0;        ///< deliveries so far
    unsigned charges = 0;        ///< crashes with this mail alone in hand
    bool suspect = false;        ///< was in hand with others at a crash: delivered alone from now on
    std::uint64_t sequence = 0;  ///< its place in the mailbox, given there
    bool answer = false;         ///< carries `re`: somebody waits for it in the middle of other mail

    std::size_t bytes() const { return id.size() + from.size() + to.size() + msg.size() + extras.size(); }
};

struct mailbox_limits {
    std::size_t count = 100000;
    std::size_t bytes = 256u << 20;
    unsigned window = 1024;      ///< the most that a component may have unacknowledged
    unsigned attempts = 3;       ///< charges after which a mail is dead
};

/// What an end of the component did to the mail in hand.
struct dead_mail {
    envelope mail;
    std::string reason;          ///< `dead-lettered` …
};

class mailbox {
public:
    explicit mailbox(mailbox_limits limits) : limits_(limits) {}

    /// Takes a mail in; false (and the mail is left as it was) when it is full by count or bytes. An empty mailbox takes
    /// any single mail.
    bool offer(envelope&& mail);

    /// A process of the component has its channel open. Until ended(), answers can be delivered.
    void connected() { connected_ = true; }
    /// The component takes mail, up to `window` unacknowledged (0 counts as 1, never more than the limit).
    void ready(unsigned window);
    /// It takes none for now; what is in hand stays in hand.
    void pause();
    bool is_ready() const { return ready_; }

    /// The next mail to hand over, its attempt raised and now in hand; null when nothing may be delivered now.
    /// Answers come first, and heed neither window nor pause: whoever waits for one can take no other mail before it.
    /// They don't count in the window. A suspect is delivered only with nothing but answers in hand, and no fresh mail
    /// beside it. Valid until the next call of this object.
    const envelope* take_next();

    /// Acknowledges the oldest in hand.
    std::optional<envelope> ack_oldest();
    /// Acknowledges one in hand, by id. In any order.
    std::optional<envelope> ack(std::string_view id);
    /// The component refuses one in hand. With `requeue` it goes back to its place (true is returned, `dead` untouched);
    /// without, it comes out in `dead`. Nothing in hand by that id: returns false and `dead` stays empty.
    bool reject(std::string_view id, bool requeue, std::optional<envelope>& dead);

    /// The component's process ended. All in hand goes back to its place, before fresh mail, in order; delivery pauses.
    /// `charged` says that it was a crash of its own: a mail alone in hand is charged, several become suspects.
    /// Answers, delivered or waiting, are dropped: who waited for them is gone. Returns those whose charges are used up.
    std::vector<dead_mail> ended(bool charged);

    /// Takes everything out, in order (a child that was removed).
    std::vector<envelope> drain();

    std::size_t queued() const { return waiting_.size() + answers_.size(); }
    std::size_t in_flight() const { return in_hand_.size(); }
    std::size_t bytes() const { return bytes_; }
    bool empty() const { return waiting_.empty() && in_hand_.empty() && answers_.empty(); }
    /// True when something could be delivered as soon as the component were ready.
    bool has_waiting() const { return !waiting_.empty(); }
    /// In order: what is in hand, then what waits (to be saved, or shown).
    template <class F>
    void for_each(F f) const {
        for (const auto& m : in_hand_) f(m);
        for (const auto& m : waiting_) f(m);
    }

private:
    const envelope* hand_over(std::deque<envelope>& from);
    std::optional<envelope> take_out(std::deque<envelope>::iterator mail);
    void put_back(envelope&& mail);

    mailbox_limits limits_;
    std::deque<envelope> waiting_;   // in order of sequence
    std::deque<envelope> answers_;   // waiting; they pass by the window
    std::deque<envelope> in_hand_;   // in order of delivery
    std::size_t counted_ = 0;        // in hand without the answers
    std::size_t bytes_ = 0;
    std::uint64_t last_sequence_ = 0;
    unsigned window_ = 1;
    bool ready_ = false;
    bool connected_ = false;
    bool suspect_in_hand_ = false;
};

}  // namespace supe
