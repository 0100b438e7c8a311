#include "patterns/connection_lock.hpp"

#include "patterns/output.hpp"

#include <unistd.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace patterns {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto look_again = 50ms;  // for sockets of dead holders: no event says when they close

std::string one_member(const char* key, json::value value) {
    return json::serialize(json::object{{key, std::move(value)}});
}

const json::value* member(const json::value& body, const char* key) {
    return body.is_object() ? body.get_object().if_contains(key) : nullptr;
}

}  // namespace

// --- the holder's side ---

permit& permit::operator=(permit&& other) noexcept {
    give_back("abandon");
    self_ = std::exchange(other.self_, nullptr);
    lock_ = std::move(other.lock_);
    number_ = std::move(other.number_);
    return *this;
}

void permit::give_back(const char* how) {
    if (supe::component* self = std::exchange(self_, nullptr))
        self->tell(lock_, one_member(how, json::string(number_)));
}

supe::awaitable<permit> acquire(supe::component& self, std::string lock,
                                std::vector<std::string> peers, pid_t pid) {
    json::object request{{"pid", pid}, {"peers", json::array(peers.begin(), peers.end())}};
    supe::awaitable<supe::mail> call = self.call(lock, one_member("acquire", std::move(request)));
    const auto [answer, stopping] =
        co_await supe::race(self.time(), std::move(call), self.shutdown_requested());
    if (!answer) co_return permit();
    const json::value body = answer->value();
    const json::value* number = member(body, "permit");
    co_return permit(self, std::move(lock),
                     number && number->is_string() ? std::string(number->get_string()) : "");
}

bool is_recall(const supe::mail& mail) { return mail.body() == R"({"recall":true})"; }

// --- the lock's side ---

namespace {

/// The lock: its table, and the coroutines around it.
class lock {
public:
    lock(supe::component& self, lock_settings settings, holder_watch& watch, lock_memory& memory)
        : self_(self), table_(settings.permits, settings.rest), watch_(watch), memory_(memory),
          tasks_(self.time()), rests_(self.time()) {}

    supe::awaitable<> serve() {
        if (auto left = memory_.unclean_peers()) {
            peers_ = std::move(*left);
            table_.rest_all(self_.time().now());
        }
        memory_.remember(peers_);
        tasks_.start(wake_rested());
        tasks_.start(take_mail());
        self_.ready();
        co_await tasks_.join();  // a lock whose watch of a holder fails must fail too
        if (table_.all_free()) memory_.ended_cleanly();
    }

private:
    supe::awaitable<> take_mail() {
        while (auto mail = co_await self_.receive()) {
            take(*mail);
            co_await mail->ack();
        }
        tasks_.cancel();
    }

    void take(supe::mail& mail) {
        json::value body;
        try {
            body = mail.value();
        } catch (const std::exception&) {}
        if (const json::value* request = member(body, "acquire"))
            return queue_request(mail, *request);
        if (const json::value* number = member(body, "release"))
            return take_back(mail.from(), *number, end_of_use::clean);
        if (const json::value* number = member(body, "abandon"))
            return take_back(mail.from(), *number, end_of_use::unclean);
        warn("mail from {} is neither acquire nor release", mail.from());
    }

    void queue_request(const supe::mail& mail, const json::value& request) {
        const json::value* pid = member(request, "pid");
        const permit_holder holder{
            mail.from(), pid && pid->is_int64() ? static_cast<pid_t>(pid->get_int64()) : 0};
        if (holder.pid <= 0 || !watch_.alive(holder)) return;  // it died before its request came
        if (const json::value* peers = member(request, "peers"); peers && peers->is_array())
            remember(peers->get_array());
        if (watched_.insert(holder).second) tasks_.start(watch_holder(holder));
        table_.ask({mail.call(), holder});
        give();
        recall();
    }

    void remember(const json::array& peers) {
        const std::size_t known = peers_.size();
        for (const json::value& p : peers)
            if (p.is_string()) peers_.insert(std::string(p.get_string()));
        if (peers_.size() != known) memory_.remember(peers_);
    }

    enum class end_of_use { clean, unclean };
    void take_back(const std::string& from, const json::value& number, end_of_use how) {
        if (!number.is_string()) return;
        const std::string_view text = number.get_string();
        std::uint64_t n = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), n);
        if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return;
        if (how == end_of_use::clean) {
            table_.release(n, from);
        } else {
            table_.abandon(n, from, self_.time().now());
        }
        rests_.notify();
        give();
    }

    void give() {
        const std::vector<permit_grant> grants = table_.give();
        for (const permit_grant& grant : grants)
            self_.answer(grant.to.holder.address, grant.to.request,
                         one_member("permit", json::string(std::to_string(grant.number))));
        if (!grants.empty()) recall();  // the new holders too, while others wait
    }

    /// While a request waits, holders that have none waiting may have idle connections.
    void recall() {
        if (!table_.anyone_waits()) return;
        const auto askers = table_.askers();
        for (const permit_holder& holder : table_.holders())
            if (!askers.contains(holder)) self_.tell(holder.address, one_member("recall", true));
    }

    supe::awaitable<> watch_holder(permit_holder holder) {
        co_await watch_.gone(holder);
        watched_.erase(holder);
        table_.gone(holder, self_.time().now());
        rests_.notify();
    }

    supe::awaitable<> wake_rested() {
        for (;;) {
            const supe::time_point due = table_.rested_at();
            const supe::time_point now = self_.time().now();
            if (now < due) {
                rests_.expires_at(due);
                co_await rests_.wait();
            } else if (watch_.quiet(peers_)) {
                table_.wake(now);
                give();
            } else {
                co_await self_.time().sleep_for(look_again);
            }
        }
    }

    supe::component& self_;
    permit_table table_;
    holder_watch& watch_;
    lock_memory& memory_;
    std::set<std::string> peers_;
    std::set<permit_holder> watched_;
    supe::nursery tasks_;
    supe::timer rests_;
};

}  // namespace

supe::awaitable<> serve_connection_lock(supe::component& self, lock_settings settings,
                                        holder_watch& watch, lock_memory& memory) {
    lock l(self, settings, watch, memory);
    co_await l.serve();
}

}  // namespace patterns
