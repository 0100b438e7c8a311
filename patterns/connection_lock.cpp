#include "patterns/connection_lock.hpp"

#include "patterns/output.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace patterns {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto look_again = 50ms;  // where the kernel did not answer
/// A lock that crashed has lost its requests, and has no address of those who wait.
constexpr auto ask_again = 1s;
constexpr auto count_again = 500ms;

std::string one_member(const char* key, json::value value) {
    return json::serialize(json::object{{key, std::move(value)}});
}

const json::value* member(const json::value& body, const char* key) {
    return body.is_object() ? body.get_object().if_contains(key) : nullptr;
}

}  // namespace

// --- the holder's side ---

permit& permit::operator=(permit&& other) noexcept {
    give_back(unclean_);
    self_ = std::exchange(other.self_, nullptr);
    lock_ = std::move(other.lock_);
    name_ = std::move(other.name_);
    unclean_ = other.unclean_;
    return *this;
}

void permit::give_back(const char* how) {
    if (supe::component* self = std::exchange(self_, nullptr))
        self->tell(lock_, one_member(how, json::string(name_)));
}

void permit::connected(std::uint16_t port, const std::string& peer) {
    if (self_)
        self_->tell(lock_,
                    one_member("connected",
                               json::object{{"permit", name_}, {"port", port}, {"peer", peer}}));
}

namespace {

/// No other request has it: of this process, of another one, or of one with the same number later.
std::string new_name(const process_identity& process) {
    static std::uint64_t last = 0;
    return fmt::format("{}.{}.{}", process.pid, process.started, ++last);
}

constexpr std::string_view recall_begin = R"({"recall":)";

std::string recall_of(const process_identity& holder) {
    return one_member("recall", json::object{{"pid", holder.pid}, {"started", holder.started}});
}

supe::awaitable<std::optional<supe::mail>> answer_in_time(supe::component& self, std::string lock,
                                                          std::string request) {
    try {
        supe::mail answer = co_await self.call(lock, request, self.time().now() + ask_again);
        co_return answer;
    } catch (const supe::system_error& e) {
        if (e.code() != supe::mail_error::timed_out) throw;
    }
    co_return std::nullopt;
}

/// Asks again where no answer comes.
supe::awaitable<supe::mail> answer_of(supe::component& self, std::string lock,
                                      std::string request) {
    for (;;) {
        std::optional<supe::mail> answer = co_await answer_in_time(self, lock, request);
        if (answer) co_return std::move(*answer);
    }
}

}  // namespace

supe::awaitable<permit> acquire(supe::component& self, std::string lock,
                                std::vector<std::string> peers, process_identity process) {
    permit wanted(self, lock, new_name(process));
    json::object request{{"permit", wanted.name_},
                         {"pid", process.pid},
                         {"started", process.started},
                         {"peers", json::array(peers.begin(), peers.end())}};
    supe::awaitable<supe::mail> call =
        answer_of(self, lock, one_member("acquire", std::move(request)));
    const auto [answer, stopping] =
        co_await supe::race(self.time(), std::move(call), self.shutdown_requested());
    if (!answer) co_return permit();
    const json::value body = answer->value();
    if (const json::value* why = member(body, "refused"))
        throw std::runtime_error("refused: " + json::serialize(*why));
    wanted.unclean_ = "abandon";
    co_return wanted;
}

bool take_recall(supe::component& self, const supe::mail& mail, process_identity process) {
    if (!mail.body().starts_with(recall_begin)) return false;
    if (mail.body() == recall_of(process)) return true;
    const std::string name = common_name(self.address());
    const std::string first = name + ".1";
    if (!name.empty() && self.address() != first) self.tell(first, mail.body());
    return true;
}

// --- the lock's side ---

namespace {

constexpr std::size_t longest_name = 100;  // of a permit, a peer: they are kept in a file
constexpr std::size_t most_peers = 64;     // addresses of one destination

/// Nothing that would end a line or a word of a file.
bool is_word(const json::value* value) {
    if (!value || !value->is_string()) return false;
    const std::string_view text = value->get_string();
    return !text.empty() && text.size() <= longest_name &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ','; });
}

std::string word(const json::value& value) { return std::string(value.get_string()); }

/// Nothing where it is none.
std::optional<permit_request> read_request(const supe::mail& mail, const json::value& body) {
    const json::value *name = member(body, "permit"), *pid = member(body, "pid"),
                      *started = member(body, "started"), *peers = member(body, "peers");
    if (!is_word(name) || !pid || !pid->is_int64() || pid->get_int64() <= 0 || !started ||
        !started->is_int64() || !peers || !peers->is_array())
        return std::nullopt;
    permit_request r{
        word(*name),
        {static_cast<pid_t>(pid->get_int64()), static_cast<std::uint64_t>(started->get_int64())},
        mail.from(),
        mail.call(),
        {}};
    for (const json::value& p : peers->get_array()) {
        if (!is_word(&p)) return std::nullopt;
        if (r.peers.size() < most_peers) r.peers.push_back(word(p));
    }
    return r;
}

/// The lock: its table, and the coroutines around it.
class lock {
public:
    lock(supe::component& self, permit_limits limits, holder_watch& watch, lock_memory& memory)
        : self_(self), table_(limits), watch_(watch), memory_(memory), tasks_(self.time()),
          rests_(self.time()), granted_(self.time()) {}

    supe::awaitable<> serve() {
        remember();
        tasks_.start(wake_rested());
        tasks_.start(count_resets());
        tasks_.start(take_mail());
        self_.ready();
        co_await tasks_.join();  // a lock whose watch of a holder fails must fail too
        for (const permit_request& r : table_.refuse_all()) refuse(r, "the lock ends");
        if (table_.all_free()) memory_.ended_cleanly();
    }

private:
    /// What an earlier life had in use is in use: its holders may live, and have connections.
    void remember() {
        const supe::time_point now = self_.time().now();
        if (auto record = memory_.unclean_end()) {
            for (auto& [name, use] : record->permits) {
                const bool is_held = !use.rests_since && watch_.alive(use.holder);
                is_held ? table_.restore(std::move(use))
                        : table_.restore_resting(std::move(use), now);
            }
            if (!record->whole) table_.rest_all(record->peers, now);
        }
        memory_.begin(table_.used());
        for (const process_identity& holder : table_.holders()) watch(holder);
    }

    supe::awaitable<> take_mail() {
        while (auto mail = co_await self_.receive()) {
            take(*mail);
            mail->ack();
        }
        // What its holders gave back when they ended, before us: no next life may come to read it.
        for (supe::mail& mail : self_.take_arrived()) {
            take(mail);
            mail.ack();
        }
        tasks_.cancel();
    }

    void take(supe::mail& mail) {
        json::value body;
        try {
            body = mail.value();
        } catch (const std::exception&) {}
        if (const json::value* request = member(body, "acquire")) return ask(mail, *request);
        if (const json::value* use = member(body, "connected")) return connected(*use);
        if (const json::value* name = member(body, "release"); is_word(name))
            return release(word(*name));
        if (const json::value* name = member(body, "abandon"); is_word(name))
            return abandon(word(*name));
        warn("mail from {} is neither acquire nor release", mail.from());
    }

    void ask(const supe::mail& mail, const json::value& body) {
        const auto request = read_request(mail, body);
        if (!request) return refuse({"", {}, mail.from(), mail.call(), {}}, "not understood");
        if (!watch_.alive(request->holder)) return refuse(*request, "its process is gone");
        switch (table_.ask(*request)) {
            case permit_table::reply::refused: return refuse(*request, "too many wait");
            case permit_table::reply::has_it: return grant(*request);
            case permit_table::reply::waited_already: return;
            case permit_table::reply::waits: break;
        }
        watch(request->holder);
        give();
        recall();
    }

    void refuse(const permit_request& r, const char* why) {
        self_.answer(r.address, r.call, one_member("refused", why));
    }
    void grant(const permit_request& r) {
        self_.answer(r.address, r.call, one_member("permit", json::string(r.permit)));
    }

    void connected(const json::value& body) {
        const json::value *name = member(body, "permit"), *port = member(body, "port"),
                          *peer = member(body, "peer");
        if (!is_word(name) || !is_word(peer) || !port || !port->is_int64()) return;
        const used_permit* use = table_.connected(
            word(*name), static_cast<std::uint16_t>(port->get_int64()), word(*peer));
        if (!use) return;
        memory_.note(*use);
        rests_.notify();
    }

    void release(const std::string& permit) {
        if (table_.release(permit)) memory_.forget(permit);
        rests_.notify();
        give();
    }

    void abandon(const std::string& permit) {
        if (const used_permit* use = table_.abandon(permit, self_.time().now())) memory_.note(*use);
        rests_.notify();
    }

    void give() {
        if (self_.shutting_down()) return;  // those that wait are refused
        const std::vector<permit_request> granted = table_.give();
        if (!granted.empty()) granted_.notify();
        for (const permit_request& r : granted) {
            memory_.note({r.permit, r.holder, r.address, r.peers, 0});
            grant(r);
        }
        if (!granted.empty()) recall();  // the new holders too, while others wait
    }

    /// While a request waits, the other processes may have idle connections.
    void recall() {
        for (const auto& [holder, address] : table_.to_recall())
            self_.tell(address, recall_of(holder));
    }

    void watch(const process_identity& holder) {
        if (watched_.insert(holder).second) tasks_.start(watch_holder(holder));
    }

    supe::awaitable<> watch_holder(process_identity holder) {
        co_await watch_.gone(holder);
        watched_.erase(holder);
        for (const used_permit& use : table_.gone(holder, self_.time().now())) memory_.note(use);
        rests_.notify();
    }

    /// While somebody holds a permit.
    supe::awaitable<> count_resets() {
        for (;;) {
            table_.note_resets(watch_.resets());
            co_await self_.time().sleep_for(count_again);
            while (table_.all_free()) co_await granted_.wait();
        }
    }

    supe::awaitable<> wake_rested() {
        for (;;) {
            const supe::time_point due = table_.next_look();
            if (self_.time().now() < due) {
                rests_.expires_at(due);
                co_await rests_.wait();
                continue;
            }
            const auto left = watch_.left();
            if (left) {
                for (const std::string& name : table_.look(*left, self_.time().now()))
                    memory_.forget(name);
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
    std::set<process_identity> watched_;
    supe::nursery tasks_;
    supe::timer rests_;
    supe::timer granted_;
};

}  // namespace

supe::awaitable<> serve_connection_lock(supe::component& self, permit_limits limits,
                                        holder_watch& watch, lock_memory& memory) {
    lock l(self, limits, watch, memory);
    co_await l.serve();
}

}  // namespace patterns
