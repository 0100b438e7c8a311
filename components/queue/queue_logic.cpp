#include "components/queue/queue_logic.hpp"

#include "components/queue/dead_webhooks.hpp"
#include "components/queue/shown_webhook.hpp"
#include "components/webhook/webhook.hpp"
#include "components/webhook/webhook_keeper.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace components {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_id = 64;
constexpr std::size_t most_arrived = 16 << 20;  // bytes of all lanes that are not read back

unix_ms to_ms(queue_logic::time_point t) {
    return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

mail_decision refuse(std::string why) { return {mail_decision::kind::refuse, std::move(why)}; }

bool is_call(std::string_view key) {
    return key == "dead" || key == "drop" || key == "webhooks" || key == "metrics";
}

/// What becomes of a mail whose transaction failed: senders of webhooks can send again, and
/// operators see what is wrong.
mail_decision after_failure(std::string_view body, const char* why) {
    using kind = mail_decision::kind;
    if (supe::first_of_json(body) == '[') return refuse(why);
    supe::json_members members(body);
    const bool object = members.next();
    if (object && members.key() == "id" && members.value().starts_with('"')) return refuse(why);
    if (object && is_call(members.key())) return {kind::done, {}, error_answer(why)};
    return {kind::later, why};
}

bool is_id(std::string_view text) {
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= longest_id && std::ranges::all_of(text, plain);
}

}  // namespace

queue_logic::queue_logic(webhook_store& store, queue_limits limits, std::function<double()> random,
                         std::function<std::uint64_t()> free_bytes)
    : store_(store), limits_(std::move(limits)), random_(std::move(random)),
      free_bytes_(std::move(free_bytes)) {
    const auto is_out = [this](const std::string& id) { return in_flight_.contains(id); };
    store_.begin();
    for (const lane_settings& s : limits_.lanes)
        lanes_.push_back(std::make_unique<lane>(store_, store_.routes().lane_of(s.route), s,
                                                limits_.max_age,
                                                most_arrived / limits_.lanes.size(), is_out));
    store_.commit();
}

lane* queue_logic::lane_named(std::string_view route) {
    if (route.empty()) route = default_route;
    for (const auto& l : lanes_)
        if (l->settings().route == route) return l.get();
    return nullptr;
}

lane* queue_logic::lane_numbered(std::int64_t number) {
    for (const auto& l : lanes_)
        if (l->number() == number) return l.get();
    return nullptr;
}

std::string queue_logic::names_of_lanes() const {
    std::vector<std::string> names;
    for (const auto& l : lanes_) names.push_back(l->settings().route);
    return fmt::format("{}", fmt::join(names, ", "));
}

void queue_logic::bound_waits(time_point now) {
    milliseconds longest{};
    for (const auto& l : lanes_)
        longest = std::max({longest, l->settings().retry.max, l->settings().retry.retry_after_max});
    store_.begin();
    store_.bound_waits(to_ms(now + longest));
    store_.commit();
}

std::vector<mail_decision> queue_logic::take(const std::vector<std::string_view>& bodies,
                                             time_point at, queue_events& events) {
    const unix_ms now = to_ms(at);
    std::vector<mail_decision> decisions;
    changes later;
    disk_left_ = free_bytes_();
    look_for_file();
    try {
        store_.begin();
        for (const std::string_view body : bodies)
            decisions.push_back(take_one(body, now, events, later));
        store_.commit();
    } catch (const store_error& e) {
        store_.rollback();
        for (auto& [l, before] : later.health_before) l->health = std::move(before);
        if (e.damaged()) throw;
        events = {};
        decisions.clear();
        for (const std::string_view body : bodies)
            decisions.push_back(after_failure(body, e.what()));
        return decisions;
    }
    apply(later, now);
    return decisions;
}

void queue_logic::apply(changes& later, unix_ms now) {
    for (auto& [l, webhook] : later.arrived) l->arrived(std::move(webhook));
    for (const std::string& id : later.finished) finish(id, false, now);
    for (const std::string& id : later.abandoned) finish(id, true, now);
    for (const auto& [l, due_at] : later.failed) l->failed_until(due_at);
    for (const auto& [l, status, ms] : later.attempts) l->deliveries.add(status, ms);
    for (lane* l : later.begin_anew) l->begin_anew();
}

mail_decision queue_logic::take_one(std::string_view body, unix_ms now, queue_events& events,
                                    changes& later) {
    if (supe::first_of_json(body) == '[') {
        const auto texts = supe::elements_of(body, most_together);
        if (texts && !texts->empty()) return take_webhooks(*texts, now, later);
    }
    supe::json_members members(body);
    const bool object = members.next();
    const std::string_view key = object ? members.key() : std::string_view(),
                           value = object ? members.value() : std::string_view();
    if (key == "id" && value.starts_with('"')) return take_webhooks({body}, now, later);
    if (key == "results") {
        const auto parsed = supe::parse_json(value);
        if (parsed && parsed->is_array())
            for (const json::value& one : parsed->get_array()) take_result(one, now, events, later);
        return {};
    }
    if (key == "retry") return {};  // of a retrier, in trees of earlier versions
    if (key == "resume" || key == "route") return resume(body, now, later);
    if (key == "drop") return drop_route(value, later);
    if (key == "webhooks") return about_webhooks(value, now, later);
    if (key == "metrics") return about_metrics(now);
    if (key == "dead") {
        dead_answer about = answer_about_dead(store_, value, now);
        if (about.retried)
            for (const auto& l : lanes_) later.begin_anew.push_back(l.get());
        return {mail_decision::kind::done, {}, std::move(about.text)};
    }
    return refuse("a webhook, results, resume, drop, dead, webhooks or metrics is expected");
}

/// Why there is no room for it; empty where there is.
std::string queue_logic::objection_to_size(lane& l, std::size_t bytes) {
    if (std::string why = objection_to_any(bytes); !why.empty()) return why;
    if (store_.routes().at(l.number()).counts.bytes + bytes > limits_.bytes_of_route())
        return fmt::format("route {} has filled its half of the queue", l.settings().route);
    return {};
}

/// Why it cannot be kept, whatever room there is; empty where it can. `route`: of those with it.
std::string queue_logic::objection_to(const leading_members& given, std::string_view route) {
    if (!is_id(given.id)) return "the id is not made of 1 to 64 letters, digits, - and _";
    if (given.route != route) return "webhooks that are kept together are of one route";
    // An operator dropped it, and its result is still to come: that names a webhook by its id
    // alone.
    if (in_flight_.contains(given.id) && !store_.look_up(given.id))
        return fmt::format("a webhook with the id {} is still on its way", given.id);
    return {};
}

/// All of them or none: so nothing is changed before the last one has been looked at.
mail_decision queue_logic::take_webhooks(const std::vector<std::string_view>& texts, unix_ms now,
                                         changes& later) {
    std::vector<leading_members> all;
    std::size_t bytes = 0;
    for (const std::string_view text : texts) {
        auto given = leading_members_of(text).value_or(leading_members{});
        all.push_back(std::move(given));
        std::string why = objection_to(all.back(), all.front().route);
        if (!why.empty()) return refuse(std::move(why));
        bytes += text.size();
    }
    lane* l = lane_named(all.front().route);
    if (!l)
        return refuse(fmt::format("route {} is not one of {}", supe::json_quoted(all.front().route),
                                  names_of_lanes()));
    std::string full = objection_to_size(*l, bytes);
    if (!full.empty()) return refuse(std::move(full));
    for (std::size_t i = 0; i < texts.size(); ++i)
        keep(*l, std::move(all[i]), texts[i], now, later);
    return {};
}

void queue_logic::keep(lane& l, leading_members given, std::string_view text, unix_ms now,
                       changes& later) {
    const auto& window = l.settings().dedupe_for;
    if (window && !given.dedupe_key.empty() &&
        store_.is_duplicate(l.number(), given.dedupe_key, now, window->count()))
        return;
    disk_left_ -= std::min(disk_left_, std::uint64_t(text.size()));
    const std::int64_t before = store_.last_place(l.number());
    std::string key = l.settings().ordered ? given.order_key : std::string();
    store_.insert(
        {.id = given.id, .text = text, .lane = l.number(), .order_key = key, .accepted_at = now});
    const std::int64_t turn = store_.last_place(l.number());
    if (turn > before)
        later.arrived.push_back(
            {&l, {std::move(given.id), text, std::move(key), now, turn, before}});
}

void queue_logic::finish(const std::string& id, bool abandoned, unix_ms now) {
    if (const auto out = in_flight_.find(id); out != in_flight_.end()) {
        lane& l = *out->second.of;
        l.came_back(out->second.order_key, out->second.bytes);
        if (abandoned) l.health.circuit.abandoned(out->second.ticket, as_point(now));
        in_flight_.erase(out);
        return;
    }
    // It was in flight in an earlier life of the queue.
    for (const auto& l : lanes_) l->forget(id);
}

std::optional<handover> queue_logic::next(time_point at, queue_events& events) {
    const unix_ms now = to_ms(at);
    for (std::size_t asked = 0; asked < lanes_.size(); ++asked) {
        lane& l = *lanes_[turn_++ % lanes_.size()];
        auto first = l.next(now);
        for (auto unfit = l.take_unfit(); !unfit.empty(); unfit = l.take_unfit()) {
            bury(l, std::move(unfit), now, events);
            if (!first) first = l.next(now);
        }
        if (!first) continue;
        const auto ticket = l.handed_over(*first, now);
        in_flight_[first->id] = {
            &l, first->seq, first->attempt + 1, first->order_key, first->text.size(), ticket};
        return handover{l.settings().forwarder, std::move(*first)};
    }
    return std::nullopt;
}

std::optional<queue_logic::time_point> queue_logic::wake_at(time_point at) const {
    std::optional<unix_ms> first;
    for (const auto& l : lanes_)
        if (const auto wake = l->wake_at(to_ms(at)); wake && (!first || *wake < *first))
            first = wake;
    if (!first) return std::nullopt;
    return time_point(std::chrono::duration_cast<clock_type::duration>(milliseconds(*first)));
}

/// Where that fails, they are read once more.
void queue_logic::bury(lane& l, std::vector<unfit_webhook> unfit, unix_ms now,
                       queue_events& events) {
    try {
        store_.begin();
        for (const auto& [id, reason, is_whole] : unfit) {
            const auto known = store_.tries_of(id);
            if (!known && !is_whole)
                throw store_error(fmt::format("no webhook is where its id {} leads", id), true);
            if (!known) continue;
            store_.mark_dead(id, known->attempt, reason, now);
            events.dead.push_back({id, l.settings().route, reason});
        }
        store_.commit();
    } catch (const store_error&) {
        store_.rollback();
        l.begin_anew();
        events.dead.clear();
        throw;
    }
}

void queue_logic::put_back(const std::string& id, time_point now, time_point until) {
    const auto out = in_flight_.find(id);
    if (out == in_flight_.end()) return;
    lane& l = *out->second.of;
    finish(id, true, to_ms(now));
    l.begin_anew();  // read again from the start, so that it keeps its turn
    l.rest_until(to_ms(until));
}

void queue_logic::set_aside(const std::string& id, const std::string& reason, time_point at,
                            queue_events& events) {
    const auto found = in_flight_.find(id);
    const unsigned attempt = found == in_flight_.end() ? 1 : found->second.attempt;
    const auto known = store_.tries_of(id);
    try {
        store_.begin();
        store_.mark_dead(id, attempt, reason, to_ms(at));
        store_.commit();
    } catch (const store_error&) {
        store_.rollback();
        throw;
    }
    if (known) events.dead.push_back({id, store_.routes().at(known->lane).name, reason});
    finish(id, true, to_ms(at));
}

}  // namespace components
