// The queue between its senders and its forwarders, in a simulated tree in virtual time with a real
// SQLite file.
#pragma once

#include "components/queue/queue.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

namespace queue_tests {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using supe::awaitable;
using supe::component;
using supe::simulation::world;
using lines = std::vector<std::string>;

/// A queue, forwarders that do what the test says, and a sender.
struct queue_world {
    support::temporary_directory directory{support::in_memory()};
    world w;
    lines got{};  ///< mail that reached the forwarder
    std::map<std::string, std::deque<int>>
        statuses{};  ///< what the next tries of a webhook bring; 200 where none is left; -1 a crash
    std::map<std::string, int> delivered{};  ///< by id
    std::map<std::string, supe::time_point> sent_at{};
    std::map<std::string, supe::duration> took{};  ///< from the sender to the destination
    lines order_of_arrival{};
    supe::duration a_try{};         ///< takes as long
    std::set<std::string> holds{};  ///< names of forwarders whose tries do not end
    std::set<std::string> down{};   ///< names of forwarders whose tries end with 503
    std::size_t trying = 0, most = 0;
    std::set<std::string> kept{};  ///< acknowledged by the queue
    std::size_t refused = 0;
    component* sender = nullptr;
    supe::nursery* sending = nullptr;

    explicit queue_world(std::uint64_t seed = 1) : w(seed) {
        w.provide("queue", components::queue);
        w.provide("forwarder", [this](component& self) { return forward(self); });
        w.provide("sender", [this](component& self) { return be_sender(self); });
    }
    ~queue_world() { w.stop(); }

    void run(const std::string& config = R"("in_flight": 3)") {
        w.run(fmt::format(R"({{"name": "t", "max_restarts": 10000, "children": [
            {{"name": "queue", "component": "queue", "config": {{"file": "{}", "disk_reserve": "0", {}}}, "max_restarts": 1000, "backoff": {{"max": "100ms", "jitter": 0}}}},
            {{"name": "forwarder", "component": "forwarder", "demand": true, "max_restarts": 1000, "backoff": {{"max": "100ms", "jitter": 0}}}},
            {{"name": "forwarder-b", "component": "forwarder", "demand": true, "max_restarts": 1000, "backoff": {{"max": "100ms", "jitter": 0}}}},
            {{"name": "sender", "component": "sender"}}]}})",
                          (directory / "queue.db").string(), config));
    }

    awaitable<> forward(component& self) {
        supe::nursery all(self.time());
        self.set_window(64);
        trying = 0;
        all.start(take(self, all));
        co_await all.join();
    }
    awaitable<> take(component& self, supe::nursery& all) {
        while (auto mail = co_await self.receive()) {
            got.push_back(mail->body());
            all.start(attempt(self, std::move(*mail)));
        }
        all.cancel();
    }
    awaitable<> attempt(component& self, supe::mail mail) {
        const auto body = mail.value();
        const auto& order = body.as_object();
        const std::string id(order.at("webhook").as_object().at("id").as_string());
        most = std::max(most, ++trying);
        if (a_try > 0s) co_await self.time().sleep_for(a_try);
        while (holds.contains(self.name())) co_await self.time().sleep_for(1s);
        auto& next = statuses[id];
        const bool is_down = down.contains(self.name());
        const int status = is_down ? 503 : next.empty() ? 200 : next.front();
        if (status < 0) throw std::runtime_error("this one kills me");
        if (!next.empty() && !is_down) next.pop_front();
        if (status == 200) {
            ++delivered[id];
            took[id] = self.time().now() - sent_at[id];
            order_of_arrival.push_back(id);
        }
        std::string result =
            fmt::format(R"({{"results":[{{"id":"{}","attempt":{},"status":{}}}]}})", id,
                        order.at("attempt").as_int64(), status);
        co_await self.send("queue", std::move(result));
        mail.ack();
        --trying;
    }

    awaitable<> be_sender(component& self) {
        supe::nursery all(self.time());
        sender = &self;
        sending = &all;
        all.start(until_shutdown(self, all));
        co_await all.join();
        sending = nullptr;
    }
    awaitable<> until_shutdown(component& self, supe::nursery& all) {
        co_await self.shutdown_requested();
        all.cancel();
    }
    awaitable<> deliver(std::string id, std::string text) {
        const supe::error_code failed = co_await sender->try_deliver("queue", std::move(text));
        failed ? ++refused : kept.insert(id).second;
    }
    /// `more`: members behind the id, as `"route":"r",`.
    void send(const std::string& id, std::size_t bytes = 0, const std::string& more = "") {
        sent_at[id] = w.time().now();
        sending->start(deliver(
            id, fmt::format(R"({{"id":"{}",{}"body":"{}"}})", id, more, std::string(bytes, 'A'))));
    }
    lines events() { return std::exchange(got, {}); }
    /// The notice of the depth, without the ledger and the routes.
    std::string depth() {
        const auto all = w.messages("queue-depth");
        return all.empty() ? "" : all.back().substr(0, all.back().find(",\"accepted\"")) + "}";
    }
    bool is_balanced() {
        const auto n = boost::json::parse(w.messages("queue-depth").back());
        const auto of = [&](const char* name) { return n.at(name).to_number<std::uint64_t>(); };
        return of("accepted") ==
               of("delivered") + of("dead") + of("dropped") + of("pending") + of("failed");
    }
};

}  // namespace queue_tests
