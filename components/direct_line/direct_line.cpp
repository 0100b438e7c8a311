#include "components/direct_line/direct_line.hpp"

#include "components/direct_line/direct_frame.hpp"
#include "patterns/output.hpp"
#include "supe/async/nursery.hpp"
#include "supe/component/component.hpp"
#include "supe/storage/private_socket.hpp"

#include <fmt/format.h>
#include <cerrno>
#include <utility>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto try_again = 50ms;                 // to connect
constexpr auto brief = 1s;                       // to be without a line
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
        connect();
        if (wire_) {
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

void direct_line::connect() {
    supe::unique_fd connection = supe::connect_private(socket_);
    const supe::error_code failed(connection ? 0 : errno, boost::system::system_category());
    std::string why_not = failed ? failed.message() : "";
    try {
        if (connection) wire_.emplace(time_, std::move(connection), supe::channel::side::component);
    } catch (const supe::system_error& e) {  // the event loop cannot take it now
        why_not = e.what();
    }
    note(why_not);
}

void direct_line::note(const std::string& why_not) {
    const supe::time_point now = time_.now();
    if (why_not.empty()) {
        if (!told_.empty()) patterns::warn("there is a line to the queue again");
        away_since_.reset();
        objection_.clear();
        told_.clear();
        return;
    }
    if (!away_since_) away_since_ = now;
    if (now < *away_since_ + brief) return;
    objection_ = fmt::format("no line to the queue: {}: {}", socket_.string(), why_not);
    if (objection_ == told_ || lines_.take(now) > 0s) return;
    patterns::warn("{}", objection_);
    told_ = objection_;
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
    if (webhook.size() > longest_kept_text) co_return boost::asio::error::message_size;
    const std::uint64_t number = ++last_;
    supe::waiter_table<std::uint64_t, supe::error_code>::waiter waiter(waiting_, number);
    const unanswered kept(*this, number, std::move(webhook));
    unwritten_.notify();
    waiter.expires_at(deadline);
    while (waiter.is_waiting()) co_await waiter.changed();
    co_return waiter.take().value_or(make_error_code(supe::mail_error::timed_out));
}

}  // namespace components
