#include "components/direct_line/direct_line.hpp"

#include "components/direct_line/direct_frame.hpp"
#include "supe/async/nursery.hpp"
#include "supe/component/component.hpp"
#include "supe/storage/private_socket.hpp"

#include <utility>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto try_again = 50ms;                 // to connect
constexpr std::size_t most_unwritten = 1 << 20;  // bytes

}  // namespace

/// A webhook for as long as somebody waits for it.
class direct_line::unanswered {
public:
    unanswered(direct_line& line, std::uint64_t number, std::string webhook)
        : line_(line),
          at_(line.unanswered_.emplace_hint(line.unanswered_.end(), number, std::move(webhook))) {}
    ~unanswered() { line_.unanswered_.erase(at_); }
    unanswered(const unanswered&) = delete;
    unanswered& operator=(const unanswered&) = delete;

private:
    direct_line& line_;
    std::map<std::uint64_t, std::string>::iterator at_;
};

direct_line::direct_line(supe::clock& time, std::filesystem::path socket)
    : time_(time), socket_(std::move(socket)), unwritten_(time), waiting_(time) {}

supe::awaitable<> direct_line::run() {
    const auto body = [this](supe::nursery& all) -> supe::awaitable<> {
        all.start(write());
        co_await talk();
    };
    co_await supe::with_nursery(time_, body);
}

supe::awaitable<> direct_line::talk() {
    const supe::channel::frame_sink note = [this](std::string_view line) {
        const auto frame = read_frame(line);
        if (!frame) return;
        waiting_.answer(frame->number, frame->text.empty()
                                           ? supe::error_code()
                                           : make_error_code(supe::mail_error::dead_lettered));
    };
    for (;;) {
        if (connect()) {
            sent_ = 0;
            for (bool lives = true; lives;) {
                send();
                lives = co_await wire_->turn(note);
            }
            wire_.reset();
        }
        co_await time_.sleep_for(try_again);
    }
}

bool direct_line::connect() {
    try {
        supe::unique_fd connection = supe::connect_private(socket_);
        if (connection) wire_.emplace(time_, std::move(connection), supe::channel::side::component);
    } catch (const supe::system_error&) {}  // the event loop cannot take it now
    return wire_.has_value();
}

/// What several coroutines send in one turn of the event loop goes out together.
supe::awaitable<> direct_line::write() {
    for (;;) {
        send();
        co_await unwritten_.wait();
    }
}

/// As much as the queue takes soon. The rest waits here, where it goes when nobody waits for it any
/// more: a queue that stands still has no pile of it afterwards.
void direct_line::send() {
    if (!wire_ || !wire_->is_open()) return;
    for (auto next = unanswered_.upper_bound(sent_);
         next != unanswered_.end() && wire_->backlog() < most_unwritten; ++next) {
        append_frame(wire_->out(), {next->first, next->second});
        sent_ = next->first;
    }
    wire_->flush();
}

supe::awaitable<supe::error_code> direct_line::keep(std::string webhook,
                                                    supe::time_point deadline) {
    if (webhook.size() > longest_direct_text) co_return boost::asio::error::message_size;
    const std::uint64_t number = ++last_;
    supe::waiter_table<std::uint64_t, supe::error_code>::waiter waiter(waiting_, number);
    const unanswered kept(*this, number, std::move(webhook));
    unwritten_.notify();
    waiter.expires_at(deadline);
    while (waiter.is_waiting()) co_await waiter.changed();
    co_return waiter.take().value_or(make_error_code(supe::mail_error::timed_out));
}

}  // namespace components
