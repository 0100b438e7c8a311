#include "components/command_line/dead_letter_sources.hpp"

#include "components/command_line/readable_body.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;

/// The first failure counts; the letters of the other sources are shown all the same.
void note(dead_letter_result& all, const dead_letter_result& one) {
    if (all.code == exit_code::done) all = one;
}

dead_letter_result no_such(const std::string& id) {
    return {exit_code::no_such, fmt::format("no dead letter {}", id)};
}

}  // namespace

dead_letter_result dead_letter_sources::ask_supervisors(json::object request, json::value& answer) {
    dead_letter_result outcome;
    request["do"] = "dead";
    outcome.code = where_.ask(request, &answer, &outcome.problem);
    return outcome;
}

dead_letter_result dead_letter_sources::list(json::array& letters) {
    json::value of_mail;
    if (dead_letter_result outcome = ask_supervisors({{"what", "list"}}, of_mail);
        outcome.code != exit_code::done)
        return outcome;
    letters = std::move(of_mail.as_array());
    dead_letter_result all = queues_.find();
    for (const auto& queue : queues_.all()) {
        json::object request{{"what", "list"}};
        for (bool more = true; more;) {
            json::value page;
            const dead_letter_result outcome = queues_.ask(queue, "dead", request, page);
            note(all, outcome);
            if (outcome.code != exit_code::done) break;
            for (json::value& letter : page.at("letters").as_array()) {
                letter.as_object()["to"] = queue.address;
                letters.push_back(std::move(letter));
            }
            const auto* next = page.as_object().if_contains("next");
            more = next != nullptr;
            if (more) request["after"] = *next;
        }
    }
    return all;
}

/// A supervisor's, or some queue's: then `queue` is its address.
dead_letter_result dead_letter_sources::ask_one(const std::string& what, const std::string& id,
                                                json::value& answer, std::string& queue) {
    dead_letter_result outcome = ask_supervisors({{"what", what}, {"id", id}}, answer);
    if (outcome.code != exit_code::no_such || outcome.problem.empty()) return outcome;
    dead_letter_result all = queues_.find();
    for (const auto& queue_of_relay : queues_.all()) {
        outcome = queues_.ask(queue_of_relay, "dead", {{"what", what}, {"id", id}}, answer);
        note(all, outcome);
        queue = queue_of_relay.address;
        if (outcome.code == exit_code::done && !answer.is_null()) return outcome;
    }
    return all.code == exit_code::done ? no_such(id) : all;
}

dead_letter_result dead_letter_sources::show(const std::string& id, json::value& letter) {
    std::string queue;
    dead_letter_result outcome = ask_one("show", id, letter, queue);
    if (outcome.code != exit_code::done || queue.empty()) return outcome;
    letter.as_object()["to"] = queue;
    make_body_readable(letter);
    return outcome;
}

dead_letter_result dead_letter_sources::deal_with(const std::string& what, const std::string& id,
                                                  std::int64_t& done) {
    json::value answer;
    std::string queue;
    dead_letter_result outcome = ask_one(what, id, answer, queue);
    if (outcome.code == exit_code::done) ++done;
    return outcome;
}

dead_letter_result dead_letter_sources::deal_with_all(const std::string& what, std::int64_t& done) {
    json::value mails;
    dead_letter_result outcome = ask_supervisors({{"what", what}}, mails);
    if (outcome.code != exit_code::done) return outcome;
    done += mails.to_number<std::int64_t>();
    dead_letter_result all = queues_.find();
    for (const auto& queue : queues_.all()) {
        for (bool more = true; more;) {
            json::value some;
            outcome = queues_.ask(queue, "dead", {{"what", what}}, some);
            note(all, outcome);
            if (outcome.code != exit_code::done) break;
            done += some.at("done").to_number<std::int64_t>();
            more = some.at("more").as_bool();
        }
    }
    return all;
}

}  // namespace components
