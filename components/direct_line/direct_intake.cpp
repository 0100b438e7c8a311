#include "components/direct_line/direct_intake.hpp"

#include "patterns/output.hpp"
#include "supe/storage/private_socket.hpp"
#include "supe/text/json_text.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <utility>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_waiting = 8 << 20;  // bytes
constexpr std::size_t most_clients = 64;
constexpr auto accept_again = 100ms;  // where no descriptor is left
constexpr auto look_again = 1s;       // whether the socket is there

}  // namespace

struct direct_intake::client {
    client(supe::clock& time, supe::unique_fd connection)
        : wire(time, std::move(connection), supe::channel::side::supervisor) {}
    supe::channel wire;
};

direct_intake::direct_intake(supe::clock& time, std::filesystem::path socket, supe::timer& arrived)
    : time_(time), socket_(std::move(socket)), knocked_(time), unwritten_(time), room_(time),
      written_(time), arrived_(arrived), tasks_(time) {}

direct_intake::~direct_intake() = default;

supe::awaitable<> direct_intake::run() {
    tasks_.start(stay_in_place());
    tasks_.start(accept());
    tasks_.start(write());
    co_await tasks_.join();
}

/// The file may be deleted, with its directory or alone, or another one may be put in its place:
/// then nobody new finds us.
supe::awaitable<> direct_intake::stay_in_place() {
    std::string told;
    for (;;) {
        if (!listener_ || !file_.is_there()) {
            const bool was_lost = listener_.has_value();
            std::string why = why_not_listening();
            if (why.empty() && was_lost)
                patterns::warn("{} was deleted or replaced, and is made again", socket_.string());
            if (!why.empty() && why != told) patterns::warn("http_server cannot connect: {}", why);
            told = std::move(why);
            knocked_.notify();
        }
        co_await time_.sleep_for(look_again);
    }
}

/// Empty where it listens now. The old socket ends when the new one is there.
std::string direct_intake::why_not_listening() {
    try {
        supe::unique_fd fresh = supe::listen_private(socket_);
        file_ = supe::socket_file(socket_.string());
        listener_.reset();
        listener_.emplace(time_.executor(), std::move(fresh));
        return "";
    } catch (const supe::system_error& e) {
        return e.what();
    }
}

supe::awaitable<> direct_intake::accept() {
    for (;;) {
        if (!listener_) {
            co_await knocked_.wait();
            continue;
        }
        supe::unique_fd connection(
            ::accept4(listener_->get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (connection) {
            take_in(std::move(connection));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            co_await time_.sleep_for(accept_again);
        } else {
            listener_->when_readable(knocked_);
            co_await knocked_.wait();
        }
    }
}

/// Of too many the oldest ends: http_server connects again, and sends again what has no answer.
void direct_intake::take_in(supe::unique_fd connection) {
    if (!supe::is_of_our_user(connection.get())) return;
    if (clients_.size() >= most_clients) {
        clients_.front()->wire.close();
        clients_.erase(clients_.begin());
    }
    try {
        clients_.push_back(std::make_shared<client>(time_, std::move(connection)));
        tasks_.start(listen(clients_.back()));
    } catch (const supe::system_error&) {}  // the event loop cannot take it now
}

supe::awaitable<> direct_intake::listen(std::shared_ptr<client> from) {
    const supe::channel::frame_sink take = [&](std::string_view line) {
        if (const auto frame = read_frame(line)) keep(*frame, from);
    };
    for (bool lives = true; lives;) {
        while (bytes_ >= most_waiting) co_await room_.wait();
        lives = co_await from->wire.turn(take);
    }
    std::erase(clients_, from);
    written_.notify();
}

void direct_intake::keep(const direct_frame& frame, const std::shared_ptr<client>& from) {
    if (!supe::is_json(frame.text)) return answer({"", frame.number, from}, "it is no JSON");
    bytes_ += frame.text.size();
    waiting_.push_back({std::string(frame.text), frame.number, from});
    arrived_.notify();
}

std::vector<direct_intake::webhook> direct_intake::take() {
    bytes_ = 0;
    room_.notify();
    return std::exchange(waiting_, {});
}

void direct_intake::answer(const webhook& w, std::string_view refusal) {
    if (w.from->wire.is_open()) append_frame(w.from->wire.out(), {w.number, refusal});
    unwritten_.notify();
}

void direct_intake::flush() {
    for (const auto& c : clients_) c->wire.flush();
    written_.notify();
}

/// The answers of one commit go out together.
supe::awaitable<> direct_intake::write() {
    for (;;) {
        flush();
        co_await unwritten_.wait();
    }
}

supe::awaitable<> direct_intake::flushed(supe::time_point deadline) {
    const auto is_behind = [](const auto& c) { return c->wire.backlog() > 0; };
    written_.expires_at(deadline);
    while (std::ranges::any_of(clients_, is_behind) && time_.now() < deadline)
        co_await written_.wait();
}

}  // namespace components
