#include "components/queue/webhook_requests.hpp"

#include "components/queue/shown_webhook.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace components {
namespace {

namespace json = boost::json;
using enum webhook_state;
using direction = search_range::direction;

constexpr read_limit page_of_list{500, 8 << 20}, page_of_changes{500, 8 << 20};

/// What is wrong with a request.
struct bad_request : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct status_name {
    const char* name;
    std::vector<webhook_state> states;
};
const std::vector<status_name>& statuses() {
    static const std::vector<status_name> all{{"pending", {waiting, behind}},
                                              {"failed", {failed}},
                                              {"delivered", {kept}},
                                              {"dead", {dead}}};
    return all;
}

const char* status_of(webhook_state s) {
    for (const status_name& one : statuses())
        if (std::ranges::find(one.states, s) != one.states.end()) return one.name;
    return "gone";
}

std::vector<webhook_state> states_named(const std::string& name, bool of_replay) {
    std::vector<std::string> choices;
    for (const status_name& one : statuses()) {
        if (of_replay && one.states.front() != dead && one.states.front() != kept) continue;
        if (one.name == name) return one.states;
        choices.emplace_back(one.name);
    }
    throw bad_request(fmt::format("status: {} is not one of {}", supe::json_quoted(name),
                                  fmt::join(choices, ", ")));
}

std::int64_t number_of(const json::object& asked, const char* key, std::int64_t otherwise) {
    const auto* v = asked.if_contains(key);
    if (!v) return otherwise;
    if (!v->is_int64()) throw bad_request(fmt::format("{} must be a whole number", key));
    return v->get_int64();
}

webhook_filter filter_of(const webhook_store& store, const json::object& asked, bool of_replay) {
    webhook_filter f;
    if (asked.contains("status"))
        f.states = states_named(supe::string_of(asked, "status"), of_replay);
    else if (of_replay)
        f.states = {dead, kept};
    if (asked.contains("route")) {
        const std::string name = supe::string_of(asked, "route");
        std::vector<std::string> choices;
        for (const route_row& r : store.routes().all()) {
            if (r.name == name) f.lane = r.lane;
            choices.push_back(r.name);
        }
        if (!f.lane)
            throw bad_request(fmt::format("route: {} is not one of {}", supe::json_quoted(name),
                                          fmt::join(choices, ", ")));
    }
    f.since = number_of(asked, "since", f.since);
    f.until = number_of(asked, "until", f.until);
    f.path = supe::string_of(asked, "path");
    if (asked.contains("path") && f.path.empty())
        throw bad_request("path must be a string with something in it");
    return f;
}

search_range range_of(webhook_store& store, const json::object& asked, direction order) {
    search_range r{.order = order};
    const auto* from = asked.if_contains("from");
    if (from && from->is_object()) {
        r.after = number_of(from->get_object(), "after", 0);
        r.before = number_of(from->get_object(), "before", r.before);
    } else {
        r.before = store.last_number() + 1;
    }
    return r;
}

read_limit limit_of(const json::object& asked, read_limit page) {
    const std::int64_t most = number_of(asked, "limit", static_cast<std::int64_t>(page.count));
    if (most < 1) throw bad_request("limit must be at least 1");
    page.count = std::min(page.count, static_cast<std::size_t>(most));
    return page;
}

void add_rest(json::object& answer, const search_page& page) {
    if (page.rest) answer["from"] = {{"after", page.rest->after}, {"before", page.rest->before}};
}

/// When the first of these requests came. What ends after that is not meant, where those that have
/// ended are.
std::int64_t begin_of(const json::object& asked, std::int64_t now_ms) {
    const auto* from = asked.if_contains("from");
    return from && from->is_object() ? number_of(from->get_object(), "began", now_ms) : now_ms;
}

json::object shown(webhook_store& store, const webhook_overview& w) {
    const route_row& route = store.routes().at(w.lane);
    json::object one{{"id", w.id},
                     {"route", route.name},
                     {"status", status_of(w.state)},
                     {"received", shown_time(w.accepted_at)},
                     {"request", w.method + " " + shown_target(w.target)},
                     {"bytes", w.bytes},
                     {"attempts", w.attempt}};
    const auto last = w.attempt > 0 ? store.last_attempt_of(w.seq) : std::nullopt;
    if (last) one["code"] = last->status;
    if (w.state == failed) one["due"] = shown_time(std::max(w.due_at, route.held_until));
    if (w.state == dead || w.state == kept) one["at"] = shown_time(w.due_at);
    const std::string reason = w.state == failed && last ? last->reason : w.reason;
    if (!reason.empty()) one["reason"] = reason;
    return one;
}

json::value list(webhook_store& store, const json::object& asked, const std::string& id) {
    if (!id.empty()) {
        json::array one;
        if (const auto found = store.look_up(id)) one.push_back(shown(store, *found));
        return json::object{{"webhooks", std::move(one)}};
    }
    const search_page page = store.search(filter_of(store, asked, false),
                                          range_of(store, asked, direction::newest_first),
                                          limit_of(asked, page_of_list));
    json::array all;
    for (const webhook_overview& w : page.found) all.push_back(shown(store, w));
    json::object answer{{"webhooks", std::move(all)}};
    add_rest(answer, page);
    return answer;
}

json::value show(webhook_store& store, const std::string& id) {
    const auto found = store.look_up(id);
    if (!found) return nullptr;
    json::object one = shown(store, *found);
    one["tries"] = shown_attempts(store, found->seq);
    one["webhook"] = supe::parse_json(store.text_of(found->seq)).value_or(nullptr);
    return one;
}

using room_for = std::function<bool(std::int64_t)>;

/// Those of a page, up to the first one that has no room: where there is one, the rest of the range
/// begins with it.
json::object replay(webhook_store& store, search_page& page, const search_range& range,
                    std::int64_t now_ms, const room_for& has_room) {
    std::size_t done = 0;
    for (const webhook_overview& w : page.found) {
        if (w.state == kept && !has_room(w.lane)) {
            page.rest = range;
            page.rest->pass(w.seq - 1);
            return {{"done", done}, {"waits_for", store.routes().at(w.lane).name}};
        }
        done += store.replay({w.id}, now_ms);
    }
    return {{"done", done}};
}

/// Of one: an error says why not.
json::value change_one(webhook_store& store, bool is_replay, const std::string& id,
                       std::int64_t now_ms, const room_for& has_room) {
    const auto found = store.look_up(id);
    if (!found) return nullptr;
    if (!is_replay) return json::object{{"done", store.drop({id})}};
    if (found->state != dead && found->state != kept)
        throw bad_request(fmt::format(
            "{} is {}: it is still to be delivered, and only delivered and dead ones are replayed",
            id, status_of(found->state)));
    search_page one{{*found}};
    return replay(store, one, {}, now_ms, has_room);
}

json::value change_some(webhook_store& store, bool is_replay, const json::object& asked,
                        std::int64_t now_ms, const room_for& has_room) {
    const std::int64_t began = begin_of(asked, now_ms);
    webhook_filter filter = filter_of(store, asked, is_replay);
    if (!filter.states.empty()) filter.not_ended = {began, now_ms};
    const search_range range = range_of(store, asked, direction::oldest_first);
    search_page page = store.search(filter, range, limit_of(asked, page_of_changes));
    json::object answer;
    if (is_replay) {
        answer = replay(store, page, range, now_ms, has_room);
    } else {
        std::vector<std::string> ids;
        for (const webhook_overview& w : page.found) ids.push_back(w.id);
        answer["done"] = store.drop(ids);
    }
    add_rest(answer, page);
    if (auto* from = answer.if_contains("from")) from->as_object()["began"] = began;
    return answer;
}

json::value answer_to(webhook_store& store, const json::object& asked, const std::string& what,
                      std::int64_t now_ms, const room_for& has_room) {
    const std::string id = supe::string_of(asked, "id");
    if (asked.contains("id") && id.empty())
        throw bad_request("id must be a string with something in it");
    const bool is_replay = what == "replay";
    if (what == "list") return list(store, asked, id);
    if (what == "show") return show(store, id);
    if (!is_replay && what != "drop")
        throw bad_request(fmt::format("what: {} is not one of list, show, replay, drop",
                                      supe::json_quoted(what)));
    return id.empty() ? change_some(store, is_replay, asked, now_ms, has_room)
                      : change_one(store, is_replay, id, now_ms, has_room);
}

}  // namespace

webhook_answer answer_about_webhooks(webhook_store& store, std::string_view request,
                                     std::int64_t now_ms,
                                     const std::function<bool(std::int64_t)>& has_room) {
    const json::object asked = supe::parse_object(request);
    const std::string what = supe::string_of(asked, "what");
    try {
        return {json::serialize(answer_to(store, asked, what, now_ms, has_room)), what == "replay",
                what == "drop"};
    } catch (const bad_request& e) {
        return {error_answer(e.what()), false, false};
    }
}

}  // namespace components
