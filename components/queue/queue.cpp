#include "components/queue/queue.hpp"

#include "components/queue/damaged_store.hpp"
#include "components/queue/disk_ballast.hpp"
#include "components/queue/file_watch.hpp"
#include "components/queue/queue_inbox.hpp"
#include "components/queue/queue_logic.hpp"
#include "components/queue/queue_metrics.hpp"
#include "components/queue/queue_settings.hpp"
#include "components/queue/shown_webhook.hpp"
#include "patterns/output.hpp"
#include "patterns/rate_limiter.hpp"
#include "supe/component/state_path.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <boost/json/object.hpp>
#include <random>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto redelivery_pause = 1s;  // after the forwarder's mailbox refused one
constexpr auto store_pause = 1s;       // after the store failed
constexpr auto forget_pause = 5ms;     // between two steps: what waits comes first
constexpr auto forget_every = 1s;      // when there was nothing to forget

/// The queue as a component: what its coroutines share.
struct queue_state {
    supe::component& self;
    queue_logic& logic;
    disk_ballast& ballast;
    queue_inbox& inbox;
    supe::nursery all;    // its coroutines: when one fails, so does the queue
    supe::timer offer;    // something may be sent to the forwarder
    supe::timer changed;  // the depth is not what was last published
    file_watch file;
    supe::time_point store_rests_until{};            // after it failed
    patterns::rate_limiter refusal_lines{{1, 10s}};  // one line for a storm of refusals
    std::uint64_t refused = 0;

    queue_state(supe::component& c, queue_logic& d, webhook_store& store, disk_ballast& b,
                queue_inbox& i)
        : self(c), logic(d), ballast(b), inbox(i), all(c.time()), offer(c.time()),
          changed(c.time()), file(c.time(), d, store) {}
    /// Wall time as it was when the queue began, and steady since then: a wall clock that is set
    /// neither holds up what is to be tried again nor hurries it.
    std::chrono::system_clock::time_point now() const {
        return began_wall + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                self.time().now() - began);
    }

private:
    const std::chrono::system_clock::time_point began_wall = self.time().wall();
    const supe::time_point began = self.time().now();
};

std::function<std::uint64_t()> free_bytes_at(const std::filesystem::path& directory) {
    return [directory = directory.empty() ? std::filesystem::path(".") : directory] {
        struct statvfs disk{};
        if (::statvfs(directory.c_str(), &disk) != 0) return std::uint64_t(0);
        return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    };
}

void publish_events(queue_state& state, const queue_events& events) {
    for (const auto& [id, route, reason] : events.dead) {
        patterns::warn("webhook {} of route {} goes to the dead letters: {}", id, route, reason);
        state.self.notify("webhook-dead", {{"id", id}, {"reason", reason}, {"route", route}});
    }
    for (const std::string& route : events.paused) {
        patterns::warn(
            "the destination of route {0} answered 410: it is paused and its webhooks are kept; "
            "`supe mail --wait {1} '{{\"resume\":true,\"route\":\"{0}\"}}'` goes on",
            route, state.self.address());
        state.self.notify("destination-paused", {{"route", route}});
    }
    for (const std::string& route : events.down) {
        patterns::warn("the destination of route {} is down: one webhook at a time tries it",
                       route);
        state.self.notify("destination-down", {{"route", route}});
    }
    for (const std::string& route : events.up) {
        patterns::warn("the destination of route {} is up again", route);
        state.self.notify("destination-up", {{"route", route}});
    }
}

void log_refusal(queue_state& state, const std::string& why) {
    ++state.refused;
    if (state.refusal_lines.take(state.self.time().now()) == 0s)
        patterns::warn("refused ({} so far): {}", state.refused, why);
}

/// After a failure of the store. Where it is not the disk, the room comes back with the next batch.
void make_room(queue_state& state) {
    const bool gave_up = state.ballast.give_up();
    state.logic.make_room();
    if (gave_up)
        patterns::warn(
            "the store failed: the room that was kept for a full disk is given up, so that "
            "deliveries can go on");
}

/// Answers a call; where the answer does not fit into a frame, with that error. A call that came
/// before may have been done then: of a count the answer says so.
void reply(queue_state& state, const supe::mail& call, std::string answer) {
    if (call.attempt() > 1 && answer.starts_with(R"({"done":)"))
        answer.insert(1, R"("again":true,)");
    try {
        state.self.answer(call.from(), call.call(), std::move(answer));
    } catch (const std::exception& e) {
        state.self.answer(call.from(), call.call(), error_answer(e.what()));
    }
}

supe::awaitable<> keep_webhooks(queue_state& state) {
    using kind = mail_decision::kind;
    std::vector<queue_inbox::arrival> batch;
    supe::duration commit_took{};
    for (bool goes_on = true; goes_on;) {
        const supe::time_point until = state.self.time().now() + store_pause;
        goes_on = co_await state.inbox.gather(batch, until, commit_took);
        if (batch.empty()) continue;
        std::vector<std::string_view> bodies;
        for (const queue_inbox::arrival& a : batch) bodies.push_back(a.body());
        queue_events events;
        const supe::time_point began = state.self.time().now();
        const auto decisions = state.logic.take(bodies, state.now(), events);
        commit_took = state.self.time().now() - began;
        std::vector<queue_inbox::arrival> later;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (!decisions[i].answer.empty() && batch[i].mail)
                reply(state, *batch[i].mail, decisions[i].answer);
            if (decisions[i].what == kind::done) state.inbox.acknowledge(batch[i]);
            if (decisions[i].what == kind::refuse)
                state.inbox.refuse(batch[i], decisions[i].reason);
            if (decisions[i].what != kind::done) log_refusal(state, decisions[i].reason);
            if (decisions[i].what == kind::later) later.push_back(std::move(batch[i]));
        }
        batch = std::move(later);
        if (batch.empty())
            state.ballast.keep(state.logic.disk_left());
        else
            make_room(state);
        publish_events(state, events);
        state.offer.notify();
        state.changed.notify();
        if (state.logic.has_lost_file()) state.file.look_now();
    }
    co_await state.inbox.flushed();
    state.all.cancel();
}

/// Again and again until it is done: the store may be in trouble for a while.
supe::awaitable<> set_aside(queue_state& state, std::string id) {
    const std::string reason = "it crashed the forwarder time and again, or was refused by it";
    queue_events events;
    for (;;) {
        try {
            state.logic.set_aside(id, reason, state.now(), events);
            break;
        } catch (const store_error& e) {
            if (e.damaged()) throw;
            log_refusal(state, e.what());
            make_room(state);
        }
        co_await state.self.time().sleep_for(store_pause);
    }
    publish_events(state, events);
}

/// One webhook, until the forwarder has acknowledged it: by then its result is in our mailbox.
supe::awaitable<> deliver(queue_state& state, std::string to, std::string id, std::string body) {
    const supe::error_code failed = co_await state.self.try_deliver(to, std::move(body));
    if (!failed || failed == supe::mail_error::channel_closed) co_return;
    if (failed == supe::mail_error::dead_lettered) {
        co_await set_aside(state, std::move(id));
    } else {
        patterns::warn("webhook {} could not be sent to {}: {}", id, to, failed.message());
        state.logic.put_back(id, state.now(), state.now() + redelivery_pause);
    }
    state.offer.notify();
    state.changed.notify();
}

std::optional<handover> next_webhook(queue_state& state) {
    const supe::time_point now = state.self.time().now();
    if (now < state.store_rests_until) return std::nullopt;
    queue_events events;
    std::optional<handover> next;
    try {
        next = state.logic.next(state.now(), events);
    } catch (const store_error& e) {
        if (e.damaged()) throw;
        log_refusal(state, e.what());
        make_room(state);
        state.store_rests_until = now + store_pause;
    }
    publish_events(state, events);
    return next;
}

/// When something may be sent although no mail arrives until then.
supe::time_point next_offer(queue_state& state) {
    const supe::time_point now = state.self.time().now();
    if (now < state.store_rests_until) return state.store_rests_until;
    const auto wake = state.logic.wake_at(state.now());
    return wake ? now + std::chrono::ceil<std::chrono::milliseconds>(*wake - state.now())
                : supe::never;
}

supe::awaitable<> deliver_all(queue_state& state) {
    for (;;) {
        if (auto next = next_webhook(state)) {
            stored_webhook& webhook = next->webhook;
            std::string body;
            body.reserve(webhook.text.size() + 40);
            body += fmt::format(R"({{"attempt":{},"webhook":)", webhook.attempt + 1);
            body += webhook.text;
            body += '}';
            state.all.start(
                deliver(state, std::move(next->forwarder), std::move(webhook.id), std::move(body)));
            state.changed.notify();
        } else {
            state.offer.expires_at(next_offer(state));
            co_await state.offer.wait();
        }
    }
}

/// Step by step, so that it holds up no intake. It does not run where nothing is kept.
supe::awaitable<> forget_delivered(queue_state& state) {
    for (;;) {
        bool has_more = false;
        try {
            has_more = state.logic.forget_delivered(state.now());
        } catch (const store_error& e) {
            if (e.damaged()) throw;
            log_refusal(state, e.what());
        }
        if (has_more) state.changed.notify();
        const auto pause = has_more ? std::chrono::milliseconds(forget_pause) : forget_every;
        co_await state.self.time().sleep_for(pause);
    }
}

json::object depth_of(const route_counts& n, std::size_t in_flight, bool paused) {
    // "handed": a public name for what is in flight.
    return {{"pending", n.pending},   {"failed", n.failed},
            {"handed", in_flight},    {"dead", n.dead},
            {"bytes", n.bytes},       {"paused", paused},
            {"accepted", n.accepted}, {"delivered", n.delivered},
            {"dropped", n.dropped},   {"duplicates", n.duplicates},
            {"replayed", n.replayed}, {"kept", n.kept}};
}

json::object depth(const queue_logic& logic) {
    bool paused = false;
    json::object routes;
    for (const route_row& r : logic.store().routes().all())
        routes[r.name] = depth_of(r.counts, 0, r.paused);  // also of one without a lane
    for (const auto& l : logic.lanes()) {
        json::object& route = routes[l->settings().route].as_object();
        paused = paused || l->is_paused();
        route["handed"] = l->in_flight();
        route["circuit"] = name_of(l->health.circuit.current());
    }
    json::object all = depth_of(logic.store().counts(), logic.in_flight(), paused);
    all["routes"] = std::move(routes);
    return all;
}

/// At most once a second, and only what is new.
supe::awaitable<> publish_depth(queue_state& state) {
    json::object shown;
    for (;;) {
        json::object now = depth(state.logic);
        if (now == shown) {
            co_await state.changed.wait();
            continue;
        }
        state.self.notify("queue-depth", now);
        state.self.status(ledger_text(state.logic.store().counts()));
        shown = std::move(now);
        co_await state.self.time().sleep_for(1s);
    }
}

void tell_what_is_there(const webhook_store& store, const std::string& address) {
    const route_counts kept = store.counts();
    if (kept.queued() + kept.dead > 0)
        patterns::say("{} webhooks from before to deliver, {} to try again, {} dead", kept.pending,
                      kept.failed, kept.dead);
    for (const route_row& r : store.routes().all())
        if (r.paused)
            patterns::warn(
                "the destination of route {0} is paused (410); `supe mail --wait {1} "
                "'{{\"resume\":true,\"route\":\"{0}\"}}'` goes on",
                r.name, address);
}

supe::awaitable<> run(supe::component& self, queue_settings settings, webhook_store& store,
                      std::filesystem::path file) {
    const auto free_bytes = free_bytes_at(file.parent_path());
    disk_ballast ballast(file += ".ballast");
    ballast.keep(free_bytes());
    std::mt19937_64 dice{std::random_device{}()};
    queue_logic logic(
        store, settings.limits,
        [&dice] { return std::uniform_real_distribution<double>(0, 1)(dice); }, free_bytes);
    tell_what_is_there(store, self.address());
    self.set_window(settings.window);
    queue_inbox inbox(
        self, settings.socket.empty() ? settings.socket : supe::in_state(settings.socket).string());
    queue_state state(self, logic, store, ballast, inbox);
    logic.bound_waits(state.now());
    state.all.start(deliver_all(state));
    state.all.start(publish_depth(state));
    state.all.start(state.file.run());
    if (logic.keeps_delivered()) state.all.start(forget_delivered(state));
    state.all.start(keep_webhooks(state));
    inbox.start(state.all);
    co_await state.all.join();
}

}  // namespace

supe::awaitable<> queue(supe::component& self) {
    const json::value config = co_await self.config();
    const queue_settings settings = queue_settings_in(config);
    const auto file = supe::in_state(settings.file);
    const auto tell = [](const std::string& line) { patterns::warn("{}", line); };
    std::unique_ptr<webhook_store> store = open_store(file, tell);
    std::optional<store_error> damage;
    try {
        co_await run(self, settings, *store, file);
    } catch (const store_error& e) {
        if (!e.damaged()) throw;
        damage = e;
    }
    if (!damage) co_return;
    store.reset();
    set_aside_damaged(file, damage->what(), tell);
    throw *damage;  // the next life begins with what could be read
}

}  // namespace components
