// `supe dead`: the dead letters of a supervisor and of all below it.
#include "supe/control/commands.hpp"
#include "supe/output/output_line.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace supe::control {
namespace {

namespace json = boost::json;

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
    if (one && supervisor_.dead().find(id)) co_return dead_one(what, id);
    json::value own;
    if (!one) own = dead_all(what);
    request["address"] = "/";  // each is asked for itself
    const auto answers = co_await ask_all_below(std::move(request));
    bool silent = false;
    json::value problem;
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

json::value commands::dead_one(const std::string& what, const std::string& id) {
    dead_letters& letters = supervisor_.dead();
    const dead_letter& letter = *letters.find(id);
    if (what == "show") return json::object{{"ok", whole(letter, supervisor_.address())}};
    if (what == "retry") {
        const std::string problem =
            supervisor_.mail().delivery.put_again(letter.recipient, letter.as_mail());
        if (!problem.empty()) return error(fmt::format("{}: {}", id, problem), result::failed);
    }
    letters.drop(id);
    supervisor_.mail().flush();
    return json::object{{"ok", 1}};
}

/// The list of all, or how many were dropped or sent again. One that cannot be sent again stays.
json::value commands::dead_all(const std::string& what) {
    dead_letters& letters = supervisor_.dead();
    if (what == "drop") return static_cast<std::int64_t>(letters.drop_all());
    json::array list;
    std::vector<std::string> ids;
    for (const dead_letter& letter : letters.all()) {
        list.push_back(summary_of(letter, supervisor_.address()));
        ids.push_back(letter.id);
    }
    if (what == "list") return list;
    std::int64_t done = 0;
    for (const std::string& id : ids) done += ok_of(dead_one("retry", id)) != nullptr;
    return done;
}

}  // namespace supe::control
