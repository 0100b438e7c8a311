#include "patterns/demand.hpp"

#include "patterns/every.hpp"
#include "supe/async/nursery.hpp"

#include <algorithm>
#include <deque>

namespace patterns {
namespace {

constexpr std::chrono::seconds say_again{5};
constexpr std::chrono::seconds lease{20};  // of a consumer that has not said it again
constexpr unsigned most_wanted = 100'000;

/// `{"want":N}`; nothing for other mail.
std::optional<unsigned> wanted_in(const supe::mail& mail) {
    const boost::json::value body = mail.value();
    const auto* n = body.is_object() ? body.get_object().if_contains("want") : nullptr;
    if (!n || !n->is_int64() || n->get_int64() < 0) return std::nullopt;
    return static_cast<unsigned>(std::min<std::int64_t>(n->get_int64(), most_wanted));
}

struct production {
    supe::component& self;
    item_maker make;
    demand_table table{};
    supe::timer wanted{self.time()};
    std::deque<supe::json_body> returned{};  // made, and not taken by their consumers
    std::size_t on_its_way = 0;
    bool is_at_end = false;

    supe::awaitable<> listen(supe::nursery& all) {
        while (auto mail = co_await self.receive()) {
            const auto n = wanted_in(*mail);
            if (!n) {
                mail->reject("not a mail to a producer: {\"want\":N} is");
                continue;
            }
            const auto expires = self.time().now() + lease;
            if (!table.want(mail->from(), *n, expires)) {
                mail->reject("too many consumers");
                continue;
            }
            mail->ack();
            wanted.notify();
        }
        all.cancel();
    }

    supe::awaitable<> send(std::string to, supe::json_body item) {
        const supe::error_code failed = co_await self.try_deliver(to, item);
        if (failed) returned.push_back(std::move(item));
        table.arrived(to, bool(failed));
        --on_its_way;
        wanted.notify();
    }

    /// One that came back, or a new one.
    supe::awaitable<> get(std::optional<supe::json_body>& item) {
        if (!returned.empty()) {
            item = std::move(returned.front());
            returned.pop_front();
        } else if (!is_at_end) {
            item = co_await make();
            is_at_end = !item;
        }
    }

    /// Until there is no item any more and the last one has arrived.
    supe::awaitable<> produce(supe::nursery& all) {
        while (!is_at_end || on_its_way > 0 || !returned.empty()) {
            std::optional<std::string> to;
            if (!is_at_end || !returned.empty()) to = table.next(self.time().now());
            if (!to) {
                co_await wanted.wait();
                continue;
            }
            std::optional<supe::json_body> item;
            co_await get(item);
            if (!item) continue;
            ++on_its_way;
            all.start(send(std::move(*to), std::move(*item)));
        }
        all.cancel();
    }
};

}  // namespace

bool demand_table::want(const std::string& consumer, unsigned n, supe::time_point expires) {
    if (!consumers_.contains(consumer) && consumers_.size() >= most_consumers) return false;
    consumer_state& c = consumers_[consumer];
    c.wanted = n;
    c.expires = expires;
    return true;
}

std::optional<std::string> demand_table::next(supe::time_point now) {
    std::erase_if(consumers_, [&](const auto& c) { return c.second.is_over(now); });
    const auto wants = [&](const auto& c) {
        return c.second.on_its_way < c.second.wanted && now < c.second.expires;
    };
    const auto behind = consumers_.upper_bound(last_);
    auto found = std::find_if(behind, consumers_.end(), wants);
    if (found == consumers_.end()) {
        found = std::find_if(consumers_.begin(), behind, wants);
        if (found == behind) return std::nullopt;
    }
    ++found->second.on_its_way;
    last_ = found->first;
    return last_;
}

void demand_table::arrived(const std::string& consumer, bool is_gone) {
    const auto found = consumers_.find(consumer);
    if (found == consumers_.end()) return;
    --found->second.on_its_way;
    if (is_gone) found->second.wanted = 0;
}

supe::awaitable<> produce_on_demand(supe::component& self, item_maker make) {
    production work{self, std::move(make)};
    const auto body = [&work](supe::nursery& all) -> supe::awaitable<> {
        all.start(work.listen(all));
        co_await work.produce(all);
    };
    co_await supe::with_nursery(self.time(), body);
}

supe::awaitable<> want_from(supe::component& self, std::string producer, unsigned n) {
    const std::string want = "{\"want\":" + std::to_string(n) + "}";
    every again{self, say_again};
    for (bool more = true; more; more = co_await again.tick()) self.tell(producer, want);
    self.tell(producer, R"({"want":0})");
}

}  // namespace patterns
