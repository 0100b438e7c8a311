#include "components/queue/dead_webhooks.hpp"

#include "components/queue/shown_webhook.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;

constexpr read_limit page{500, 8 << 20};  // of a list, by what is read for it
constexpr std::size_t most_at_once = 1000;

/// Who sent it and what: `203.0.113.9 POST /hooks`. Its members are in this order; the body comes
/// last and is not looked at.
std::string sender_of(std::string_view webhook) {
    std::string method, target;
    supe::json_members members(webhook);
    while (members.next()) {
        const std::string_view value = members.value();
        const std::string text =
            value.starts_with('"') ? supe::json_string_value(value) : "(not UTF-8)";
        if (members.key() == "method") method = text;
        if (members.key() == "target") target = shown_target(text);
        if (members.key() == "remote") return fmt::format("{} {} {}", text, method, target);
    }
    return {};
}

json::object letter_of(const dead_webhook& dead) {
    return {{"id", dead.id},
            {"from", sender_of(dead.text)},
            {"at", shown_time(dead.died_at)},
            {"attempts", dead.attempt},
            {"reason", dead.reason},
            {"route", dead.route}};
}

/// Empty where the request has no id: then all are meant. Nothing where it is a wrong one.
std::optional<std::string> id_of(const json::object& asked) {
    const auto* id = asked.if_contains("id");
    if (!id) return std::string();
    if (!id->is_string() || id->get_string().empty()) return std::nullopt;
    return std::string(id->get_string());
}

json::value list_dead(webhook_store& store, std::int64_t after) {
    const auto dead = store.dead_after(after, page);
    json::array letters;
    for (const dead_webhook& one : dead) letters.push_back(letter_of(one));
    json::object answer{{"letters", std::move(letters)}};
    if (!dead.empty() && !store.dead_after(dead.back().seq, {1, 1}).empty())
        answer["next"] = dead.back().seq;
    return answer;
}

json::value show_dead(webhook_store& store, const std::string& id) {
    const auto dead = store.find_dead(id);
    if (!dead) return nullptr;
    json::object letter = letter_of(*dead);
    letter["history"] = shown_attempts(store, dead->seq);
    letter["webhook"] = supe::parse_json(dead->text).value_or(nullptr);
    return letter;
}

json::value answer_with_count(const webhook_store& store, const std::string& id, std::size_t done) {
    if (!id.empty() && done == 0) return nullptr;
    return json::object{{"done", done}, {"more", id.empty() && store.counts().dead > 0}};
}

}  // namespace

dead_answer answer_about_dead(webhook_store& store, std::string_view request, std::int64_t now_ms) {
    const json::object asked = supe::parse_object(request);
    const std::string what = supe::string_of(asked, "what");
    const auto given = id_of(asked);
    if (!given) return {error_answer("dead.id must be a string with something in it"), false};
    const std::string& id = *given;
    json::value answer;
    if (what == "list") {
        const auto* after = asked.if_contains("after");
        answer = list_dead(store, after && after->is_int64() ? after->get_int64() : 0);
    } else if (what == "show") {
        answer = show_dead(store, id);
    } else if (what == "retry") {
        answer = answer_with_count(store, id, store.revive(id, most_at_once, now_ms));
    } else if (what == "drop") {
        answer = answer_with_count(store, id, store.drop_dead(id, most_at_once));
    } else {
        return {error_answer(fmt::format("dead.what: {} is not one of list, show, retry, drop",
                                         supe::json_quoted(what))),
                false};
    }
    return {json::serialize(answer), what == "retry"};
}

}  // namespace components
