#include "components/queue.hpp"

#include "components/queue_dead.hpp"
#include "components/queue_desk.hpp"
#include "components/state_path.hpp"
#include "patterns/output.hpp"
#include "supe/supervision/tree_file.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <random>
#include <sys/statvfs.h>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto handover_pause = 1s;       // after the forwarder's mailbox refused one
constexpr auto store_pause = 1s;          // after the store failed
constexpr auto complaint_every = 10s;     // one line for a storm of refusals
constexpr std::size_t batch_bytes = 8 << 20;

/// The queue as a component: what its coroutines share.
struct queue_room {
    supe::component& self;
    queue_desk& desk;
    supe::nursery all;      // its coroutines: when one fails, so does the queue
    supe::timer offer;      // something may be handed out
    supe::timer changed;    // the depth is not what was last published
    supe::time_point next_offer{};
    supe::time_point next_complaint{};
    std::uint64_t refused = 0;

    queue_room(supe::component& c, queue_desk& d) : self(c), desk(d), all(c.time()), offer(c.time()), changed(c.time()) {}
};

std::size_t number(const json::object& config, const char* key, std::size_t otherwise) {
    const auto* value = config.if_contains(key);
    return value && value->is_int64() && value->get_int64() > 0 ? static_cast<std::size_t>(value->get_int64()) : otherwise;
}

std::uint64_t bytes(const json::object& config, const char* key, std::uint64_t otherwise) {
    const auto* value = config.if_contains(key);
    if (!value) return otherwise;
    const auto n = value->is_string() ? supe::parse_bytes(std::string_view(value->get_string())) : std::nullopt;
    if (!n) throw std::runtime_error(fmt::format("queue: config.{} is not a size like \"10GiB\"", key));
    return *n;
}

std::function<std::uint64_t()> free_bytes_at(const std::filesystem::path& directory) {
    return [directory = directory.empty() ? std::filesystem::path(".") : directory] {
        struct statvfs disk {};
        if (::statvfs(directory.c_str(), &disk) != 0) return std::uint64_t(0);
        return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    };
}

void tell(queue_room& room, const queue_news& news) {
    for (const auto& [id, reason] : news.dead) {
        patterns::warn("webhook {} goes to the dead letters: {}", id, reason);
        room.self.notify("webhook-dead", {{"id", id}, {"reason", reason}});
    }
    if (news.paused) {
        patterns::warn("the destination answered 410: it is paused and its webhooks are kept; "
                       "`supe mail {} '{{\"resume\":true}}'` goes on", room.self.address());
        room.self.notify("destination-paused", nullptr);
    }
}

void complain(queue_room& room, const std::string& why) {
    ++room.refused;
    if (room.self.time().now() < room.next_complaint) return;
    room.next_complaint = room.self.time().now() + complaint_every;
    patterns::warn("refused ({} so far): {}", room.refused, why);
}

/// Whatever has arrived behind what is in the batch goes into the same commit, within bounds. False when it is time to end.
supe::awaitable<bool> gather(queue_room& room, std::vector<supe::mail>& batch) {
    const supe::time_point now = room.self.time().now();
    auto next = co_await room.self.receive_until(batch.empty() ? supe::never : now + store_pause);
    if (room.self.shutting_down()) co_return false;
    for (std::size_t bytes = 0; next;) {
        bytes += next->body().size();
        batch.push_back(std::move(*next));
        next.reset();
        if (bytes < batch_bytes) next = co_await room.self.receive_until(now);
    }
    co_return true;
}

/// One that does not fit into a frame is told instead.
void reply(queue_room& room, const supe::mail& call, std::string answer) {
    try {
        room.self.answer(call.from(), call.call(), std::move(answer));
    } catch (const std::exception& e) {
        room.self.answer(call.from(), call.call(), error_answer(e.what()));
    }
}

supe::awaitable<> keep(queue_room& room) {
    using kind = mail_decision::kind;
    std::vector<supe::mail> batch;
    while (co_await gather(room, batch)) {
        std::vector<std::string_view> bodies;
        for (const supe::mail& m : batch) bodies.push_back(m.body());
        queue_news news;
        const auto decisions = room.desk.take(bodies, room.self.time().wall(), news);
        std::vector<supe::mail> later;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (!decisions[i].answer.empty()) reply(room, batch[i], decisions[i].answer);
            if (decisions[i].what == kind::done) co_await batch[i].ack();
            if (decisions[i].what == kind::refuse) co_await batch[i].reject(false, decisions[i].reason);
            if (decisions[i].what != kind::done) complain(room, decisions[i].reason);
            if (decisions[i].what == kind::later) later.push_back(std::move(batch[i]));
        }
        batch = std::move(later);
        tell(room, news);
        room.offer.notify();
        room.changed.notify();
    }
    room.all.cancel();
}

/// Again and again until it is done: the store may be in trouble for a while.
supe::awaitable<> set_aside(queue_room& room, std::string id) {
    const std::string reason = "it crashed the forwarder time and again, or was refused by it";
    for (;;) {
        try {
            room.desk.set_aside(id, reason, room.self.time().wall());
            break;
        } catch (const store_error& e) {
            complain(room, e.what());
        }
        co_await room.self.time().sleep_for(store_pause);
    }
    tell(room, {{{id, reason}}, false});
}

/// One webhook, until the forwarder has acknowledged it: by then its result is in our mailbox.
supe::awaitable<> hand_over(queue_room& room, std::string id, std::string body) {
    const supe::error_code failed = co_await room.self.try_deliver("forwarder", std::move(body));
    if (!failed || failed == supe::mail_error::channel_closed) co_return;
    if (failed == supe::mail_error::dead_lettered) {
        co_await set_aside(room, std::move(id));
    } else {
        patterns::warn("webhook {} could not be handed to the forwarder: {}", id, failed.message());
        room.desk.put_back(id);
        room.next_offer = room.self.time().now() + handover_pause;
    }
    room.offer.notify();
    room.changed.notify();
}

std::optional<stored_webhook> next_webhook(queue_room& room) {
    const supe::time_point now = room.self.time().now();
    if (now < room.next_offer) return std::nullopt;
    room.next_offer = {};
    try {
        return room.desk.next();
    } catch (const store_error& e) {
        complain(room, e.what());
        room.next_offer = now + store_pause;
        return std::nullopt;
    }
}

supe::awaitable<> hand_out(queue_room& room) {
    for (;;) {
        if (auto webhook = next_webhook(room)) {
            std::string body = fmt::format(R"({{"attempt":{},"webhook":{}}})", webhook->attempt + 1, webhook->text);
            room.all.start(hand_over(room, std::move(webhook->id), std::move(body)));
            room.changed.notify();
        } else {
            room.offer.expires_at(room.next_offer == supe::time_point{} ? supe::never : room.next_offer);
            co_await room.offer.wait();
        }
    }
}

json::object depth(const queue_desk& desk) {
    const store_counts& n = desk.store().counts();
    return {{"pending", n.pending}, {"failed", n.failed}, {"handed", desk.handed()},
            {"dead", n.dead}, {"bytes", n.bytes}, {"paused", desk.store().paused()}};
}

/// At most once a second, and only what is new.
supe::awaitable<> show_depth(queue_room& room) {
    json::object shown;
    for (;;) {
        json::object now = depth(room.desk);
        if (now == shown) {
            co_await room.changed.wait();
            continue;
        }
        room.self.notify("queue-depth", now);
        shown = std::move(now);
        co_await room.self.time().sleep_for(1s);
    }
}

}  // namespace

supe::awaitable<> queue(supe::component& self) {
    const json::value given = co_await self.config();
    const json::object config = given.is_object() ? given.get_object() : json::object();
    const auto* name = config.if_contains("file");
    const auto file = in_state(name && name->is_string() ? std::string(name->get_string()) : "queue.db");
    queue_store store(file);
    queue_limits limits;
    limits.in_flight = number(config, "in_flight", limits.in_flight);
    limits.bytes = bytes(config, "limit", limits.bytes);
    limits.disk_reserve = bytes(config, "disk_reserve", limits.disk_reserve);
    std::mt19937_64 dice{std::random_device{}()};
    queue_desk desk(store, limits, [&dice] { return std::uniform_real_distribution<double>(0, 1)(dice); },
                    free_bytes_at(file.parent_path()));
    const store_counts& kept = store.counts();
    if (kept.pending + kept.failed + kept.dead > 0)
        patterns::say("{} webhooks to deliver from before, {} to be tried again, {} dead", kept.pending, kept.failed, kept.dead);
    if (store.paused()) patterns::warn("the destination is paused (410); `supe mail {} '{{\"resume\":true}}'` goes on", self.address());
    self.set_window(static_cast<unsigned>(number(config, "window", 1024)));
    queue_room room(self, desk);
    room.all.start(hand_out(room));
    room.all.start(show_depth(room));
    room.all.start(keep(room));
    co_await room.all.join();
}

}  // namespace components
