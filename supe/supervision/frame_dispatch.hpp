// Reads the frames of components, and passes each to its part of the supervisor (contract §2).
#pragma once

#include "supe/channel/message.hpp"
#include "supe/mail/supervisor_mail.hpp"
#include "supe/supervision/child_registry.hpp"
#include "supe/supervision/notice_publisher.hpp"
#include "supe/supervision/uplink.hpp"

#include <string>
#include <string_view>

namespace supe {

/// Takes what a child orders its supervisor to do.
class order_taker {
public:
    virtual ~order_taker() = default;
    /// `data`: of SUPERVISOR-REQUEST. Returns why the frame is a bad one, or empty.
    virtual std::string on_order(child& asker, std::string_view data) = 0;
};

/// A bad or unknown frame never stops the supervisor or another child.
class frame_dispatch {
public:
    frame_dispatch(child_host& host, child_registry& children, supervisor_mail& mail,
                   notice_publisher& notices, nested_requests& requests, order_taker& orders)
        : host_(host), children_(children), mail_(mail), notices_(notices), requests_(requests),
          orders_(orders) {}

    void on_frame(child& c, std::string_view frame);
    /// Counts the frame, and publishes notices at a bounded rate: a component that sends rubbish
    /// costs little more than reading it.
    void on_bad_frame(child& c, const std::string& reason);
    /// After the frames of a turn: one SUPE-START answers all that asked for it in the turn. A
    /// component with too much unread gets it in a later turn.
    void after_turn(child_entry& entry);

private:
    void on_signal(child& c, const signal_frame& frame);
    void on_mail_signal(child_entry& entry, const signal_frame& frame);
    void on_ack(child_entry& entry, std::string_view data);
    void on_reject(child_entry& entry, std::string_view data);
    void on_status(child& c, std::string_view data);
    void on_unknown(child& c, const signal_frame& frame);
    bool may_publish(const child& c);

    child_host& host_;
    child_registry& children_;
    supervisor_mail& mail_;
    notice_publisher& notices_;
    nested_requests& requests_;
    order_taker& orders_;
};

/// The `data` of SUPE-START for a component.
std::string start_data(const child& c);

}  // namespace supe
