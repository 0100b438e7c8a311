#include "components/queue_desk.hpp"

#include "supe/channel/json_text.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace components {
namespace {

namespace json = boost::json;

/// A webhook whose result does not come although the forwarder could have tried many times over: handed out again.
constexpr auto result_limit = std::chrono::minutes(10);

std::int64_t unix_ms(queue_desk::clock_type::time_point t) {
    return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

}  // namespace

queue_desk::queue_desk(queue_store& store, queue_limits limits, std::function<double()> random,
                       std::function<std::uint64_t()> free_bytes)
    : store_(store), limits_(limits), random_(std::move(random)), free_bytes_(std::move(free_bytes)) {}

std::vector<std::string> queue_desk::take(const std::vector<std::string_view>& bodies, clock_type::time_point now,
                                          queue_news& news) {
    std::vector<std::string> refusals;
    disk_left_ = free_bytes_();
    try {
        store_.begin();
        for (const std::string_view body : bodies) refusals.push_back(take_one(body, now, news));
        store_.commit();
    } catch (const store_error& e) {
        store_.rollback();
        news = {};
        // What was done in memory on the way is undone by reading it all again.
        handed_.clear();
        ready_.clear();
        cursor_ = 0;
        refusals.assign(bodies.size(), e.what());
    }
    return refusals;
}

std::string queue_desk::take_one(std::string_view body, clock_type::time_point now, queue_news& news) {
    supe::json_members members(body);
    if (!members.next()) return "not an object: a webhook, result, retry or resume is expected";
    const std::string_view key = members.key(), value = members.value();
    if (key == "id" && value.starts_with('"')) return take_webhook(value.substr(1, value.size() - 2), body);
    if (key == "result") return take_result(value, now, news), std::string();
    if (key == "retry") return revive(now), std::string();
    if (key == "resume") return store_.set_paused(false), revive(now), std::string();
    return "unknown mail: a webhook, result, retry or resume is expected";
}

std::string queue_desk::take_webhook(std::string_view id, std::string_view body) {
    if (store_.counts().bytes + body.size() > limits_.bytes) return "the queue is full";
    if (disk_left_ < limits_.disk_reserve + body.size()) return "the disk is nearly full";
    disk_left_ -= body.size();
    store_.insert(id, body);
    return {};
}

void queue_desk::take_result(std::string_view text, clock_type::time_point now, queue_news& news) {
    boost::system::error_code bad;
    const json::value parsed = json::parse(text, bad);
    if (bad || !parsed.is_object()) return;
    const auto& o = parsed.get_object();
    const auto number = [&](const char* key) {
        const auto* v = o.if_contains(key);
        return v && v->is_int64() ? v->get_int64() : std::int64_t(0);
    };
    const auto* id_value = o.if_contains("id");
    if (!id_value || !id_value->is_string()) return;
    const std::string id(id_value->get_string());
    delivery_result result{static_cast<int>(number("status")), std::nullopt, {}};
    if (o.contains("retry_after_ms")) result.retry_after = milliseconds(std::max<std::int64_t>(0, number("retry_after_ms")));
    const auto attempt = static_cast<unsigned>(std::clamp<std::int64_t>(number("attempt"), 1, 1000000));
    const verdict v = judge(result, attempt, limits_.retry, random_());
    switch (v.what) {
        case verdict::kind::delivered: store_.remove(id); break;
        case verdict::kind::retry: store_.mark_failed(id, attempt, unix_ms(now + v.delay)); break;
        case verdict::kind::dead:
            store_.mark_dead(id, attempt, v.reason);
            news.dead.emplace_back(id, v.reason);
            break;
        case verdict::kind::pause:
            store_.mark_failed(id, attempt, unix_ms(now));  // first in line when the pause ends
            store_.set_paused(true);
            news.paused = true;
            break;
    }
    forget(id);
}

void queue_desk::revive(clock_type::time_point now) {
    std::erase_if(handed_, [&](const auto& entry) { return now - entry.second.at > result_limit; });
    store_.revive_due(unix_ms(now));
    ready_.clear();
    cursor_ = 0;
}

void queue_desk::forget(const std::string& id) {
    handed_.erase(id);
    std::erase_if(ready_, [&](const stored_webhook& w) { return w.id == id; });
}

std::optional<stored_webhook> queue_desk::next(clock_type::time_point now) {
    if (store_.paused() || handed_.size() >= limits_.in_flight) return std::nullopt;
    while (ready_.empty()) {
        auto more = store_.pending_after(cursor_, 2 * limits_.in_flight);
        if (more.empty()) return std::nullopt;
        cursor_ = more.back().seq;
        for (stored_webhook& w : more) {
            if (!handed_.contains(w.id)) ready_.push_back(std::move(w));
        }
    }
    stored_webhook first = std::move(ready_.front());
    ready_.pop_front();
    handed_[first.id] = {first.attempt + 1, now};
    return first;
}

void queue_desk::put_back(stored_webhook webhook) {
    handed_.erase(webhook.id);
    ready_.push_front(std::move(webhook));
}

void queue_desk::set_aside(const std::string& id, const std::string& reason) {
    const auto found = handed_.find(id);
    const unsigned attempt = found == handed_.end() ? 0 : found->second.attempt;
    store_.begin();
    store_.mark_dead(id, attempt, reason);
    store_.commit();
    forget(id);
}

}  // namespace components
