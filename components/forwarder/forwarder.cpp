#include "components/forwarder/forwarder.hpp"

#include "components/forwarder/delivery_order.hpp"
#include "components/forwarder/forwarder_settings.hpp"
#include "components/forwarder/latest_results.hpp"
#include "components/forwarder/start_rate.hpp"
#include "components/http/name_lookup.hpp"
#include "patterns/backoff.hpp"
#include "patterns/connection_lock.hpp"
#include "patterns/idle_shutdown.hpp"
#include "patterns/output.hpp"
#include "patterns/worker_pool.hpp"
#include "supe/component/state_path.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <boost/asio/post.hpp>
#include <deque>
#include <optional>
#include <unordered_map>

namespace components {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t most_results = 256;  // in one mail
constexpr int status_gone = 410;           // the queue pauses the route

struct forwarder_state;

/// One of the coroutines that deliver, with its connection and the permit for it. The permit goes
/// back when the destination has closed the connection too.
struct worker {
    forwarder_state& owner;
    std::unique_ptr<delivery_connection> connection{};
    patterns::permit permit{};

    bool keeps() const { return connection != nullptr; }
    bool is_useful() const { return connection->reusable(); }
    supe::awaitable<> give_up();
    void take_over(worker& sibling);
    supe::duration turn();
    supe::awaitable<> handle(supe::mail mail);
};

/// A webhook whose result is not in the queue's mailbox yet.
struct outcome {
    supe::mail mail;
    std::string id;
    std::string result;  ///< JSON text
};

/// A try until it is reported, with the mails about the same webhook that came meanwhile. After a
/// crash the queue may ask for the next try while the last one is made once more.
struct try_under_way {
    unsigned attempt = 1;
    unsigned latest = 1;                  // of all that were asked for
    std::vector<supe::mail> copies{};     // of this try, or of an earlier one
    std::vector<supe::mail> next_ones{};  // of later tries: their turn comes after this one
};

/// The forwarder: what its workers share.
struct forwarder_state {
    supe::component& self;
    forwarder_settings settings;
    forwarder_surroundings outside;
    std::unordered_map<std::string, try_under_way> in_flight{};  // by webhook
    std::deque<outcome> done{};
    bool closing = false;              // no delivery begins any more
    supe::timer reports{self.time()};  // one of these three has changed
    latest_results latest{10000};
    name_lookup names{self.time(), settings.to, outside.network};
    start_rate starts{settings.rate, self.time(), outside.rate_file};
    patterns::worker_pool<worker, supe::mail> pool{self.time(), settings.idle / 2};

    forwarder_state(supe::component& c, forwarder_settings s, forwarder_surroundings o)
        : self(c), settings(std::move(s)), outside(o) {
        for (unsigned i = 0; i < settings.connections; ++i) pool.hire(*this);
    }
    patterns::process_identity process() const {
        return outside.process ? *outside.process : patterns::own_process();
    }
    /// Of tries to reach the lock, or the queue.
    patterns::backoff pauses() const {
        return patterns::backoff({.first = 100ms, .max = 5s, .jitter = outside.jitter});
    }
};

/// Nothing where the mail asks for no delivery: it is rejected then.
std::optional<delivery_order> order_in(supe::mail& mail) {
    std::string fault;
    try {
        return read_delivery_order(mail.body());
    } catch (const std::exception& e) {
        fault = e.what();
    }
    patterns::warn("mail from {} is no webhook to deliver: {}", mail.from(), fault);
    mail.reject(fault);
    return std::nullopt;
}

supe::awaitable<> worker::give_up() {
    if (connection) co_await connection->close(owner.settings.timeout.total);
    connection.reset();
    permit.release();
}

void worker::take_over(worker& sibling) {
    connection = std::move(sibling.connection);
    permit = std::move(sibling.permit);
}

supe::duration worker::turn() { return owner.starts.take(); }

/// The component is asked to shut down before a delivery has begun: its mail stays in the mailbox.
struct stopped {};

/// Waits for as long as it takes: a webhook is not at fault when the lock cannot be reached. Throws
/// stopped.
supe::awaitable<patterns::permit> permit_for(forwarder_state& o, std::vector<std::string> peers) {
    patterns::backoff pauses = o.pauses();
    for (;;) {
        try {
            patterns::permit permit =
                co_await patterns::acquire(o.self, o.settings.lock, peers, o.process());
            if (!permit) throw stopped();
            co_return permit;
        } catch (const supe::system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted ||
                e.code() == supe::mail_error::channel_closed)
                throw;
            patterns::warn("no permit from {}: {}", o.settings.lock, e.code().message());
        } catch (const std::runtime_error& e) {
            patterns::warn("no permit from {}: {}", o.settings.lock, e.what());
        }
        co_await o.self.shutdown_requested_until(o.self.time().now() + pauses.next());
        if (o.self.shutting_down()) throw stopped();
    }
}

/// Gives the worker a permit, or the connection of a worker that is free. Throws stopped.
supe::awaitable<> get_permit(worker& w, std::vector<std::string> peers) {
    forwarder_state& o = w.owner;
    supe::awaitable<patterns::permit> from_lock = permit_for(o, std::move(peers));
    supe::awaitable<> from_sibling = o.pool.from_sibling(w);
    auto [granted, handed] =
        co_await supe::race(o.self.time(), std::move(from_lock), std::move(from_sibling));
    if (!w.connection)
        w.permit = std::move(*granted);
    else if (granted)
        granted->release();  // nothing was opened with it
}

/// The time of one attempt. Neither the wait for a permit nor an old connection's end is the
/// destination's fault, and takes any of it.
struct attempt_time {
    supe::time_point begin;
    supe::duration waited{};

    supe::time_point end(const forwarder_settings& s) const {
        return begin + waited + s.timeout.total;
    }
    supe::time_point connect_by(const forwarder_settings& s, supe::time_point now) const {
        return std::min(now + s.timeout.connect, end(s));
    }
};

/// Opens a connection with the worker's permit. Returns why not, or nothing.
supe::awaitable<std::string> open(worker& w, const attempt_time& clock,
                                  std::vector<std::string> peers) {
    const forwarder_settings& s = w.owner.settings;
    supe::clock& time = w.owner.self.time();
    w.connection = w.owner.outside.network.make_connection(time, s.to, s.authorities);
    // Where that fails the connection is closed after the report: a destination may take its time
    // for that.
    const supe::time_point deadline = clock.connect_by(s, time.now());
    std::string error = co_await w.connection->connect(std::move(peers), deadline);
    if (const auto ends = w.connection->connected())
        w.permit.connected(ends->local_port, ends->peer);
    if (error.empty()) error = co_await w.connection->secure(deadline);
    co_return error;
}

/// Leaves the worker with a connection that can be used now. Returns why not, or nothing.
supe::awaitable<std::string> connect(worker& w, attempt_time& clock) {
    forwarder_state& o = w.owner;
    supe::clock& time = o.self.time();
    while (!w.connection || !w.connection->reusable()) {
        supe::time_point since = time.now();
        co_await w.give_up();
        clock.waited += time.now() - since;
        std::string error;
        std::vector<std::string> peers =
            co_await o.names.find(clock.connect_by(o.settings, time.now()), error);
        if (peers.empty()) co_return error;
        since = time.now();
        co_await get_permit(w, peers);
        clock.waited += time.now() - since;
        if (!w.connection) co_return co_await open(w, clock, std::move(peers));
    }
    co_return "";
}

/// One attempt; a connection that the destination had ended before is no part of it.
supe::awaitable<attempt_result> deliver(worker& w, const delivery_order& d) {
    const forwarder_settings& s = w.owner.settings;
    supe::clock& time = w.owner.self.time();
    attempt_time clock{time.now()};
    attempt_result result;
    for (bool again = true; again;) {
        result.reply = {};
        result.reply.error = co_await connect(w, clock);
        if (!result.reply.error.empty()) break;
        const http_fields signature =
            s.signer ? s.signer->sign(d.item.id, d.item.body, time.wall()) : http_fields();
        const std::string head = delivery_head(s.to, d.item, d.attempt, s.paths, signature);
        const exchange_limits limits{clock.end(s), s.timeout.first_byte};
        result.reply = co_await w.connection->exchange(head, d.item.body, limits);
        again = result.reply.status == 0 && w.connection->was_stale();
    }
    result.took = std::chrono::duration_cast<std::chrono::milliseconds>(time.now() - clock.begin -
                                                                        clock.waited);
    co_return result;
}

std::string result_of(const forwarder_settings& s, const delivery_order& d,
                      const attempt_result& known) {
    const http_reply& reply = known.reply;
    std::string text = fmt::format(R"({{"id":{},"attempt":{},"status":{})",
                                   supe::json_quoted(d.item.id), d.attempt, reply.status);
    if (!s.route.empty()) text += fmt::format(R"(,"route":{})", supe::json_quoted(s.route));
    text += fmt::format(R"(,"ms":{})", known.took.count());
    if (reply.retry_after)
        text += fmt::format(R"(,"retry_after_ms":{})", reply.retry_after->count());
    if (!reply.error.empty()) text += R"(,"error":)" + supe::json_quoted(reply.error);
    return text += '}';
}

/// Until it is in the queue's mailbox: a result that is lost would hold the webhook back.
supe::awaitable<> report(forwarder_state& o, std::string to, std::string result) {
    patterns::backoff pauses = o.pauses();
    for (;;) {
        try {
            co_await o.self.send(to, result);
            co_return;
        } catch (const supe::system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted ||
                e.code() == supe::mail_error::channel_closed)
                throw;
            patterns::warn("a result could not be reported to {}: {}", to, e.code().message());
        }
        co_await o.self.time().sleep_for(pauses.next());
    }
}

supe::awaitable<std::string> result_after(worker& w, const delivery_order& d) {
    forwarder_state& o = w.owner;
    if (const attempt_result* known = o.latest.find(d.item.id, d.attempt))
        co_return result_of(o.settings, d, *known);
    const attempt_result result = co_await deliver(w, d);
    o.latest.add(d.item.id, d.attempt, result);
    const http_reply& reply = result.reply;
    if (!is_success(reply)) {
        patterns::warn("webhook {}, attempt {}: {}", d.item.id, d.attempt,
                       reply.status ? std::to_string(reply.status) : reply.error);
    }
    co_return result_of(o.settings, d, result);
}

/// False where a try of the same webhook is under way: it has the mail then.
bool begin_try(forwarder_state& o, const delivery_order& d, supe::mail& mail) {
    const auto same = o.in_flight.find(d.item.id);
    if (same == o.in_flight.end()) {
        o.in_flight[d.item.id] = {d.attempt, d.attempt};
        return true;
    }
    try_under_way& now = same->second;
    now.latest = std::max(now.latest, d.attempt);
    (d.attempt > now.attempt ? now.next_ones : now.copies).push_back(std::move(mail));
    return false;
}

/// The destination wants no more: the queue has back what has not begun, and keeps it.
void give_back_waiting(forwarder_state& o) {
    for (supe::mail& mail : o.pool.take_waiting()) {
        const auto d = order_in(mail);
        if (!d || !begin_try(o, *d, mail)) continue;
        o.done.push_back({std::move(mail), d->item.id,
                          fmt::format(R"({{"id":{},"attempt":{},"not_tried":true}})",
                                      supe::json_quoted(d->item.id), d->attempt)});
    }
}

/// Delivers it, but for a webhook that is being delivered. The worker goes on while report_all()
/// reports.
supe::awaitable<> handle_once(worker& w, const delivery_order& d, supe::mail mail) {
    forwarder_state& o = w.owner;
    if (!begin_try(o, d, mail)) co_return;
    try {
        std::string result = co_await result_after(w, d);
        o.done.push_back({std::move(mail), d.item.id, std::move(result)});
        const attempt_result* const known = o.latest.find(d.item.id, d.attempt);
        if (known && known->reply.status == status_gone) give_back_waiting(o);
    } catch (const stopped&) {
        o.in_flight.erase(d.item.id);
    }
    o.reports.notify();
}

/// The first ones for one queue.
std::vector<outcome> take_done(forwarder_state& o) {
    std::vector<outcome> some;
    while (!o.done.empty() && some.size() < most_results &&
           (some.empty() || o.done.front().mail.from() == some.front().mail.from())) {
        some.push_back(std::move(o.done.front()));
        o.done.pop_front();
    }
    return some;
}

/// Reports what is done, and acknowledges it with the copies that came meanwhile. What is done
/// while a report is on its way goes into the next one.
supe::awaitable<> report_all(forwarder_state& o) {
    while (!o.closing || !o.in_flight.empty()) {
        if (o.done.empty()) {
            co_await o.reports.wait();
            continue;
        }
        // Behind the answers that are here already.
        co_await boost::asio::post(o.self.time().executor(), supe::use_awaitable);
        std::vector<outcome> some = take_done(o);
        std::vector<std::string_view> results;
        for (const outcome& each : some) results.push_back(each.result);
        co_await report(o, some.front().mail.from(),
                        fmt::format(R"({{"results":[{}]}})", fmt::join(results, ",")));
        for (outcome& each : some) {
            try_under_way ended = std::move(o.in_flight[each.id]);
            o.in_flight.erase(each.id);
            o.latest.covers(each.id, ended.attempt, ended.latest);
            each.mail.ack();
            for (supe::mail& copy : ended.copies) copy.ack();
            for (supe::mail& next : ended.next_ones) o.pool.add(std::move(next));
        }
    }
}

supe::awaitable<> worker::handle(supe::mail mail) {
    const std::optional<delivery_order> d = order_in(mail);
    if (d) co_await handle_once(*this, *d, std::move(mail));
}

supe::awaitable<> take_mail(forwarder_state& o) {
    patterns::idle_shutdown idle{o.self, o.settings.idle};
    for (;;) {
        auto mail = co_await idle.next_mail();
        if (mail && patterns::take_recall(o.self, *mail, o.process())) {
            o.pool.recall();
            mail->ack();
        } else if (mail) {
            o.pool.add(std::move(*mail));
        } else if (o.self.shutting_down() || (!o.pool.is_busy() && o.starts.is_full())) {
            break;
        }
    }
    o.pool.close();
    o.closing = true;
    o.reports.notify();
}

}  // namespace

supe::awaitable<> forwarder(supe::component& self) {
    return run_forwarder(self, {.rate_file = supe::in_state(fmt::format("{}.rate", self.name()))});
}

supe::awaitable<> run_forwarder(supe::component& self, forwarder_surroundings outside) {
    const json::value config = co_await self.config();
    forwarder_state o(self, read_forwarder_settings(config), outside);
    self.set_window(2 * o.settings.connections + 16);  // the queue sends no more than that
    supe::nursery all(self.time());
    o.pool.start(all);
    all.start(report_all(o));
    all.start(take_mail(o));
    co_await all.join();
    co_await o.names.end();
}

}  // namespace components
