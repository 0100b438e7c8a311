// Routes the mail of one supervisor: between its children, up to its own supervisor and down
// through nested ones.
#pragma once

#include "supe/channel/channel.hpp"
#include "supe/channel/message.hpp"
#include "supe/mail/journal.hpp"
#include "supe/mail/recent_ids.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace supe {

struct mail_destination;

/// Whose mail was taken over by the next hop, while its sender waits for the recipient's ack.
struct kept_origin {
    mail_origin origin;
    std::string id;
    mail_origin view() const {
        return {origin.hop, origin.life, id, origin.receipt, origin.patient};
    }
};

/// What is kept about the next hop.
struct hop_memory {
    std::unordered_map<std::string, kept_origin> taken_over;  ///< by mail id
    recent_ids received;  ///< what came from it and was accepted
};

/// A child, as the post office sees it. Its owner keeps `wire` and `life` up to date.
struct mail_endpoint {
    mail_endpoint(int n, std::string child_name, bool is_nested, mailbox_limits limits)
        : number(n), name(std::move(child_name)), box_name(name), nested(is_nested),
          shared(std::make_shared<mailbox>(limits)), box(*shared),
          hop(is_nested ? std::make_unique<hop_memory>() : nullptr) {}
    /// One of several instances: `NAME.i`, which takes from the mailbox NAME as its consumer number
    /// `c` (from 0).
    mail_endpoint(int n, std::string instance_name, std::string mailbox_name,
                  std::shared_ptr<mailbox> mailbox_of_all, mailbox::consumer c)
        : number(n), name(std::move(instance_name)), box_name(std::move(mailbox_name)),
          nested(false), shared(std::move(mailbox_of_all)), box(*shared), consumer(c) {}

    int number;
    std::string name;
    std::string box_name;     ///< the name that mail is addressed to
    bool nested;              ///< a supervisor: mail for the addresses below goes through it
    bool keeps_mail = false;  ///< nested only: it has a journal, and loses nothing when it dies
    std::shared_ptr<mailbox> shared;
    mailbox& box;
    mailbox::consumer consumer = 0;
    std::shared_ptr<channel> wire;  ///< null while it is down
    std::uint64_t life = 0;

    // The post office's own.
    mail_destination* place = nullptr;
    std::unique_ptr<hop_memory> hop;  ///< nested only
};

/// A mailbox and those who take from it.
struct mail_destination {
    std::string name;
    std::vector<mail_endpoint*> takers;
    std::size_t turn = 0;  // who takes first the next time
    mailbox& box() const { return takers.front()->box; }
    bool nested() const { return takers.front()->nested; }
};

/// What a post office tells its supervisor.
class mail_events {
public:
    virtual ~mail_events() = default;
    /// Mail to the supervisor itself.
    virtual void on_supervisor_mail(const envelope& mail) = 0;
    virtual void on_dead_letter(const envelope& mail, const std::string& recipient,
                                const std::string& reason, const mail_history& history) = 0;
    /// A mail whose sender asked for no answer.
    virtual void on_undeliverable(const envelope& mail, const std::string& reason) = 0;
    /// Mail waits for a child that may be down by intent.
    virtual void on_mail_waiting(mail_endpoint& stop) = 0;
    /// An answer for the control socket: MAIL-ACCEPTED, MAIL-ACKED or MAIL-UNDELIVERABLE.
    virtual void on_control_answer(const mail_origin& origin, std::string_view signal,
                                   std::string_view reason) = 0;
};

/// Hop by hop (contract §3): a mail that travels on, up or down, is kept here until the next hop
/// has accepted it.
class mail_router {
public:
    /// `address` of this supervisor from the root, empty for the root; `ids` starts every mail id
    /// given here.
    mail_router(std::string address, std::string ids, const clock& time, mail_events& events);
    ~mail_router();

    void add(mail_endpoint& stop);
    /// With the last one that takes from a mailbox its mail goes to the dead letters with reason
    /// `removed`.
    void remove(mail_endpoint& stop);
    /// The channel to our own supervisor, where there is one.
    void set_uplink(std::shared_ptr<channel> uplink);

    /// Mail is kept there; new mail is accepted only when it is written, where `writes_new`. Before
    /// anything else.
    void keep_in(journal& kept, bool writes_new);
    /// What an earlier life of this supervisor held. After all children were added.
    void restore(const journaled_mail& mail);
    void restore_finished(const std::string& id) { from_above_.add(id); }
    /// What the journal settled. Call flush() after it.
    void on_journal(const journal::result& written);

    // From a child
    void on_mail(mail_endpoint& from, const mail_frame& frame);
    void on_ready(mail_endpoint& stop, unsigned window);
    void on_pause(mail_endpoint& stop) { stop.box.pause(stop.consumer); }
    void on_ack_oldest(mail_endpoint& stop);
    void on_ack(mail_endpoint& stop, std::string_view id);
    void on_reject(mail_endpoint& stop, std::string_view id, bool requeue,
                   const std::string& reason);
    /// A nested supervisor reports what became of a mail that it had taken over.
    void on_outcome_below(mail_endpoint& nested, std::string_view signal, const std::string& id,
                          std::string_view reason);
    void on_connected(mail_endpoint& stop);
    /// `charged`: a crash of its own (contract §3, poison). `how`: "crashed: killed by SIGSEGV",
    /// for the history of what was in hand. True where some mail is dead by this one: what caused
    /// the crash is out of the way.
    bool on_ended(mail_endpoint& stop, bool charged, const std::string& how);

    // From our own supervisor
    void on_mail_from_above(const mail_frame& frame);
    void on_outcome_above(std::string_view signal, const std::string& id, std::string_view reason);

    /// From the control socket, and from the supervisor's own code. `origin.id` names it in the
    /// answers; returns the id that it has on its way.
    std::string post(std::string to, std::string msg, mail_origin origin);
    /// What waits for a child again (dead letters, a saved mailbox): uncharged, its attempts go on.
    /// Why not, or empty.
    std::string post_again(const std::string& recipient, envelope mail);

    /// Hands over what may be delivered to this child now.
    void pump(mail_endpoint& stop) {
        if (stop.place) pump(*stop.place);  // null once it was removed
    }
    /// Writes to every channel that was written to since the last call; after each turn of the
    /// event loop's work.
    void flush();
    /// Its channel has something to write at the next flush.
    void touch(const std::shared_ptr<channel>& wire);

    /// The child of this name; one of several where they share it; null where there is none.
    mail_endpoint* find(std::string_view name) const;

private:
    void route(envelope& mail, std::string_view to);
    void put(mail_destination& place, envelope& mail, mailbox::consumer meant_for);
    void taken(mail_destination& place, const envelope& mail, mailbox::consumer meant_for);
    void accepted(mail_destination& place, const envelope& mail);
    bool writes_first(const mail_destination& place) const {
        return journal_ && writes_new_ && !place.nested();
    }
    void left(const held_mail& mail);
    void went_back(const mail_destination& place, const held_mail& mail);
    void let_in_withheld(mail_destination& place);
    void report_withheld(const mail_origin& origin);
    void send_up(envelope& mail, std::string_view to);
    void accepted_by_next(mail_endpoint& next, const held_mail& mail);
    void settled(mail_endpoint& next, std::string_view signal, std::string_view id,
                 std::string_view reason);
    void forget_taken_over(mail_endpoint& stop, std::string_view reason);
    void acked(mail_endpoint& stop, const held_mail& mail);
    void refuse(const envelope& mail, std::string_view reason);
    void to_dead_letters(const mail_destination& place, const dead_mail& dead,
                         std::string_view answer);
    void answer(const mail_origin& origin, std::string_view signal, std::string_view reason = {});
    mail_endpoint* by_number(int number) const;
    void pump(mail_destination& place);
    void deliver(mail_endpoint& stop, const envelope& mail);
    void absolute_from(envelope& mail, std::string& text) const;
    std::string_view new_id(std::string& text);

    std::string address_;
    std::string ids_;
    const clock& time_;
    mail_events& events_;
    journal* journal_ = nullptr;
    bool writes_new_ = false;
    std::deque<mail_destination*>
        being_written_;  // a place for each put() that is not settled; null where it was removed
    std::uint64_t last_id_ = 0;
    std::uint64_t last_sequence_ = 0;
    std::map<int, mail_endpoint*> stops_;                                        // by number
    std::unordered_map<std::string, std::unique_ptr<mail_destination>> places_;  // by name
    std::unique_ptr<mail_endpoint> up_;  // what goes to our own supervisor
    std::unique_ptr<mail_destination> up_place_;
    recent_ids from_above_;  // accepted
    std::string acks_up_;    // `"a","b"`: to be acknowledged there
    std::vector<std::shared_ptr<channel>> touched_;
};

}  // namespace supe
