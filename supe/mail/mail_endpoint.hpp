// The ends of mail under one supervisor: its children, and the supervisor above.
#pragma once

#include "supe/channel/channel.hpp"
#include "supe/mail/mailbox.hpp"
#include "supe/mail/next_hop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace supe {

struct mail_destination;

/// A component takes mail itself; a supervisor passes it on.
enum class endpoint_kind { component, supervisor };

/// One child as a sender and recipient of mail. Its owner keeps it alive and in place while the
/// directory has it.
struct mail_endpoint {
    /// A child without instances: its mailbox has its name.
    mail_endpoint(int n, std::string child_name, endpoint_kind k, mailbox_limits limits)
        : number(n), name(std::move(child_name)), box_name(name), kind(k),
          shared(std::make_shared<mailbox>(limits)), box(*shared),
          hop(is_supervisor() ? std::make_unique<next_hop>() : nullptr) {}
    /// One of several instances: `NAME.i`, which takes from the mailbox NAME as its consumer number
    /// `c` (from 0).
    mail_endpoint(int n, std::string instance_name, std::string mailbox_name,
                  std::shared_ptr<mailbox> mailbox_of_all, mailbox::consumer c)
        : number(n), name(std::move(instance_name)), box_name(std::move(mailbox_name)),
          kind(endpoint_kind::component), shared(std::move(mailbox_of_all)), box(*shared),
          consumer(c) {}

    bool is_supervisor() const { return kind == endpoint_kind::supervisor; }
    bool is_connected() const { return link != nullptr; }

    int number;  ///< of the child
    std::string name;
    std::string box_name;  ///< the name that mail is addressed to
    endpoint_kind kind;
    bool keeps_mail = false;  ///< a supervisor whose present life has a journal, or its last one
    std::shared_ptr<mailbox> shared;
    mailbox& box;
    mailbox::consumer consumer = 0;

    channel* link = nullptr;                  ///< to its process; null while there is no process
    std::uint32_t life = 0;                   ///< the life that `link` belongs to
    std::unique_ptr<next_hop> hop;            ///< null for a component
    mail_destination* destination = nullptr;  ///< null while the directory does not have it
};

/// A mailbox and its consumers.
struct mail_destination {
    std::string name;
    std::vector<mail_endpoint*> consumers;  ///< in order of their numbers
    std::size_t next = 0;  ///< the consumer that is asked first the next time, modulo their number
    bool is_unsettled = false;  ///< mail_delivery asks it at its next settle()
    /// Mails that came, and consumers that ended, since then: each may need one more consumer.
    std::size_t wants_consumers = 0;
    mailbox& box() const { return consumers.front()->box; }
    /// Its mail goes on to another supervisor, which has the recipient.
    bool is_supervisor() const { return consumers.front()->is_supervisor(); }
};

}  // namespace supe
