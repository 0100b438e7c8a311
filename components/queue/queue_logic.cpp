#include "components/queue/queue_logic.hpp"

#include "components/queue/dead_webhooks.hpp"
#include "supe/text/json_text.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace components {
namespace {

namespace json = boost::json;

constexpr std::size_t read_ahead = 8 << 20;  // bytes
constexpr std::size_t longest_id = 64;

std::int64_t unix_ms(queue_logic::clock_type::time_point t) {
    return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

/// What becomes of a mail whose transaction failed: senders of webhooks can send again, and
/// operators see what is wrong.
mail_decision after_failure(std::string_view body, const char* why) {
    using kind = mail_decision::kind;
    supe::json_members members(body);
    const bool object = members.next();
    if (object && members.key() == "id" && members.value().starts_with('"'))
        return {kind::refuse, why};
    if (object && members.key() == "dead") return {kind::done, {}, error_answer(why)};
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
    : store_(store), limits_(limits), random_(std::move(random)),
      free_bytes_(std::move(free_bytes)) {}

void queue_logic::bound_waits(clock_type::time_point now) {
    store_.begin();
    store_.bound_waits(unix_ms(now + std::max(limits_.retry.max, limits_.retry.retry_after_max)));
    store_.commit();
}

std::vector<mail_decision> queue_logic::take(const std::vector<std::string_view>& bodies,
                                             clock_type::time_point now, queue_events& events) {
    std::vector<mail_decision> decisions;
    changes after;
    disk_left_ = free_bytes_();
    try {
        store_.begin();
        for (const std::string_view body : bodies)
            decisions.push_back(take_one(body, now, events, after));
        store_.commit();
    } catch (const store_error& e) {
        store_.rollback();
        events = {};
        decisions.clear();
        for (const std::string_view body : bodies)
            decisions.push_back(after_failure(body, e.what()));
        return decisions;
    }
    for (const std::string& id : after.finished) finish(id);
    if (after.retry) {
        tick_ms_ = unix_ms(now);
        due_.clear();
        due_at_ = due_seq_ = 0;
    }
    return decisions;
}

mail_decision queue_logic::take_one(std::string_view body, clock_type::time_point now,
                                    queue_events& events, changes& after) {
    supe::json_members members(body);
    const bool object = members.next();
    const std::string_view key = object ? members.key() : std::string_view(),
                           value = object ? members.value() : std::string_view();
    if (key == "id" && value.starts_with('"'))
        return take_webhook(value.substr(1, value.size() - 2), body);
    if (key == "result") {
        take_result(value, now, events, after);
    } else if (key == "retry") {
        after.retry = true;
    } else if (key == "resume") {
        store_.set_paused(false);
        after.retry = true;
    } else if (key == "dead") {
        dead_answer about = answer_about_dead(store_, value, unix_ms(now));
        after.retry = after.retry || about.retried;
        return {mail_decision::kind::done, {}, std::move(about.text)};
    } else {
        return {mail_decision::kind::refuse,
                "a webhook, result, retry, resume or dead is expected"};
    }
    return {};
}

mail_decision queue_logic::take_webhook(std::string_view id, std::string_view body) {
    const auto refuse = [](const char* why) {
        return mail_decision{mail_decision::kind::refuse, why};
    };
    if (!is_id(id)) return refuse("the id is not made of 1 to 64 letters, digits, - and _");
    if (store_.counts().bytes + body.size() > limits_.bytes) return refuse("the queue is full");
    // What was delivered leaves free pages inside the file, which the disk does not see.
    if (disk_left_ < limits_.disk_reserve + body.size() &&
        store_.reusable_bytes() < 2 * body.size())
        return refuse("the disk is nearly full");
    disk_left_ -= std::min(disk_left_, std::uint64_t(body.size()));
    store_.insert(id, body);
    return {};
}

void queue_logic::take_result(std::string_view text, clock_type::time_point now,
                              queue_events& events, changes& after) {
    boost::system::error_code bad;
    const json::value parsed = json::parse({text.data(), text.size()}, bad);
    if (bad || !parsed.is_object()) return;
    const auto& o = parsed.get_object();
    const auto number = [&](const char* key) {
        const auto* v = o.if_contains(key);
        return v && v->is_int64() ? v->get_int64() : std::int64_t(0);
    };
    const auto* id_value = o.if_contains("id");
    if (!id_value || !id_value->is_string()) return;
    const std::string id(id_value->get_string());
    delivery_result result{static_cast<int>(number("status")), std::nullopt};
    if (o.contains("retry_after_ms"))
        result.retry_after = milliseconds(std::max<std::int64_t>(0, number("retry_after_ms")));
    const auto attempt =
        static_cast<unsigned>(std::clamp<std::int64_t>(number("attempt"), 1, 1000000));
    const auto known = store_.tries_of(id).value_or(stored_tries{});
    const verdict v = judge(result, {attempt, known.refused}, limits_.retry, random_());
    // A second report of a failure (the queue crashed after its commit) must not end the try that
    // runs now.
    if (v.what != verdict::kind::delivered && attempt <= known.attempt) return;
    switch (v.what) {
        case verdict::kind::delivered: store_.remove(id); break;
        case verdict::kind::retry:
            store_.mark_failed(id, attempt,
                               is_refusal(result.status) ? failure::refusal : failure::outage,
                               unix_ms(now + v.delay));
            break;
        case verdict::kind::dead:
            store_.mark_dead(id, attempt, v.reason, unix_ms(now));
            events.dead.emplace_back(id, v.reason);
            break;
        case verdict::kind::pause:
            store_.mark_failed(id, attempt, failure::outage,
                               unix_ms(now) - 1);  // first in line when the pause ends
            events.paused = events.paused || !store_.paused();
            store_.set_paused(true);
            break;
    }
    after.finished.push_back(id);
}

void queue_logic::finish(const std::string& id) {
    if (const auto out = in_flight_.find(id); out != in_flight_.end()) {
        in_flight_bytes_ -= out->second.bytes;
        in_flight_.erase(out);
        return;
    }
    // It was in flight in an earlier life of the queue.
    const auto it_is = [&](const stored_webhook& w) { return w.id == id; };
    std::erase_if(fresh_, it_is);
    std::erase_if(due_, it_is);
}

read_limit queue_logic::ahead() const { return {2 * limits_.in_flight, read_ahead}; }

bool queue_logic::refill_fresh() {
    while (fresh_.empty()) {
        auto more = store_.pending_after(fresh_seq_, ahead());
        if (more.empty()) return false;
        fresh_seq_ = more.back().seq;
        for (stored_webhook& w : more)
            if (!in_flight_.contains(w.id)) fresh_.push_back(std::move(w));
    }
    return true;
}

bool queue_logic::refill_due() {
    while (due_.empty()) {
        auto more = store_.due_after(due_at_, due_seq_, tick_ms_, ahead());
        if (more.empty()) return false;
        due_at_ = more.back().due_at;
        due_seq_ = more.back().seq;
        for (stored_webhook& w : more)
            if (!in_flight_.contains(w.id)) due_.push_back(std::move(w));
    }
    return true;
}

std::optional<stored_webhook> queue_logic::next() {
    if (store_.paused() || in_flight_.size() >= limits_.in_flight) return std::nullopt;
    if (!in_flight_.empty() && in_flight_bytes_ >= limits_.in_flight_bytes) return std::nullopt;
    fresh_turn_ = !fresh_turn_;
    if (!(fresh_turn_ ? refill_fresh() : refill_due())) fresh_turn_ = !fresh_turn_;
    if (!(fresh_turn_ ? refill_fresh() : refill_due())) return std::nullopt;
    auto& line = fresh_turn_ ? fresh_ : due_;
    stored_webhook first = std::move(line.front());
    line.pop_front();
    in_flight_[first.id] = {first.attempt + 1, first.text.size()};
    in_flight_bytes_ += first.text.size();
    return first;
}

void queue_logic::put_back(const std::string& id) {
    finish(id);
    // Read again from the start, so that it keeps its turn.
    fresh_.clear();
    due_.clear();
    fresh_seq_ = due_at_ = due_seq_ = 0;
}

void queue_logic::set_aside(const std::string& id, const std::string& reason,
                            clock_type::time_point now) {
    const auto found = in_flight_.find(id);
    const unsigned attempt = found == in_flight_.end() ? 1 : found->second.attempt;
    try {
        store_.begin();
        store_.mark_dead(id, attempt, reason, unix_ms(now));
        store_.commit();
    } catch (const store_error&) {
        store_.rollback();
        throw;
    }
    finish(id);
}

}  // namespace components
