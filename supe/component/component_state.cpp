// The component's half of contract §2.
#include "supe/component/component_state.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/one_line.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <stdexcept>

namespace supe {
namespace {

/// A member of an object that the supervisor sent: the first of that key. Empty where it is
/// missing.
std::string_view member(std::string_view object, std::string_view key) {
    json_members members(object);
    while (members.next()) {
        if (members.key() == key) return members.value();
    }
    return {};
}

/// The same as a string; empty where it is none.
std::string string_member(std::string_view object, std::string_view key) {
    return json_string_or_empty(member(object, key));
}

mail_error error_for(std::string_view reason) {
    if (reason == "mailbox-full") return mail_error::mailbox_full;
    if (reason == "dead-lettered") return mail_error::dead_lettered;
    if (reason == "removed") return mail_error::removed;
    if (reason == "supervisor-died") return mail_error::supervisor_died;
    return mail_error::unknown_address;
}

/// Begins the names of the calls of one life: an answer may come in the next life of the component,
/// which has calls of its own.
std::string life_prefix(clock& time) {
    static unsigned lives = 0;  // the simulation has several in one process
    return fmt::format("{:x}.{}-", time.wall().time_since_epoch().count(), ++lives);
}

}  // namespace

component::impl::impl(component& owner, clock& c, int fd, std::string n, std::string a, options o)
    : self(owner), time(c), name(std::move(n)), address(std::move(a)), limits(o),
      life(life_prefix(c)), wire(c, unique_fd(fd), channel::side::component, o.frame_limit),
      changed(c), written(c), dirty(c), mail_arrived(c), awaiting_acceptance(c), awaiting_ack(c),
      awaiting_answer(c), awaiting_supervisor(c) {}

// --- outwards ---

void component::impl::want_write() {
    if (wire.backlog() >= write_early_at) {  // much at once: the supervisor can begin to read it
        wire.flush();
        write_early_at = wire.backlog() + early_write;
    }
    if (write_wanted) return;
    write_wanted = true;
    dirty.notify();
}

void component::impl::write_now() {
    write_wanted = false;
    write_early_at = early_write;
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

error_code component::impl::post_mail(std::string_view to, std::string_view body,
                                      std::string_view extras) {
    if (!is_json(body)) {
        throw std::invalid_argument(fmt::format("mail to {}: the body is not JSON: {:.60}", to,
                                                json_quoted(body.substr(0, 60))));
    }
    if (closed) return {};
    if (is_full()) return asio::error::no_buffer_space;
    std::string& out = wire.out();
    const std::size_t start = out.size();
    out += R"({"type":"mail","to":)";
    append_json_quoted(out, to);
    out += R"(,"msg":)";
    const std::size_t body_at = out.size();
    out += body;
    make_one_line(out, body_at);
    out += extras;
    out += '}';
    if (out.size() - start > wire.frame_limit()) {
        out.resize(start);
        return asio::error::message_size;
    }
    out += '\n';
    want_write();
    return {};
}

void component::impl::acknowledge(const std::string& id) {
    if (!ack_ids.empty()) ack_ids += ',';
    append_json_quoted(ack_ids, id);
    want_write();
}

void component::impl::refuse(const std::string& id, refusal how, const std::string& reason) {
    signal("REJECT-MAIL", fmt::format(R"({{"id":{},"requeue":{},"reason":{}}})", json_quoted(id),
                                      how == refusal::requeue, json_quoted(reason)));
}

awaitable<error_code> component::impl::send_and_wait(std::string to, std::string body, goal until,
                                                     time_point deadline) {
    if (closed) co_return make_error_code(mail_error::channel_closed);
    while (is_full() && !closed && time.now() < deadline) co_await written.wait_until(deadline);
    const bool receipt = until == goal::acknowledged;
    const std::string id = std::to_string(++last_id);
    waiter_table<std::string, error_code>::waiter waiter(
        receipt ? awaiting_ack : awaiting_acceptance, id);
    const error_code refused = post_mail(
        to, body,
        // Who waits for the ack still has the mail, and needs no copy among the dead letters.
        fmt::format(R"(,"id":"{}"{})", id,
                    receipt ? R"(,"receipt":true,"dead_letter":false)" : ""));
    if (refused) co_return refused;
    waiter.expires_at(deadline);
    while (waiter.is_waiting()) co_await waiter.changed();
    co_return waiter.take().value_or(make_error_code(mail_error::timed_out));
}

awaitable<std::shared_ptr<mail::content>> component::impl::call_and_wait(std::string to,
                                                                         std::string body,
                                                                         time_point deadline) {
    if (closed) throw system_error(mail_error::channel_closed);
    while (is_full() && !closed && time.now() < deadline) co_await written.wait_until(deadline);
    const std::string id = std::to_string(++last_id);
    waiter_table<std::string, call_outcome>::waiter waiter(awaiting_answer, id);
    // The receipt: MAIL-UNDELIVERABLE comes also when the mail dies unanswered after its
    // acceptance.
    const error_code refused = post_mail(
        to, body, fmt::format(R"(,"id":"{}","receipt":true,"call":"{}{}")", id, life, id));
    if (refused) throw system_error(refused);
    waiter.expires_at(deadline);
    while (waiter.is_waiting()) co_await waiter.changed();
    const auto outcome = waiter.take();
    if (!outcome) throw system_error(mail_error::timed_out);
    if (outcome->error) throw system_error(outcome->error);
    co_return outcome->answer;
}

awaitable<std::shared_ptr<watch::state>> component::impl::start_watch(std::string notice_name,
                                                                      watch_options options) {
    auto s = std::make_shared<watch::state>(time);
    const auto [entry, is_new] = watches.try_emplace(notice_name);
    watched& pipe = entry->second;
    std::erase_if(pipe.watches, [](const auto& w) { return w.expired(); });
    pipe.watches.push_back(s);
    s->confirmed = pipe.confirmed;
    if (options.use_cache && pipe.last) s->unread.push_back({notice_name, *pipe.last});
    if (is_new) {
        signal("NOTICEBOARD-REQUEST",
               fmt::format(R"({{"type":"watch","notice":{},"opts":{{"useCache":{}}}}})",
                           json_quoted(notice_name), options.use_cache));
    }
    while (!s->confirmed && s->refusal.empty() && !closed) co_await s->arrived.wait();
    if (!s->refusal.empty())
        throw std::runtime_error("watch of notice " + notice_name + " refused: " + s->refusal);
    if (closed) s->closed = true;
    co_return s;
}

// --- the two coroutines ---

awaitable<> component::impl::serve() {
    struct closer {  // an open channel keeps the event loop waiting for the next frame
        channel& wire;
        ~closer() { wire.close(); }
    } at_the_end{wire};
    co_await race(time, write_loop(), read_loop());
}

awaitable<> component::impl::read_loop() {
    const channel::frame_sink sink = [this](std::string_view frame) { on_frame(frame); };
    while (co_await wire.turn(sink)) {
        if (!unwritten()) written.notify();
    }
    on_closed();
}

awaitable<> component::impl::write_loop() {
    for (;;) {
        while (!write_wanted) co_await dirty.wait();
        write_now();
    }
}

// --- inwards ---

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
    if (!content->answers.empty()) return on_answer(std::move(content));
    inbox.push_back(std::move(content));
    mail_arrived.notify();
}

/// An answer to a call that was given up, or to one of an earlier life, is for nobody.
void component::impl::on_answer(std::shared_ptr<mail::content> answer) {
    acknowledge(answer->id);
    const std::string call = answer->answers;
    if (call.starts_with(life))
        awaiting_answer.answer(call.substr(life.size()), {error_code(), std::move(answer)});
}

void component::impl::on_signal(const signal_frame& frame) {
    if (frame.name.starts_with("MAIL-")) return on_outcome(frame.name, frame.data);
    if (frame.name == "SUPE-START") return on_start(frame.data);
    if (frame.name == "SUPE-SHUTDOWN") return begin_shutdown();
    if (frame.name == "NOTICEBOARD-RESPONSE") return on_watch_answer(frame.data);
    if (frame.name == "NOTICEBOARD-EVENT") return on_notice(frame.data);
    if (frame.name == "SUPERVISOR-RESPONSE") return on_supervisor_answer(frame.data);
}

void component::impl::on_start(std::string_view data) {
    config = parse_json(member(data, "config")).value_or(nullptr);
    changed.notify();
}

/// Of a mail that we sent. The ack of a call is no answer to it.
void component::impl::on_outcome(std::string_view signal_name, std::string_view data) {
    const std::string id = string_member(data, "id");
    if (signal_name == "MAIL-ACCEPTED") awaiting_acceptance.answer(id, {});
    if (signal_name == "MAIL-ACKED") awaiting_ack.answer(id, {});
    if (signal_name != "MAIL-UNDELIVERABLE") return;
    const error_code error = make_error_code(error_for(string_member(data, "reason")));
    awaiting_acceptance.answer(id, error);
    awaiting_ack.answer(id, error);
    awaiting_answer.answer(id, {error, nullptr});
}

void component::impl::on_watch_answer(std::string_view data) {
    if (string_member(data, "type") != "watch") return;
    const auto found = watches.find(string_member(data, "notice"));
    if (found == watches.end()) return;
    const bool stands = member(data, "success") == "true";
    const std::string error = string_member(data, "error");
    found->second.confirmed = stands;
    for (auto& entry : found->second.watches) {
        auto s = entry.lock();
        if (!s) continue;
        s->confirmed = stands;
        if (!stands) s->refusal = error.empty() ? "no reason given" : error;
        s->arrived.notify();
    }
    if (!stands) watches.erase(found);
}

void component::impl::on_notice(std::string_view data) {
    const std::string notice_name = string_member(data, "notice");
    const auto found = watches.find(notice_name);
    if (found == watches.end()) return;
    watched& pipe = found->second;
    std::erase_if(pipe.watches, [](const auto& entry) { return entry.expired(); });
    if (pipe.watches.empty()) {  // all were dropped
        watches.erase(found);
        return signal("NOTICEBOARD-REQUEST",
                      fmt::format(R"({{"type":"ignore","notice":{}}})", json_quoted(notice_name)));
    }
    pipe.last = parse_json(member(member(data, "msg"), "notice")).value_or(nullptr);
    for (auto& entry : pipe.watches) {
        auto s = entry.lock();
        if (!s->unread.empty() && s->unread.size() >= limits.notice_limit) s->unread.pop_front();
        s->unread.push_back({notice_name, *pipe.last});
        s->arrived.notify();
    }
}

void component::impl::begin_shutdown() {
    shutdown = true;
    changed.notify();
    mail_arrived.notify();
}

void component::impl::on_closed() {
    closed = true;
    changed.notify();
    written.notify();
    mail_arrived.notify();
    const error_code error = make_error_code(mail_error::channel_closed);
    awaiting_acceptance.answer_all(error);
    awaiting_ack.answer_all(error);
    awaiting_answer.answer_all({error, nullptr});
    awaiting_supervisor.answer_all({.error = error});
    for (auto& [notice_name, pipe] : watches) {
        for (auto& entry : pipe.watches) {
            if (auto s = entry.lock()) {
                s->closed = true;
                s->arrived.notify();
            }
        }
    }
}

}  // namespace supe
