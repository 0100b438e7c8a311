// What can be asked of a running supervisor: status, start, stop, restart, mail. By the control socket, and by its own
// supervisor on behalf of that.
#pragma once

#include "supe/supervision/supervisor.hpp"

#include <boost/json/object.hpp>
#include <map>
#include <string>

namespace supe::control {

/// Exit codes of the command line (contract §6).
enum class result { done = 0, failed = 1, bad_request = 2, no_such = 3, timed_out = 4 };

/// Requests are objects: `{"do": NAME, "address": ADDRESS, …}` with addresses from the root. Answers are
/// `{"ok": VALUE}`, or `{"error": TEXT, "code": N}`.
class commands {
public:
    /// Takes the supervisor's control answers; it must outlive this object.
    explicit commands(supervisor& s);

    awaitable<boost::json::value> perform(boost::json::object request);

private:
    struct pending_mail;
    awaitable<boost::json::value> here(boost::json::object request, child* target);
    awaitable<boost::json::value> status_of(child& c);
    awaitable<boost::json::value> status_of_all();
    awaitable<boost::json::value> send_mail(boost::json::object request);
    boost::json::object describe(const child& c) const;

    supervisor& supervisor_;
    std::map<std::string, pending_mail*> pending_;
    std::uint64_t last_id_ = 0;
};

boost::json::value error(std::string text, result code);

}  // namespace supe::control
