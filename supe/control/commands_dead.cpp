// `supe dead`: the dead letters of a supervisor and of all below it.
#include "supe/control/commands.hpp"
#include "supe/output/output_line.hpp"
#include "supe/supervision/json_turns.hpp"
#include "supe/supervision/large_answer.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <boost/json/serialize.hpp>

namespace supe::control {
namespace {

namespace json = boost::json;

/// Mails for such names in a list, and at least one for each name: there may be a hundred thousand.
constexpr std::size_t unknown_listed = 1000;

/// What an operator may give for a letter: `ID`, or `ID@ADDRESS` with the address of its recipient.
struct letter_name {
    std::string_view id;
    std::string_view address;  // empty: any
    explicit letter_name(std::string_view given) : id(given) {
        const std::size_t at = given.rfind("@/");
        if (at == std::string_view::npos) return;
        id = given.substr(0, at);
        address = given.substr(at + 1);
    }
};

std::string whole_name(const json::value& letter) {
    const json::object& o = letter.as_object();
    return fmt::format("{}@{}", string_of(o, "id"), string_of(o, "to"));
}

json::value no_letter(std::string_view id) {
    return error(fmt::format("no dead letter {}", id), result::no_such);
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
    if (what != "list" && what != "show" && what != "retry" && what != "drop")
        co_return error(fmt::format("what: \"{}\" is not one of list, show, retry, drop", what),
                        result::bad_request);
    if (request.contains("id") && id.empty())
        co_return error("id must be a string with something in it", result::bad_request);
    if (what == "show" && id.empty()) co_return error("show needs an id", result::bad_request);
    const bool is_any = what != "list" && !id.empty() && letter_name(id).address.empty();
    json::value answer;
    if (is_any) {
        answer = co_await only_dead(what, id);
    } else {
        answer = co_await dead_of_all(std::move(request));
    }
    co_return answer;
}

/// The letter of that ID, where only one recipient has one: senders choose the ids of saved mail.
awaitable<json::value> commands::only_dead(std::string what, std::string id) {
    json::object request{{"do", "dead"}, {"what", "list"}, {"id", id}};
    const json::value found = co_await dead_of_all(request);
    const auto list = ok_of(found);
    if (!list) co_return found;
    std::vector<std::string> names;
    for (const json::value& letter : list->get_array()) names.push_back(whole_name(letter));
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    if (names.empty()) co_return no_letter(id);
    if (names.size() > 1)
        co_return error(
            fmt::format("{} is the ID of several dead letters: {}", id, fmt::join(names, ", ")),
            result::failed);
    request["what"] = what;
    request["id"] = names.front();
    json::value answer = co_await dead_of_all(std::move(request));
    co_return answer;
}

/// Here and in all supervisors below: the lists of all, the sums of all, or the one letter that
/// `id` names, from wherever it lies.
awaitable<json::value> commands::dead_of_all(json::object request) {
    const std::string what = string_of(request, "what");
    const std::string id = string_of(request, "id");
    const bool one = what != "list" && !id.empty();
    if (one && (find_letter(id) || !find_unknown(id).empty()))
        co_return co_await dead_one(what, id);
    json::value own;
    if (what == "list" && !id.empty()) {
        own = list_dead(id);
    } else if (!one) {
        own = co_await dead_all(what);
    }
    request["address"] = "/";  // each is asked for itself
    auto answers = co_await ask_all_below(std::move(request));
    bool silent = false;
    json::value problem = is_problem(own) ? own : json::value();
    for (json::value& answer : answers) {
        silent = silent || answer.is_null();
        if (is_problem(answer)) problem = answer;
        if (one && has_ok(answer)) co_return std::move(answer);
        const auto found = ok_of(std::move(answer));
        if (!found) continue;
        if (own.is_array() && found->is_array()) {
            for (const json::value& letter : found->get_array()) own.get_array().push_back(letter);
        } else if (own.is_int64() && found->is_int64()) {
            own = own.get_int64() + found->get_int64();
        }
    }
    const bool is_found = !id.empty() && own.is_array() && !own.get_array().empty();
    if (silent && !is_found)
        co_return error("a nested supervisor does not answer: what lies there is not known",
                        result::timed_out);
    if (!problem.is_null()) co_return problem;
    if (one) co_return no_letter(id);
    co_return json::object{{"ok", std::move(own)}};
}

awaitable<json::value> commands::dead_one(std::string what, std::string id) {
    const dead_letter* const letter = find_letter(id);
    if (what == "show") co_return co_await show_dead(id);
    if (!letter) co_return unknown_one(what, *find_unknown(id).front());
    const std::string name = letter->name();
    if (what == "drop") {
        supervisor_.dead().drop(name);
        supervisor_.mail().flush();
        co_return json::object{{"ok", 1}};
    }
    if (is_retried(name))
        co_return error(fmt::format("{} is being sent again already", name), result::failed);
    std::string problem;
    const std::vector<std::string> names{name};
    co_await retry(names, problem);
    if (!problem.empty()) co_return error(fmt::format("{}: {}", name, problem), result::failed);
    co_return json::object{{"ok", 1}};
}

/// With its message (the text of JSON that was sent, of up to 16 MiB) and what happened to it.
awaitable<json::value> commands::show_dead(std::string id) {
    const dead_letter* const letter = find_letter(id);
    const journaled_mail* const unknown = letter ? nullptr : find_unknown(id).front();
    const json::object summary = letter ? summary_of(*letter) : summary_of_unknown(*unknown);
    json::array history;
    utc_text stamp;
    if (letter)
        for (const mail_event& e : letter->history)
            history.push_back(json::object{{"at", stamp.of(e.at)}, {"what", e.what}});
    // The letter may be gone after the first turn.
    std::string msg(letter ? letter->msg : unknown->msg);
    msg = co_await quoted_in_turns(supervisor_.time(), std::move(msg));
    std::string text = json::serialize(summary);
    text.pop_back();
    text += R"(,"msg":)";
    text += std::exchange(msg, {});
    text += R"(,"history":)" + json::serialize(history) + "}";
    co_return large_answer(text);
}

bool commands::is_retried(const std::string& letter) const {
    return std::ranges::any_of(retried_, [&](const auto& r) { return r.second == letter; });
}

/// Sends the letters again. on_outcome() drops each once its mail is safe in a mailbox. One that
/// cannot be sent again stays, and `problem` says why. One that is on its way already, for this
/// client or another one, is left to that. Returns how many were sent.
awaitable<std::size_t> commands::retry(std::vector<std::string> names, std::string& problem) {
    std::erase_if(names, [&](const std::string& name) { return is_retried(name); });
    std::vector<std::unique_ptr<acceptance>> outcomes;
    for (const std::string& name : names) {
        const auto letter = supervisor_.dead().share(name);  // it may be dropped here
        outcomes.push_back(put_again(letter->recipient, letter->view(), retried_, name));
    }
    supervisor_.mail().flush();
    std::size_t sent = 0;
    for (std::size_t n = 0; n < names.size(); ++n) {
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
    std::vector<std::string> names;
    for (const dead_letter& letter : supervisor_.dead().all()) names.push_back(letter.name());
    std::string problem;
    const std::size_t sent = co_await retry(std::move(names), problem);
    if (!problem.empty())
        co_return error(fmt::format("{} sent again, the others not: {}", sent, problem),
                        result::failed);
    co_return static_cast<std::int64_t>(sent);
}

std::string commands::address_of(const dead_letter& letter) const {
    return letter.to.empty() ? fmt::format("{}/{}", supervisor_.address(), letter.recipient)
                             : letter.to;
}

/// As a line of a list.
json::object commands::summary_of(const dead_letter& letter) const {
    utc_text stamp;
    json::object o;
    o["id"] = letter.name();
    o["to"] = address_of(letter);
    o["from"] = letter.from;
    o["at"] = stamp.of(letter.at);
    o["attempts"] = letter.attempt;
    o["reason"] = letter.reason;
    return o;
}

const dead_letter* commands::find_letter(std::string_view id) const {
    if (const dead_letter* const exactly = supervisor_.dead().find(id)) return exactly;
    const letter_name wanted(id);
    const dead_letter* const letter = supervisor_.dead().find(wanted.id);
    return letter && address_of(*letter) == wanted.address ? letter : nullptr;
}

/// Those that `id` may mean here.
json::array commands::list_dead(std::string_view id) const {
    json::array list;
    if (const dead_letter* const letter = find_letter(id)) list.push_back(summary_of(*letter));
    for (const journaled_mail* const mail : find_unknown(id))
        list.push_back(summary_of_unknown(*mail));
    return list;
}

json::array commands::list_dead() const {
    json::array list;
    for (const dead_letter& letter : supervisor_.dead().all()) list.push_back(summary_of(letter));
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

std::string commands::address_of(const journaled_mail& mail) const {
    return fmt::format("{}/{}", supervisor_.address(), mail.recipient());
}

json::object commands::summary_of_unknown(const journaled_mail& mail) const {
    json::object o;
    o["id"] = mail.id;
    o["to"] = address_of(mail);
    o["from"] = mail.from;
    o["at"] = nullptr;
    o["attempts"] = mail.attempt;
    o["reason"] = "unknown: " + why_unknown(mail);
    return o;
}

/// The first of each recipient. Valid until the next change.
std::vector<const journaled_mail*> commands::find_unknown(std::string_view id) const {
    const letter_name wanted(id);
    std::vector<const journaled_mail*> found;
    for (const auto& [name, mails] : supervisor_.mail().delivery.unknown()) {
        const auto mail = std::ranges::find_if(mails, [&](const journaled_mail& m) {
            return m.id == id || (m.id == wanted.id && address_of(m) == wanted.address);
        });
        if (mail != mails.end()) found.push_back(&*mail);
    }
    return found;
}

json::value commands::unknown_one(const std::string& what, const journaled_mail& mail) {
    if (what == "retry")
        return error(fmt::format("{}: {}: the mail is delivered when a child of that name is there "
                                 "again",
                                 mail.id, why_unknown(mail)),
                     result::failed);
    supervisor_.mail().delivery.drop_unknown(mail.sequence);
    supervisor_.mail().flush();
    return json::object{{"ok", 1}};
}

}  // namespace supe::control
