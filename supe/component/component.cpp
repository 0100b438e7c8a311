#include "supe/component/component.hpp"

#include "supe/async/assertion.hpp"
#include "supe/component/component_state.hpp"
#include "supe/text/base64.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/one_line.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <stdexcept>

namespace supe {
namespace {

class mail_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "supe.mail"; }
    std::string message(int value) const override {
        switch (static_cast<mail_error>(value)) {
            case mail_error::unknown_address: return "nobody has this address";
            case mail_error::mailbox_full: return "the recipient's mailbox is full";
            case mail_error::dead_lettered: return "the mail went to the dead letters";
            case mail_error::removed: return "the recipient was removed";
            case mail_error::supervisor_died:
                return "the supervisor that had accepted the mail died";
            case mail_error::timed_out: return "no answer in time";
            case mail_error::channel_closed: return "the supervisor is gone";
        }
        return "unknown mail error";
    }
};

constexpr std::size_t status_limit = 1024;  // bytes; the supervisor shows fewer

/// A supervisor accepts an empty name without an error, and does nothing (contract §2, as npm's
/// supe).
void expect_name(const std::string& notice) {
    if (notice.empty()) throw std::invalid_argument("a notice needs a name");
}

/// JSON has no infinite number. What Boost.JSON prints for one depends on its version.
bool is_finite(const boost::json::value& value) {
    if (value.is_double()) return std::isfinite(value.get_double());
    if (value.is_array()) return std::ranges::all_of(value.get_array(), is_finite);
    if (!value.is_object()) return true;
    return std::ranges::all_of(value.get_object(),
                               [](const auto& member) { return is_finite(member.value()); });
}

}  // namespace

error_code make_error_code(mail_error e) {
    static const mail_error_category category;
    return {static_cast<int>(e), category};
}

json_body::json_body(const boost::json::value& value)
    : text(is_finite(value) ? boost::json::serialize(value) : "an infinite number") {}

// --- mail ---

const std::string& mail::from() const { return content_->from; }
const std::string& mail::id() const { return content_->id; }
unsigned mail::attempt() const { return content_->attempt; }
const std::string& mail::body() const { return content_->body; }
boost::json::value mail::value() const { return parse_json(content_->body).value(); }
std::string mail::bytes() const {
    const std::string& text = content_->body;
    auto bytes = text.starts_with('"') ? from_base64(json_string_value(text)) : std::nullopt;
    if (!bytes)
        throw std::runtime_error(
            fmt::format("mail from {}: not a string of base64: {:.60}", from(), text));
    return std::move(*bytes);
}

const std::string& mail::answers() const { return content_->answers; }
const std::string& mail::call() const {
    return content_->call.empty() ? content_->id : content_->call;
}

void mail::ack() {
    self_->impl_->acknowledge(content_->id);
    // One at a time: the next mail waits for this ack. With a window, acks are gathered until the
    // coroutines of this turn wait.
    if (self_->impl_->window == 1) self_->impl_->write_now();
}

void mail::reject(std::string reason) {
    self_->impl_->refuse(content_->id, refusal::dead_letter, reason);
}

void mail::requeue(std::string reason) {
    self_->impl_->refuse(content_->id, refusal::requeue, reason);
}

void mail::answer(json_body body) { self_->answer(content_->from, call(), std::move(body)); }

std::string body_of(std::string_view bytes) {
    std::string body;
    body.reserve(4 * ((bytes.size() + 2) / 3) + 3);
    body += '"';
    append_base64(body, bytes);
    body += '"';
    return body;
}

// --- notices ---

awaitable<std::optional<notice>> watch::next() {
    auto s = state_;  // a waiter may outlive this watch
    while (s->unread.empty() && !s->closed) co_await s->arrived.wait();
    if (s->unread.empty()) co_return std::nullopt;
    notice n = std::move(s->unread.front());
    s->unread.pop_front();
    co_return n;
}

// --- component ---

component::component(clock& c, int channel_fd, std::string name, std::string address, options o)
    : impl_(std::make_unique<impl>(*this, c, channel_fd, std::move(name), std::move(address), o)) {}

component::component(clock& c, int channel_fd, std::string name, std::string address)
    : component(c, channel_fd, std::move(name), std::move(address), options{}) {}

component::~component() = default;

awaitable<> component::serve() { return impl_->serve(); }

const std::string& component::name() const { return impl_->name; }
const std::string& component::address() const { return impl_->address; }
clock& component::time() { return impl_->time; }

awaitable<boost::json::value> component::config() {
    if (!impl_->config) impl_->signal("READY-FOR-CONFIG");
    while (!impl_->config && !impl_->closed) co_await impl_->changed.wait();
    if (!impl_->config) throw system_error(mail_error::channel_closed);
    co_return *impl_->config;
}

void component::ready() { impl_->signal("COMPONENT-READY"); }
void component::alive() { impl_->signal("COMPONENT-ALIVE"); }

void component::status(std::string_view line) {
    impl_->signal("COMPONENT-STATUS",
                  fmt::format(R"({{"status":{}}})", json_quoted(line.substr(0, status_limit))));
}

void component::set_window(unsigned n) {
    SUPE_ASSERT(!impl_->receiving);
    impl_->window = std::max(n, 1u);
}

void component::pause() {
    if (!impl_->receiving) return;
    impl_->receiving = false;
    impl_->signal("NOT-READY-TO-RECEIVE-MAIL");
}

void component::give_back() {
    pause();
    for (const auto& unread : impl_->inbox) impl_->refuse(unread->id, refusal::requeue, {});
    impl_->inbox.clear();
}

awaitable<std::optional<mail>> component::receive() { return receive_until(never); }

awaitable<std::optional<mail>> component::receive_until(time_point deadline) {
    impl& my = *impl_;
    if (!my.receiving) {
        my.receiving = true;
        my.signal("READY-TO-RECEIVE-MAIL", fmt::format(R"({{"window":{}}})", my.window));
    }
    while (my.inbox.empty() && !my.closed && !my.shutdown && my.time.now() < deadline)
        co_await my.mail_arrived.wait_until(deadline);
    if (my.inbox.empty() || my.shutdown || my.closed) co_return std::nullopt;
    mail m(*this, std::move(my.inbox.front()));
    my.inbox.pop_front();
    co_return m;
}

std::vector<mail> component::take_arrived() {
    std::vector<mail> all;
    for (auto& content : std::exchange(impl_->inbox, {}))
        all.push_back(mail(*this, std::move(content)));
    return all;
}

awaitable<std::vector<mail>> component::receive_batch(batch_limits limits, time_point deadline) {
    std::vector<mail> batch;
    std::size_t bytes = 0;
    std::optional<mail> next = co_await receive_until(deadline);
    const time_point full_at = time().now() + limits.wait;
    while (next) {
        bytes += next->body().size();
        batch.push_back(std::move(*next));
        next.reset();
        const bool is_full = (limits.count > 0 && batch.size() >= limits.count) ||
                             (limits.bytes > 0 && bytes >= limits.bytes);
        if (!is_full) next = co_await receive_until(full_at);
    }
    if (shutting_down()) batch.clear();
    co_return batch;
}

void component::tell(std::string to, json_body body) {
    const error_code refused = impl_->post_mail(to, body.text, {});
    if (refused) throw system_error(refused);
}

awaitable<> component::send(std::string to, json_body body) {
    const error_code error = co_await impl_->send_and_wait(std::move(to), std::move(body.text),
                                                           impl::goal::accepted, never);
    if (error) throw system_error(error);
}

awaitable<error_code> component::try_deliver(std::string to, json_body body, time_point deadline) {
    return impl_->send_and_wait(std::move(to), std::move(body.text), impl::goal::acknowledged,
                                deadline);
}

awaitable<> component::deliver(std::string to, json_body body) {
    const error_code error = co_await try_deliver(std::move(to), std::move(body));
    if (error) throw system_error(error);
}

awaitable<mail> component::call(std::string to, json_body body, time_point deadline) {
    auto content = co_await impl_->call_and_wait(std::move(to), std::move(body.text), deadline);
    co_return mail(*this, std::move(content));
}

void component::answer(std::string to, std::string_view call, json_body body) {
    const error_code refused =
        impl_->post_mail(to, body.text, fmt::format(R"(,"re":{})", json_quoted(call)));
    if (refused) throw system_error(refused);
}

awaitable<watch> component::watch_notice(std::string name, watch_options options) {
    expect_name(name);
    watch w;
    w.state_ = co_await impl_->start_watch(std::move(name), options);
    co_return w;
}

void component::notify(std::string name, json_body body) {
    expect_name(name);
    std::string& message = body.text;
    if (!is_json(message))
        throw std::invalid_argument("notice " + name +
                                    ": its message is not JSON (an infinite number?)");
    make_one_line(message);
    if (message.size() + 2 * name.size() + 128 > impl_->wire.frame_limit())
        throw system_error(asio::error::message_size);
    if (impl_->is_full()) throw system_error(asio::error::no_buffer_space);
    impl_->signal(
        "NOTICEBOARD-REQUEST",
        fmt::format(R"({{"type":"notify","notice":{},"message":{}}})", json_quoted(name), message));
}

awaitable<> component::shutdown_requested() {
    while (!impl_->shutdown && !impl_->closed) co_await impl_->changed.wait();
}

awaitable<> component::shutdown_requested_until(time_point deadline) {
    while (!shutting_down() && impl_->time.now() < deadline)
        co_await impl_->changed.wait_until(deadline);
}

bool component::shutting_down() const { return impl_->shutdown || impl_->closed; }

void component::request_shutdown() { impl_->begin_shutdown(); }

awaitable<> component::flushed() {
    impl_->write_now();
    while (!impl_->closed && impl_->unwritten()) co_await impl_->written.wait();
}

}  // namespace supe
