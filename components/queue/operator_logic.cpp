// The decisions of queue_logic on what an operator asks of a route.
#include "components/queue/dead_webhooks.hpp"
#include "components/queue/queue_logic.hpp"
#include "components/queue/queue_metrics.hpp"
#include "components/queue/shown_webhook.hpp"
#include "components/queue/webhook_requests.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <system_error>

namespace components {
namespace {

namespace json = boost::json;

constexpr std::size_t drop_at_once = 1000;
// One step of forgetting: some milliseconds, for which a new webhook waits at most.
constexpr read_limit forget_at_once{100, 4 << 20};
constexpr std::uint64_t enough_reusable = 16 << 20;  // bytes free inside the file

mail_decision refused(std::string why) { return {mail_decision::kind::refuse, std::move(why)}; }

}  // namespace

/// Ends pauses and waits, of one route or of all.
mail_decision queue_logic::resume(std::string_view body, unix_ms now, changes& later) {
    const auto parsed = supe::parse_json(body);
    const json::object asked =
        parsed && parsed->is_object() ? parsed->get_object() : json::object();
    const std::string route = supe::string_of(asked, "route");
    if (!supe::flag_of(asked, "resume", false)) return refused(R"("resume": true is expected)");
    if (asked.contains("route") && !lane_named(route))
        return refused(
            fmt::format("route {} is not one of {}", supe::json_quoted(route), names_of_lanes()));
    for (const auto& l : lanes_) {
        if (asked.contains("route") && l->settings().route != route) continue;
        route_row& row = store_.routes().at(l->number());
        row.paused = false;
        row.held_until = 0;
        store_.make_due(l->number(), now);
        later.health_before.try_emplace(l.get(), l->health);
        l->health.circuit.try_now(as_point(now));
        later.begin_anew.push_back(l.get());
    }
    return {};
}

mail_decision queue_logic::about_webhooks(std::string_view request, unix_ms now, changes& later) {
    const auto has_room = [this](std::int64_t lane) {
        return limits_.has_room_for_replay(store_.routes().at(lane).counts, store_.counts());
    };
    webhook_answer about = answer_about_webhooks(store_, request, now, has_room);
    for (const auto& l : lanes_) {
        if (about.replayed) later.failed.emplace_back(l.get(), now);
        if (about.dropped) later.begin_anew.push_back(l.get());
    }
    return {mail_decision::kind::done, {}, std::move(about.text)};
}

mail_decision queue_logic::about_metrics(unix_ms now) {
    store_.try_to_write();
    return {mail_decision::kind::done, {}, json::serialize(metrics_of(*this, store_, now))};
}

const std::string& queue_logic::look_for_file() {
    const std::filesystem::path lost = store_.lost_file();
    lost_file_.clear();
    if (!lost.empty())
        lost_file_ =
            fmt::format("{} was deleted, moved or replaced under the running queue", lost.string());
    return lost_file_;
}

/// A log that is lost loses nothing where its content is in the file. A file that is lost takes
/// with it what is not delivered yet, and what waits for an operator.
bool queue_logic::may_begin_anew() {
    const std::filesystem::path lost = store_.lost_file();
    if (lost.empty()) return false;
    if (store_.has_its_file()) return store_.make_room();
    const route_counts n = store_.counts();
    std::error_code missing;
    const std::filesystem::path place = std::filesystem::absolute(lost, missing).parent_path();
    return n.queued() + n.dead == 0 && std::filesystem::exists(place, missing);
}

/// What was delivered leaves free pages inside the file, which the disk does not see.
std::string queue_logic::objection_to_any(std::size_t bytes) const {
    if (has_lost_file()) return lost_file_;
    if (store_.counts().bytes + bytes > limits_.bytes) return "the queue is full";
    if (disk_left_ < limits_.disk_reserve + bytes && store_.reusable_bytes() < 2 * bytes)
        return "the disk is nearly full";
    return {};
}

bool queue_logic::keeps_delivered() const {
    return limits_.keep_delivered.count() > 0 || store_.counts().kept > 0;
}

/// Nothing that is kept keeps a new webhook out: where the limit is reached, or the disk nearly
/// full, the oldest go before their time.
bool queue_logic::forget_delivered(time_point now) {
    const route_counts n = store_.counts();
    if (n.kept == 0) return false;
    // Where the file is lost, what is there may be another disk, or none.
    const bool disk_is_low = look_for_file().empty() && free_bytes_() < limits_.disk_reserve &&
                             store_.reusable_bytes() < enough_reusable;
    const bool is_full = disk_is_low || n.bytes + n.kept_bytes > limits_.bytes;
    const auto until = is_full ? now : now - limits_.keep_delivered;
    try {
        store_.begin();
        const std::size_t done = store_.forget_kept(
            std::chrono::duration_cast<milliseconds>(until.time_since_epoch()).count(),
            forget_at_once);
        store_.commit();
        return done > 0;
    } catch (const store_error&) {
        store_.rollback();
        throw;
    }
}

std::optional<std::int64_t> queue_logic::note_delivery(const std::string& id,
                                                       const attempt_note& last) {
    return limits_.keep_delivered.count() > 0 ? store_.keep(id, last) : store_.remove(id);
}

/// `{"drop":ROUTE}`: also one that is not in the settings any more.
mail_decision queue_logic::drop_route(std::string_view value, changes& later) {
    const std::string name = supe::json_string_or_empty(value);
    for (const route_row& r : store_.routes().all()) {
        if (r.name != name) continue;
        const std::size_t done = store_.drop_queued(r.lane, drop_at_once);
        if (lane* l = lane_numbered(r.lane)) later.begin_anew.push_back(l);
        return {mail_decision::kind::done,
                {},
                fmt::format(R"({{"done":{},"more":{}}})", done,
                            store_.routes().at(r.lane).counts.queued() > 0)};
    }
    return {mail_decision::kind::done,
            {},
            error_answer(fmt::format("drop: there is no route {}", supe::json_quoted(name)))};
}

}  // namespace components
