#include "components/queue.hpp"

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

constexpr auto handover_pause = 1s;  // after the forwarder's mailbox refused one

/// The queue as a component: what its coroutines share.
struct queue_room {
    supe::component& self;
    queue_desk& desk;
    supe::timer offer;      // something may be handed out
    supe::timer changed;    // the depth is not what was last published
    std::uint64_t last_shown = ~std::uint64_t(0);

    queue_room(supe::component& c, queue_desk& d) : self(c), desk(d), offer(c.time()), changed(c.time()) {}
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
    return [directory] {
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

/// Gathering is everything: whatever has arrived goes into one commit.
supe::awaitable<> keep(queue_room& room) {
    while (auto first = co_await room.self.receive()) {
        std::vector<supe::mail> batch;
        batch.push_back(std::move(*first));
        while (auto next = co_await room.self.receive_until(room.self.time().now())) batch.push_back(std::move(*next));
        std::vector<std::string_view> bodies;
        for (const supe::mail& m : batch) bodies.push_back(m.body());
        queue_news news;
        const auto refusals = room.desk.take(bodies, room.self.time().wall(), news);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (refusals[i].empty()) {
                co_await batch[i].ack();
            } else {
                co_await batch[i].reject(false, refusals[i]);
            }
        }
        tell(room, news);
        room.offer.notify();
        room.changed.notify();
    }
}

supe::awaitable<> hand_out(queue_room& room) {
    for (;;) {
        auto webhook = room.desk.next(room.self.time().wall());
        if (!webhook) {
            co_await room.offer.wait();
            continue;
        }
        std::string body = fmt::format(R"({{"attempt":{},"webhook":{}}})", webhook->attempt + 1, webhook->text);
        bool refused = false;
        try {
            co_await room.self.send("forwarder", std::move(body));
        } catch (const supe::system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted) throw;
            patterns::warn("webhook {} could not be handed to the forwarder: {}", webhook->id, e.code().message());
            room.desk.put_back(std::move(*webhook));
            refused = true;
        }
        if (refused) co_await room.self.time().sleep_for(handover_pause);
    }
}

/// What crashed the forwarder time and again comes back as a dead letter of our supervisor's.
supe::awaitable<> watch_dead_letters(queue_room& room) {
    supe::watch letters = co_await room.self.watch_notice("mail-dead-lettered", false);
    while (auto letter = co_await letters.next()) {
        const auto* mail = letter->message.is_object() ? letter->message.get_object().if_contains("mail") : nullptr;
        const auto* webhook = mail && mail->is_object() ? mail->get_object().if_contains("webhook") : nullptr;
        const auto* id = webhook && webhook->is_object() ? webhook->get_object().if_contains("id") : nullptr;
        if (!id || !id->is_string()) continue;
        const std::string name(id->get_string());
        const std::string reason = "it crashed the forwarder time and again";
        room.desk.set_aside(name, reason);
        tell(room, {{{name, reason}}, false});
        room.offer.notify();
        room.changed.notify();
    }
}

/// At most once a second, and only what is new.
supe::awaitable<> show_depth(queue_room& room) {
    for (;;) {
        const store_counts& n = room.desk.store().counts();
        const std::uint64_t shown = n.pending * 31 + n.failed * 1009 + n.dead * 65537 + room.desk.handed() * 7919 +
                                    (room.desk.store().paused() ? 1 : 0);
        if (std::exchange(room.last_shown, shown) != shown) {
            room.self.notify("queue-depth", {{"pending", n.pending - std::min(n.pending, std::uint64_t(room.desk.handed()))},
                                             {"handed", room.desk.handed()}, {"failed", n.failed}, {"dead", n.dead},
                                             {"bytes", n.bytes}, {"paused", room.desk.store().paused()}});
            co_await room.self.time().sleep_for(1s);
        } else {
            co_await room.changed.wait();
        }
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
    supe::nursery beside(self.time());
    beside.start(hand_out(room));
    beside.start(watch_dead_letters(room));
    beside.start(show_depth(room));
    co_await keep(room);
    beside.cancel();
    co_await beside.join();
}

}  // namespace components
