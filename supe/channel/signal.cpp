#include "supe/channel/signal.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace supe {
namespace {

using kind = signal_kind;

/// In the order of the enum.
constexpr std::array names{
    std::pair{kind::unknown, std::string_view()},
    std::pair{kind::ready_to_receive_mail, std::string_view("READY-TO-RECEIVE-MAIL")},
    std::pair{kind::not_ready_to_receive_mail, std::string_view("NOT-READY-TO-RECEIVE-MAIL")},
    std::pair{kind::ack_current_mail, std::string_view("ACK-CURRENT-MAIL")},
    std::pair{kind::reject_mail, std::string_view("REJECT-MAIL")},
    std::pair{kind::unhandled_mail, std::string_view("UNHANDLED-MAIL")},
    std::pair{kind::ready_for_config, std::string_view("READY-FOR-CONFIG")},
    std::pair{kind::noticeboard_request, std::string_view("NOTICEBOARD-REQUEST")},
    std::pair{kind::component_ready, std::string_view("COMPONENT-READY")},
    std::pair{kind::component_alive, std::string_view("COMPONENT-ALIVE")},
    std::pair{kind::component_status, std::string_view("COMPONENT-STATUS")},
    std::pair{kind::supervisor_request, std::string_view("SUPERVISOR-REQUEST")},
    std::pair{kind::supe_start, std::string_view("SUPE-START")},
    std::pair{kind::supe_shutdown, std::string_view("SUPE-SHUTDOWN")},
    std::pair{kind::mail_accepted, std::string_view("MAIL-ACCEPTED")},
    std::pair{kind::mail_acked, std::string_view("MAIL-ACKED")},
    std::pair{kind::mail_undeliverable, std::string_view("MAIL-UNDELIVERABLE")},
    std::pair{kind::noticeboard_response, std::string_view("NOTICEBOARD-RESPONSE")},
    std::pair{kind::noticeboard_event, std::string_view("NOTICEBOARD-EVENT")},
    std::pair{kind::supervisor_response, std::string_view("SUPERVISOR-RESPONSE")},
    std::pair{kind::mail_withheld, std::string_view("MAIL-WITHHELD")},
    std::pair{kind::supe_failed, std::string_view("SUPE-FAILED")},
    std::pair{kind::supe_ask, std::string_view("SUPE-ASK")},
    std::pair{kind::supe_working, std::string_view("SUPE-WORKING")},
    std::pair{kind::supe_answer, std::string_view("SUPE-ANSWER")},
};

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (static_cast<std::size_t>(names[i].first) != i) return false;
    return names.back().first == kind::supe_answer;
}
static_assert(is_in_order());

}  // namespace

std::string_view name_of(signal_kind kind) { return names[static_cast<std::size_t>(kind)].second; }

signal_kind signal_of(std::string_view name) {
    const auto found = std::find_if(std::next(names.begin()), names.end(),
                                    [&](const auto& known) { return known.second == name; });
    return found == names.end() ? kind::unknown : found->first;
}

}  // namespace supe
