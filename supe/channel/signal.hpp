// The signals of contract §2, and those that only supervisors send to each other. Pure.
#pragma once

#include <string_view>

namespace supe {

enum class signal_kind {
    unknown,
    // component to supervisor
    ready_to_receive_mail,
    not_ready_to_receive_mail,
    ack_current_mail,
    reject_mail,
    unhandled_mail,
    ready_for_config,
    noticeboard_request,
    component_ready,
    component_alive,
    component_status,
    supervisor_request,
    // supervisor to component
    supe_start,
    supe_shutdown,
    mail_accepted,
    mail_acked,
    mail_undeliverable,
    noticeboard_response,
    noticeboard_event,
    supervisor_response,
    // between supervisors
    mail_withheld,  ///< the mail waits for capacity, or for a supervisor that is down: the hop
                    ///< before parks it
    supe_failed,    ///< `{"why":TEXT}`: this supervisor fails, with the cause chain
    supe_ask,  ///< `{"id":ID,"request":…}` or `{"id":ID,"tree":…}`: a request to a supervisor below
    supe_working,  ///< `{"id":ID}`: the answer takes longer
    supe_answer,   ///< `{"id":ID,"answer":…}`
};

/// The name on the wire, `READY-TO-RECEIVE-MAIL`; empty for `unknown`.
std::string_view name_of(signal_kind kind);
/// `unknown` for a name that is not one of ours.
signal_kind signal_of(std::string_view name);

}  // namespace supe
