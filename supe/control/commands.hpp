// What can be asked of a running supervisor. By the control socket, and by its own supervisor on
// behalf of that.
#pragma once

#include "supe/async/waiters.hpp"
#include "supe/supervision/supervisor.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace supe::control {

/// Exit codes of the command line (contract §6).
enum class result { done = 0, failed = 1, bad_request = 2, no_such = 3, timed_out = 4 };

/// Requests are objects: `{"do": NAME, "address": ADDRESS, …}`; addresses, also bare names, count
/// from the root. Answers are `{"ok": VALUE}`, or `{"error": TEXT, "code": N}`;
/// answer_text() prints them (supervision/large_answer.hpp).
///
/// | do | further members | ok |
/// |---|---|---|
/// | status | | the node of contract §6; for one child also `deaths`, and `status` where it said some (sd_notify); `silent` where a nested supervisor does not answer |
/// | find | `component`: a role | the children with it, `{"address","state"}` each |
/// | start, stop, restart, remove | | a text |
/// | add | `child`: as in a tree file | a text |
/// | scale | `instances`: N | a text |
/// | reload | | a text: the tree file was read again (of the root alone) |
/// | dead | `what`: list, show, retry, drop; `id`: an ID of the list, or `ID@ADDRESS` where several recipients have a letter of that ID; without it all | the list; the letter; how many |
/// | restore | `mails`: lines of a saved mailbox (state_directory.md), each in place, or as a string; `of_another`: the mailbox of another child; `lines`: for each mail a name that no other line of any file has: what this supervisor took lately is not put again | `{"taken": N, "problem": why not all}` |
/// | mail | `to`, `msg`: the text of a JSON value, `wait`: until it is acknowledged | a text |
/// | call | `msg` likewise | what the child answers (contract §3, a call) |
class commands {
public:
    /// Registers itself with the supervisor, which must outlive this object.
    explicit commands(supervisor& s);

    /// Reads the tree file again, and performs what changed; empty where all of it is done, else
    /// what is not, and why.
    using reloader = std::function<awaitable<std::string>()>;
    void on_reload(reloader r) { reload_ = std::move(r); }

    /// The answer to a request, an error too. Throws only when it is cancelled.
    awaitable<boost::json::value> perform(boost::json::object request);

private:
    using object = boost::json::object;
    using acceptance = waiter_table<std::string, std::string>::waiter;
    /// How a call ended: why it could not be delivered, or its answer (JSON text).
    struct call_outcome {
        std::string problem;
        std::string answer;
    };

    awaitable<boost::json::value> route(object request);
    awaitable<boost::json::value> below(std::string name, object request);
    awaitable<boost::json::value> here(object request);
    awaitable<boost::json::value> for_child(std::string what, std::string name, object request);
    awaitable<boost::json::value> add(object request);
    std::string came_up_text(const std::string& name);
    void on_outcome(const std::string& id, signal_kind outcome, std::string reason);
    awaitable<boost::json::value> mail(object request);
    using mail_sources = std::map<std::string, std::string>;
    std::unique_ptr<acceptance> put_again(const std::string& recipient, envelope mail,
                                          mail_sources& sources, std::string source);
    bool is_retried(const std::string& letter) const;
    awaitable<std::string> accepted(acceptance& outcome);
    awaitable<boost::json::value> call(std::string name, object request);
    awaitable<boost::json::value> restore(std::string name,
                                          object request);  // commands_restore.cpp
    // commands_dead.cpp
    awaitable<boost::json::value> dead_of_all(object request);
    awaitable<boost::json::value> only_dead(std::string what, std::string id);
    awaitable<> ask_one(std::string nested, object request, boost::json::value& answer);
    awaitable<std::vector<boost::json::value>> ask_all_below(object request);
    awaitable<boost::json::value> dead(object request);
    awaitable<boost::json::value> dead_one(std::string what, std::string id);
    awaitable<boost::json::value> show_dead(std::string id);
    awaitable<boost::json::value> dead_all(std::string what);
    std::string address_of(const dead_letter& letter) const;
    std::string address_of(const journaled_mail& mail) const;
    object summary_of(const dead_letter& letter) const;
    const dead_letter* find_letter(std::string_view id) const;
    boost::json::array list_dead() const;
    boost::json::array list_dead(std::string_view id) const;
    boost::json::value unknown_one(const std::string& what, const journaled_mail& mail);
    object summary_of_unknown(const journaled_mail& mail) const;
    std::string why_unknown(const journaled_mail& mail) const;
    std::vector<const journaled_mail*> find_unknown(std::string_view id) const;
    awaitable<std::size_t> retry(std::vector<std::string> names, std::string& problem);

    boost::json::value no_such_child(std::string_view address) const;

    // commands_status.cpp
    awaitable<boost::json::value> status_of_child(std::string name);
    awaitable<boost::json::value> status_of_all();
    awaitable<> fill_children(object& node, std::string name);
    awaitable<boost::json::value> find(object request);
    object describe(const child& c) const;
    object describe_self();

    supervisor& supervisor_;
    // By the id that we gave the mail. The values of the first two: why it was not delivered, or
    // empty. A call is also known by the id of its mail, which its answer carries.
    waiter_table<std::string, std::string> awaiting_acceptance_;
    waiter_table<std::string, std::string> awaiting_ack_;
    waiter_table<std::string, call_outcome> awaiting_answer_;
    // Dead letters, and lines of saved mailboxes, whose mail is on its way to a mailbox, by the id
    // that we gave that mail. When the mail is safe there the letter is dropped, and the line is
    // known as taken, whoever still waits for it.
    mail_sources retried_, restoring_;
    recent_ids restored_;
    std::uint64_t last_id_ = 0;
    reloader reload_;
};

boost::json::value error(std::string text, result code);

}  // namespace supe::control
