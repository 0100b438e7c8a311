// The component's half of contract §2.
#include "supe/component/component_state.hpp"

#include "supe/channel/json_text.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace supe {
namespace {

/// A member of an object that the supervisor sent, as a string; empty where it is missing or no string.
std::string string_member(std::string_view object, std::string_view key) {
    json_members members(object);
    while (members.next()) {
        if (members.key() == key && members.value().starts_with('"')) return json_string_value(members.value());
    }
    return {};
}

std::string_view member(std::string_view object, std::string_view key) {
    json_members members(object);
    while (members.next()) {
        if (members.key() == key) return members.value();
    }
    return {};
}

mail_error error_for(std::string_view reason) {
    if (reason == "mailbox-full") return mail_error::mailbox_full;
    if (reason == "dead-lettered") return mail_error::dead_lettered;
    if (reason == "removed") return mail_error::removed;
    if (reason == "supervisor-died") return mail_error::supervisor_died;
    return mail_error::unknown_address;
}

/// Takes a waiter's name out of a table however its wait ends.
class registration {
public:
    registration(std::unordered_map<std::string, pending_mail*>& table, std::string id, pending_mail& waiter)
        : table_(table), id_(std::move(id)) {
        table_[id_] = &waiter;
    }
    ~registration() { table_.erase(id_); }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;

private:
    std::unordered_map<std::string, pending_mail*>& table_;
    std::string id_;
};

}  // namespace

component::impl::impl(component& owner, clock& c, int fd, std::string n, std::string a, options o)
    : self(owner), time(c), name(std::move(n)), address(std::move(a)), limits(o),
      wire(c.executor(), unique_fd(fd), o.frame_limit), changed(c), dirty(c), mail_arrived(c) {}

// --- outwards -----------------------------------------------------------------------------------------------------

void component::impl::want_write() {
    if (write_wanted) return;
    write_wanted = true;
    dirty.notify();
}

void component::impl::write_now() {
    write_wanted = false;
    if (!ack_ids.empty()) {
        const std::string ids = std::exchange(ack_ids, {});
        append_signal(wire.out(), "ACK-CURRENT-MAIL", fmt::format(R"({{"ids":[{}]}})", ids));
    }
    wire.flush();
}

void component::impl::signal(std::string_view signal_name, std::string_view data) {
    if (closed) return;
    append_signal(wire.out(), signal_name, data);
    want_write();
}

void component::impl::post_mail(std::string_view to, std::string_view body, std::string_view extras) {
    if (closed) return;
    std::string& out = wire.out();
    out += R"({"type":"mail","to":)";
    append_json_quoted(out, to);
    out += R"(,"msg":)";
    out += body;
    out += extras;
    out += "}\n";
    want_write();
}

void component::impl::acknowledge(const std::string& id) {
    if (!ack_ids.empty()) ack_ids += ',';
    append_json_quoted(ack_ids, id);
    want_write();
}

awaitable<error_code> component::impl::send_and_wait(std::string to, std::string body, bool receipt, time_point deadline) {
    if (closed) co_return make_error_code(mail_error::channel_closed);
    pending_mail waiter(time);
    waiter.wants_ack = receipt;
    const std::string id = std::to_string(++last_id);
    registration entry(pending, id, waiter);
    post_mail(to, body, fmt::format(R"(,"id":"{}"{})", id, receipt ? R"(,"receipt":true)" : ""));
    waiter.settled.expires_at(deadline);
    while (!waiter.done && time.now() < deadline) co_await waiter.settled.wait();
    if (!waiter.done) co_return make_error_code(mail_error::timed_out);
    co_return waiter.error;
}

awaitable<std::shared_ptr<mail::content>> component::impl::call_and_wait(std::string to, std::string body,
                                                                         time_point deadline) {
    if (closed) throw system_error(mail_error::channel_closed);
    pending_mail waiter(time);
    const std::string id = std::to_string(++last_id);
    registration as_send(pending, id, waiter);
    registration as_call(calls, id, waiter);
    waiter.wants_ack = true;  // an acceptance alone settles nothing
    post_mail(to, body, fmt::format(R"(,"id":"{0}","call":"{0}")", id));
    waiter.settled.expires_at(deadline);
    while (!waiter.done && time.now() < deadline) co_await waiter.settled.wait();
    if (!waiter.done) throw system_error(mail_error::timed_out);
    if (waiter.error) throw system_error(waiter.error);
    co_return waiter.answer;
}

awaitable<std::shared_ptr<watch::state>> component::impl::start_watch(std::string notice_name, bool use_cache) {
    auto s = std::make_shared<watch::state>(time);
    watches[notice_name].push_back(s);
    signal("NOTICEBOARD-REQUEST", fmt::format(R"({{"type":"watch","notice":{},"opts":{{"useCache":{}}}}})",
                                              json_quoted(notice_name), use_cache));
    while (!s->confirmed && !closed) co_await s->arrived.wait();
    if (!s->refusal.empty()) throw std::runtime_error("watch of notice " + notice_name + " refused: " + s->refusal);
    if (closed) s->closed = true;
    co_return s;
}

// --- the two coroutines -------------------------------------------------------------------------------------------

awaitable<> component::impl::serve() {
    nursery tasks(time);
    tasks.start(write_loop());
    const channel::frame_sink sink = [this](std::string_view frame) { on_frame(frame); };
    while (co_await wire.turn(sink)) {
    }
    on_closed();
    tasks.cancel();
    co_await tasks.join();
}

awaitable<> component::impl::write_loop() {
    for (;;) {
        while (!write_wanted) co_await dirty.wait();
        write_now();
    }
}

// --- inwards ------------------------------------------------------------------------------------------------------

void component::impl::on_frame(std::string_view frame) {
    const message m = read_message(frame);
    if (const auto* as_mail = std::get_if<mail_frame>(&m)) on_mail(*as_mail);
    if (const auto* as_signal = std::get_if<signal_frame>(&m)) on_signal(*as_signal);
}

void component::impl::on_mail(const mail_frame& frame) {
    auto content = std::make_shared<mail::content>();
    content->from = frame.from.value_or("");
    content->id = frame.id.value_or("");
    content->body = frame.msg;
    content->attempt = frame.attempt;
    if (!frame.extras.empty()) {
        const std::string object = "{" + frame.extras.substr(1) + "}";
        content->answers = string_member(object, "re");
        content->call = string_member(object, "call");
    }
    if (!content->answers.empty()) {
        acknowledge(content->id);
        const auto waiting = calls.find(content->answers);
        if (waiting == calls.end()) return;  // it was given up
        waiting->second->answer = std::move(content);
        waiting->second->done = true;
        waiting->second->settled.notify();
        return;
    }
    inbox.push_back(std::move(content));
    mail_arrived.notify();
}

void component::impl::on_signal(const signal_frame& frame) {
    if (frame.name.starts_with("MAIL-")) return on_settled(frame.name, frame.data);
    if (frame.name == "SUPE-START") return on_start(frame.data);
    if (frame.name == "SUPE-SHUTDOWN") return begin_shutdown();
    if (frame.name == "NOTICEBOARD-RESPONSE") return on_watch_answer(frame.data);
    if (frame.name == "NOTICEBOARD-EVENT") return on_notice(frame.data);
}

void component::impl::on_start(std::string_view data) {
    const std::string_view value = member(data, "config");
    config = value.empty() ? boost::json::value(nullptr) : boost::json::parse(value);
    changed.notify();
}

void component::impl::on_settled(std::string_view signal_name, std::string_view data) {
    const auto waiting = pending.find(string_member(data, "id"));
    if (waiting == pending.end()) return;
    pending_mail& waiter = *waiting->second;
    if (signal_name == "MAIL-ACCEPTED" && waiter.wants_ack) return;
    if (signal_name == "MAIL-UNDELIVERABLE") waiter.error = make_error_code(error_for(string_member(data, "reason")));
    waiter.done = true;
    waiter.settled.notify();
}

void component::impl::on_watch_answer(std::string_view data) {
    if (string_member(data, "type") != "watch") return;
    for (auto& entry : watches[string_member(data, "notice")]) {
        auto s = entry.lock();
        if (!s) continue;
        s->confirmed = true;
        if (member(data, "success") != "true") s->refusal = string_member(data, "error");
        s->arrived.notify();
    }
}

void component::impl::on_notice(std::string_view data) {
    const std::string notice_name = string_member(data, "notice");
    const auto found = watches.find(notice_name);
    if (found == watches.end()) return;
    std::erase_if(found->second, [](const auto& entry) { return entry.expired(); });
    const std::string_view text = member(member(data, "msg"), "notice");
    const auto value = text.empty() ? boost::json::value(nullptr) : boost::json::parse(text);
    for (auto& entry : found->second) {
        auto s = entry.lock();
        if (s->unread.size() >= limits.notice_limit) s->unread.pop_front();
        s->unread.push_back({notice_name, value});
        s->arrived.notify();
    }
}

void component::impl::begin_shutdown() {
    shutdown = true;
    changed.notify();
    mail_arrived.notify();
    for (timer* t : sleepers) t->notify();
}

void component::impl::on_closed() {
    closed = true;
    changed.notify();
    mail_arrived.notify();
    for (timer* t : sleepers) t->notify();
    for (auto& [id, waiter] : pending) {
        if (!waiter->done) waiter->error = make_error_code(mail_error::channel_closed);
        waiter->done = true;
        waiter->settled.notify();
    }
    for (auto& [notice_name, states] : watches) {
        for (auto& entry : states) {
            if (auto s = entry.lock()) {
                s->closed = true;
                s->arrived.notify();
            }
        }
    }
}

}  // namespace supe
