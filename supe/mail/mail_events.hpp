// What the mail of a supervisor reports to the supervisor.
#pragma once

#include "supe/channel/signal.hpp"
#include "supe/mail/mail_endpoint.hpp"

#include <string>
#include <string_view>

namespace supe {

class mail_events {
public:
    virtual ~mail_events() = default;
    /// Mail to the supervisor itself.
    virtual void on_supervisor_mail(const envelope& mail) = 0;
    virtual void on_dead_letter(const envelope& mail, const std::string& recipient,
                                const std::string& reason, const mail_history& history) = 0;
    /// A mail was refused whose sender asked for no answer.
    virtual void on_undeliverable(const envelope& mail, const std::string& reason) = 0;
    /// Mail waits for a child that is down, perhaps a demand child that is idle. It waits for this
    /// one alone, or any instance of its name would do. False where nobody is idle: no further mail
    /// of this turn needs to ask.
    enum class waits_for { it_alone, any_instance };
    virtual bool on_mail_waiting(mail_endpoint& endpoint, waits_for whom) = 0;
    /// An answer for the control socket: mail_accepted, mail_acked or mail_undeliverable.
    virtual void on_control_answer(const mail_origin& origin, signal_kind outcome,
                                   std::string_view reason) = 0;
};

}  // namespace supe
