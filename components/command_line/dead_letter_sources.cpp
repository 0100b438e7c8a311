#include "components/command_line/dead_letter_sources.hpp"

#include "supe/text/base64.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/utf8.hpp"

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

/// A body that is text, as nearly all are, can be read; any other stays base64, and says so.
void make_body_readable(json::value& letter) {
    auto* webhook = letter.as_object().if_contains("webhook");
    auto* body =
        webhook && webhook->is_object() ? webhook->get_object().if_contains("body") : nullptr;
    if (!body || !body->is_string()) return;
    const auto bytes = supe::from_base64(std::string_view(body->get_string()));
    if (bytes && supe::as_utf8(*bytes) == *bytes) {
        *body = *bytes;
    } else {
        *body = json::object{{"base64", body->get_string()}};
    }
}

}  // namespace

dead_letter_result dead_letter_sources::find_queues() {
    if (looked_) return {};
    json::value found;
    dead_letter_result outcome;
    outcome.code = where_.ask({{"do", "find"}, {"component", "queue"}}, &found, &outcome.problem);
    if (outcome.code != exit_code::done) return outcome;
    looked_ = true;
    for (const json::value& one : found.as_array())
        queues_.push_back(
            {std::string(one.at("address").as_string()), std::string(one.at("state").as_string())});
    return outcome;
}

dead_letter_result dead_letter_sources::ask_supervisors(json::object request, json::value& answer) {
    dead_letter_result outcome;
    request["do"] = "dead";
    outcome.code = where_.ask(request, &answer, &outcome.problem);
    return outcome;
}

/// One that is down is not asked: it would be done later, when nobody waits for the answer any
/// more.
dead_letter_result dead_letter_sources::ask_queue(const queue_source& queue,
                                                  const json::object& request,
                                                  json::value& answer) {
    if (queue.state != "running")
        return {exit_code::failed, fmt::format("{} is {}: its dead webhooks are not known",
                                               queue.address, queue.state)};
    dead_letter_result outcome;
    const json::object dead{{"dead", request}};
    outcome.code = where_.ask({{"do", "call"}, {"address", queue.address}, {"msg", dead}}, &answer,
                              &outcome.problem);
    const auto* error = outcome.code == exit_code::done && answer.is_object()
                            ? answer.get_object().if_contains("error")
                            : nullptr;
    if (error)
        return {exit_code::failed,
                fmt::format("{}: {}", queue.address, std::string(error->as_string()))};
    return outcome;
}

dead_letter_result dead_letter_sources::list(json::array& letters) {
    json::value of_mail;
    if (dead_letter_result outcome = ask_supervisors({{"what", "list"}}, of_mail);
        outcome.code != exit_code::done)
        return outcome;
    letters = std::move(of_mail.as_array());
    dead_letter_result all = find_queues();
    for (const queue_source& queue : queues_) {
        json::object request{{"what", "list"}};
        for (bool more = true; more;) {
            json::value page;
            const dead_letter_result outcome = ask_queue(queue, request, page);
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
    dead_letter_result all = find_queues();
    for (const queue_source& queue_of_relay : queues_) {
        outcome = ask_queue(queue_of_relay, {{"what", what}, {"id", id}}, answer);
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
    dead_letter_result all = find_queues();
    for (const queue_source& queue : queues_) {
        for (bool more = true; more;) {
            json::value some;
            outcome = ask_queue(queue, {{"what", what}}, some);
            note(all, outcome);
            if (outcome.code != exit_code::done) break;
            done += some.at("done").to_number<std::int64_t>();
            more = some.at("more").as_bool();
        }
    }
    return all;
}

}  // namespace components
