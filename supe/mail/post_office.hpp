// Routes the mail of one supervisor: between its children, up to its own supervisor and down through nested ones.
#pragma once

#include "supe/channel/channel.hpp"
#include "supe/channel/message.hpp"
#include "supe/mail/mailbox.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace supe {

/// A child, as the post office sees it. Its owner keeps `wire` and `life` up to date.
struct mail_stop {
    mail_stop(int n, std::string child_name, bool is_nested, mailbox_limits limits)
        : number(n), name(std::move(child_name)), nested(is_nested), box(limits) {}

    int number;
    std::string name;
    bool nested;                        ///< a supervisor: mail for the addresses below goes through it
    mailbox box;
    std::shared_ptr<channel> wire;      ///< null while it is down
    std::uint64_t life = 0;
    /// Nested only: mail that it has taken over and whose sender waits for the ack, by mail id (contract §3).
    std::unordered_map<std::string, mail_origin> taken_over;
};

/// What a post office tells its supervisor.
class mail_events {
public:
    virtual ~mail_events() = default;
    /// Mail to the supervisor itself.
    virtual void on_supervisor_mail(const envelope& mail) = 0;
    virtual void on_dead_letter(const envelope& mail, const std::string& recipient, const std::string& reason) = 0;
    /// A mail whose sender asked for no answer.
    virtual void on_undeliverable(const envelope& mail, const std::string& reason) = 0;
    /// Mail waits for a child that may be down by intent.
    virtual void on_mail_waiting(mail_stop& stop) = 0;
    /// An answer for the control socket: MAIL-ACCEPTED, MAIL-ACKED or MAIL-UNDELIVERABLE.
    virtual void on_control_answer(const mail_origin& origin, std::string_view signal, std::string_view reason) = 0;
};

/// Hop by hop (contract §3): a mail that travels on is kept here until the next hop has accepted it.
class post_office {
public:
    /// `address` of this supervisor from the root, empty for the root; `ids` starts every mail id given here.
    post_office(std::string address, std::string ids, mail_events& events);

    void add(mail_stop& stop) { stops_.push_back(&stop); }
    /// Its mail goes to the dead letters with reason `removed`.
    void remove(mail_stop& stop);
    /// The channel to our own supervisor, where there is one.
    void set_uplink(std::shared_ptr<channel> uplink) { uplink_ = std::move(uplink); }

    // From a child
    void on_mail(mail_stop& from, const mail_frame& frame);
    void on_ready(mail_stop& stop, unsigned window);
    void on_pause(mail_stop& stop) { stop.box.pause(); }
    void on_ack_oldest(mail_stop& stop);
    void on_ack(mail_stop& stop, std::string_view id);
    void on_reject(mail_stop& stop, std::string_view id, bool requeue, const std::string& reason);
    /// A nested supervisor reports what became of a mail that it had taken over.
    void on_settled_below(mail_stop& nested, std::string_view signal, const std::string& id, std::string_view reason);
    void on_connected(mail_stop& stop);
    /// `charged`: a crash of its own (contract §3, poison).
    void on_ended(mail_stop& stop, bool charged);

    // From our own supervisor
    void on_mail_from_above(const mail_frame& frame);
    void on_settled_above(std::string_view signal, const std::string& id, std::string_view reason);

    /// From the control socket, and from the supervisor's own code. `origin.id` names it in the answer.
    void post(std::string to, std::string msg, mail_origin origin);

    /// Hands over what may be delivered to this child now.
    void pump(mail_stop& stop);
    /// Writes to every channel that was written to since the last call; after each turn of the event loop's work.
    void flush();
    /// Its channel has something to write at the next flush.
    void touch(const std::shared_ptr<channel>& wire);

    mail_stop* find(std::string_view name) const;

private:
    void route(envelope&& mail, std::string_view to);
    void put(mail_stop& stop, envelope&& mail);
    void send_up(envelope&& mail, std::string_view to);
    void acked(mail_stop& stop, envelope&& mail);
    void refuse(const envelope& mail, std::string_view reason);
    void bury(const envelope& mail, const std::string& recipient, const std::string& reason, std::string_view answer);
    void tell(const mail_origin& origin, std::string_view signal, std::string_view reason = {});

    std::string address_;
    std::string ids_;
    mail_events& events_;
    std::uint64_t last_id_ = 0;
    std::vector<mail_stop*> stops_;
    std::shared_ptr<channel> uplink_;
    std::unordered_map<std::string, mail_origin> ascending_;  // given to our supervisor, not settled there; by mail id
    std::vector<std::weak_ptr<channel>> touched_;
};

}  // namespace supe
