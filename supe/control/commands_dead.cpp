// `supe dead`: the dead letters of a supervisor and of all below it.
#include "supe/control/commands.hpp"
#include "supe/output/output_line.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>

namespace supe::control {
namespace {

namespace json = boost::json;

/// Mails for such names in a list, and at least one for each name: there may be a hundred thousand.
constexpr std::size_t unknown_listed = 1000;

/// As a line of a list.
json::object summary_of(const dead_letter& letter, const std::string& address) {
    utc_text stamp;
    json::object o;
    o["id"] = letter.id;
    o["to"] = letter.to.empty() ? fmt::format("{}/{}", address, letter.recipient) : letter.to;
    o["from"] = letter.from;
    o["at"] = stamp.of(letter.at);
    o["attempts"] = letter.attempts;
    o["reason"] = letter.reason;
    return o;
}

/// With its message (the text of JSON that was sent) and what happened to it.
json::object whole(const dead_letter& letter, const std::string& address) {
    utc_text stamp;
    json::object o = summary_of(letter, address);
    o["msg"] = letter.msg;
    json::array history;
    for (const mail_event& e : letter.history)
        history.push_back(json::object{{"at", stamp.of(e.at)}, {"what", e.what}});
    o["history"] = std::move(history);
    return o;
}

const json::value* ok_of(const json::value& answer) {
    return answer.is_object() ? answer.get_object().if_contains("ok") : nullptr;
}

/// An error that says more than that the letter is not there.
bool is_problem(const json::value& answer) {
    const auto* code = answer.is_object() ? answer.get_object().if_contains("code") : nullptr;
    return code && *code != static_cast<int>(result::no_such);
}

}  // namespace

awaitable<> commands::ask_one(std::string nested, json::object request, json::value& answer) {
    answer = co_await supervisor_.ask_below(nested, std::move(request));
}

/// Asks all nested supervisors at once, so that several silent ones cost the time of one. Their
/// answers; null for a silent one.
awaitable<std::vector<json::value>> commands::ask_all_below(json::object request) {
    std::vector<std::string> names;
    for (const child* c : supervisor_.children()) {
        if (c->is_supervisor() && c->pid() > 0) names.push_back(c->spec().name);
    }
    std::vector<json::value> answers(names.size());
    nursery questions(supervisor_.time());
    for (std::size_t i = 0; i < names.size(); ++i)
        questions.start(ask_one(names[i], request, answers[i]));
    co_await questions.join();
    co_return answers;
}

awaitable<json::value> commands::dead(json::object request) {
    const std::string what = string_of(request, "what");
    const std::string id = string_of(request, "id");
    const bool one = what != "list" && !id.empty();
    if (what != "list" && what != "show" && what != "retry" && what != "drop")
        co_return error(fmt::format("what: \"{}\" is not one of list, show, retry, drop", what),
                        result::bad_request);
    if (request.contains("id") && id.empty())
        co_return error("id must be a string with something in it", result::bad_request);
    if (what == "show" && id.empty()) co_return error("show needs an id", result::bad_request);
    if (one && (supervisor_.dead().find(id) || find_unknown(id)))
        co_return co_await dead_one(what, id);
    json::value own;
    if (!one) own = co_await dead_all(what);
    request["address"] = "/";  // each is asked for itself
    const auto answers = co_await ask_all_below(std::move(request));
    bool silent = false;
    json::value problem = is_problem(own) ? own : json::value();
    for (const json::value& answer : answers) {
        const json::value* found = ok_of(answer);
        silent = silent || answer.is_null();
        if (is_problem(answer)) problem = answer;
        if (!found) continue;
        if (one) co_return answer;
        if (own.is_array() && found->is_array()) {
            for (const json::value& letter : found->get_array()) own.get_array().push_back(letter);
        } else if (own.is_int64() && found->is_int64()) {
            own = own.get_int64() + found->get_int64();
        }
    }
    if (silent)
        co_return error("a nested supervisor does not answer: what lies there is not known",
                        result::timed_out);
    if (!problem.is_null()) co_return problem;
    if (one) co_return error(fmt::format("no dead letter {}", id), result::no_such);
    co_return json::object{{"ok", std::move(own)}};
}

awaitable<json::value> commands::dead_one(std::string what, std::string id) {
    const dead_letter* const letter = supervisor_.dead().find(id);
    if (!letter) co_return unknown_one(what, *find_unknown(id));
    if (what == "show") co_return json::object{{"ok", whole(*letter, supervisor_.address())}};
    if (what == "drop") {
        supervisor_.dead().drop(id);
        supervisor_.mail().flush();
        co_return json::object{{"ok", 1}};
    }
    if (is_retried(id))
        co_return error(fmt::format("{} is being sent again already", id), result::failed);
    std::string problem;
    const std::vector<std::string> ids{id};
    co_await retry(ids, problem);
    if (!problem.empty()) co_return error(fmt::format("{}: {}", id, problem), result::failed);
    co_return json::object{{"ok", 1}};
}

bool commands::is_retried(const std::string& letter) const {
    return std::ranges::any_of(retried_, [&](const auto& r) { return r.second == letter; });
}

/// Sends the letters again. on_outcome() drops each once its mail is safe in a mailbox. One that
/// cannot be sent again stays, and `problem` says why. One that is on its way already, for this
/// client or another one, is left to that. Returns how many were sent.
awaitable<std::size_t> commands::retry(std::vector<std::string> ids, std::string& problem) {
    std::erase_if(ids, [&](const std::string& id) { return is_retried(id); });
    std::vector<std::unique_ptr<acceptance>> outcomes;
    for (const std::string& id : ids) {
        const dead_letter letter = *supervisor_.dead().find(id);  // a copy: it may be dropped here
        outcomes.push_back(put_again(letter.recipient, letter.as_mail(), id));
    }
    supervisor_.mail().flush();
    std::size_t sent = 0;
    for (std::size_t n = 0; n < ids.size(); ++n) {
        const std::string refused = co_await accepted(*outcomes[n]);
        if (refused.empty()) {
            ++sent;
        } else {
            problem = refused;
        }
    }
    supervisor_.mail().flush();
    co_return sent;
}

/// The list of all, or how many were dropped or sent again.
awaitable<json::value> commands::dead_all(std::string what) {
    if (what == "list") co_return list_dead();
    if (what == "drop") {
        const std::size_t n =
            supervisor_.dead().drop_all() + supervisor_.mail().delivery.drop_all_unknown();
        supervisor_.mail().flush();
        co_return static_cast<std::int64_t>(n);
    }
    std::vector<std::string> ids;
    for (const dead_letter& letter : supervisor_.dead().all()) ids.push_back(letter.id);
    std::string problem;
    const std::size_t sent = co_await retry(std::move(ids), problem);
    if (!problem.empty())
        co_return error(fmt::format("{} sent again, the others not: {}", sent, problem),
                        result::failed);
    co_return static_cast<std::int64_t>(sent);
}

json::array commands::list_dead() const {
    json::array list;
    for (const dead_letter& letter : supervisor_.dead().all())
        list.push_back(summary_of(letter, supervisor_.address()));
    std::size_t left = unknown_listed;
    for (const auto& [name, mails] : supervisor_.mail().delivery.unknown()) {
        const std::size_t shown = std::clamp<std::size_t>(left, 1, mails.size());
        for (std::size_t n = 0; n < shown; ++n) list.push_back(summary_of_unknown(mails[n]));
        left -= std::min(left, shown);
        if (const std::size_t more = mails.size() - shown; more > 0)
            list.back().as_object()["reason"] =
                fmt::format("unknown: {}; {} more wait", why_unknown(mails[shown - 1]), more);
    }
    return list;
}

// --- mail for names that the tree does not have ---

std::string commands::why_unknown(const journaled_mail& mail) const {
    const child* const now = supervisor_.find(mail.box);
    return now && now->is_supervisor() ? fmt::format("{} is a supervisor now", mail.box)
                                       : fmt::format("the tree has no {}", mail.recipient());
}

json::object commands::summary_of_unknown(const journaled_mail& mail) const {
    json::object o;
    o["id"] = mail.id;
    o["to"] = fmt::format("{}/{}", supervisor_.address(), mail.recipient());
    o["from"] = mail.from;
    o["at"] = nullptr;
    o["attempts"] = mail.attempt;
    o["reason"] = "unknown: " + why_unknown(mail);
    return o;
}

const journaled_mail* commands::find_unknown(std::string_view id) const {
    for (const auto& [name, mails] : supervisor_.mail().delivery.unknown()) {
        const auto mail = std::ranges::find(mails, id, &journaled_mail::id);
        if (mail != mails.end()) return &*mail;
    }
    return nullptr;
}

json::value commands::unknown_one(const std::string& what, const journaled_mail& mail) {
    if (what == "show") {
        json::object o = summary_of_unknown(mail);
        o["msg"] = mail.msg;
        o["history"] = json::array();
        return json::object{{"ok", std::move(o)}};
    }
    if (what == "retry")
        return error(fmt::format("{}: {}: the mail is delivered when a child of that name is there "
                                 "again",
                                 mail.id, why_unknown(mail)),
                     result::failed);
    const std::string id = mail.id;
    supervisor_.mail().delivery.drop_unknown(id);
    supervisor_.mail().flush();
    return json::object{{"ok", 1}};
}

}  // namespace supe::control
