#include "supe/control/server.hpp"

#include "supe/async/assertion.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/control/server_client.hpp"
#include "supe/storage/private_socket.hpp"
#include "supe/supervision/json_turns.hpp"
#include "supe/supervision/large_answer.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/large_json.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <new>

namespace supe::control {

using namespace std::chrono_literals;

namespace {

namespace json = boost::json;
using socket_type = asio::local::stream_protocol::socket;

constexpr std::size_t read_size = 16u << 10;  // bytes at a time

asio::local::stream_protocol::acceptor listen_in(const std::filesystem::path& state,
                                                 loop_executor executor) {
    return {executor, asio::local::stream_protocol(),
            listen_private(state / "control.sock").release()};
}

/// Each kind of connection takes an eighth of our descriptors at most: children need them too.
server_limits bounded_by_descriptors(server_limits limits) {
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    place_limits& places = limits.places;
    for (std::size_t* const connections :
         {&limits.silent, &places.questions, &places.orders, &places.waiting})
        *connections = std::clamp<std::size_t>(descriptors.rlim_cur / 8, 1, *connections);
    return limits;
}

/// What the start of a child takes at most, for a moment: the ends of its channel, its input, two
/// outputs and NOTIFY_SOCKET, and its pidfd; with one to spare.
constexpr std::size_t descriptors_of_a_start = 12;

/// A child can still be started beside this connection.
bool leaves_a_start(socket_type& peer) {
    std::array<unique_fd, descriptors_of_a_start> probe;
    for (unique_fd& fd : probe) {
        fd = unique_fd(::fcntl(peer.native_handle(), F_DUPFD_CLOEXEC, 0));
        if (!fd) return false;
    }
    return true;
}

unique_fd any_descriptor() { return unique_fd(::eventfd(0, EFD_CLOEXEC)); }

bool is_out_of_descriptors(const error_code& e) {
    return e.value() == EMFILE || e.value() == ENFILE;
}

constexpr std::size_t most_members = 64;          // of a request
constexpr std::size_t longest_member = 1u << 20;  // bytes; but of lists, and of a mail
/// To build what nobody asks for would hold the loop up: it may be 16 MiB.
bool is_known(std::string_view key) {
    constexpr std::array known{"address",    "child",     "component", "do",   "fresh",
                               "id",         "instances", "lines",     "name", "of_another",
                               "timeout_ms", "to",        "wait",      "what"};
    return std::ranges::find(known, key) != known.end();
}

/// What is long is kept as text.
std::optional<json::value> member_value(std::string_view key, std::string_view text) {
    if (key == "msg" || key == "mails" || key == "names") return json::string(text);
    if (!is_known(key) || text.size() > longest_member) return std::nullopt;
    return parse_json(text);
}

}  // namespace

std::optional<json::object> parse_request(std::string_view line) {
    json::object request;
    json_members members(line);
    for (std::size_t n = 0; members.next();) {
        if (++n > most_members) return std::nullopt;
        if (auto value = member_value(members.key(), members.value()))
            request[members.key()] = std::move(*value);
    }
    return members.well_formed() ? std::optional(std::move(request)) : std::nullopt;
}

server::server(supervisor& s, std::filesystem::path state, server_limits limits)
    : supervisor_(s), commands_(s), state_(std::move(state)),
      limits_(bounded_by_descriptors(limits)), acceptor_(listen_in(state_, s.time().executor())),
      file_(state_ / "control.sock"), spare_(any_descriptor()), places_(limits_.places),
      connections_(s.time()) {}

bool server::restore() {
    if (file_.is_there()) return false;
    acceptor_ = listen_in(state_, supervisor_.time().executor());
    file_ = socket_file(state_ / "control.sock");
    return true;
}

awaitable<> server::run() {
    connections_.start(accept());
    co_await connections_.join();
}

awaitable<> server::accept() {
    struct closed_at_the_end {
        asio::local::stream_protocol::acceptor& acceptor;
        ~closed_at_the_end() {
            error_code ignored;
            acceptor.close(ignored);
        }
    } const first{acceptor_};  // a client that is cut off finds that nobody listens any more
    for (;;) {
        error_code failed;
        socket_type peer =
            co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, failed));
        const bool is_cancelled = (co_await asio::this_coro::cancellation_state).cancelled() !=
                                  asio::cancellation_type::none;
        if (is_cancelled) throw system_error(asio::error::operation_aborted);
        if (failed == asio::error::operation_aborted) continue;  // restore(): there is a new one
        if (failed && is_out_of_descriptors(failed)) {
            co_await wait_for_descriptors();
        } else if (failed) {
            co_await supervisor_.time().sleep_for(100ms);  // later, perhaps
        } else if (is_of_our_user(peer.native_handle())) {
            take_in(std::move(peer));
        }
    }
}

/// accept(2) fails so also while no client waits, and then nobody has to go.
awaitable<> server::wait_for_descriptors() {
    error_code failed;
    co_await acceptor_.async_wait(acceptor_.wait_read, asio::redirect_error(use_awaitable, failed));
    if (failed) co_return;            // a new one, or the end: accept() finds out
    if (any_descriptor()) co_return;  // one is free by now
    const bool goes_on = close_longest_silent(supervisor_.time().now()) || refuse_next();
    if (!goes_on) co_await supervisor_.time().sleep_for(100ms);  // later, perhaps
}

/// Where nobody is silent the next client is told that there is no room. False where it cannot be.
bool server::refuse_next() {
    spare_.reset();
    const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    unique_fd peer(::accept4(acceptor_.native_handle(), nullptr, nullptr, flags));
    const bool is_told = static_cast<bool>(peer);
    if (is_told && is_of_our_user(peer.get()))
        client::say(peer.get(),
                    error("the supervisor has no descriptor left for another client; try again",
                          result::failed));
    peer.reset();
    spare_ = any_descriptor();
    return is_told;
}

/// Silent connections make room for new ones, so that they never keep anyone out, and for the start
/// of a child. That is tried again where it fails, so a client has its moment to send first.
void server::take_in(socket_type peer) {
    const time_point now = supervisor_.time().now();
    if (room_.size() >= limits_.silent) close_longest_silent(now);
    while (!leaves_a_start(peer) && close_longest_silent(now - limits_.youth)) {}
    connections_.start(serve(std::make_shared<client>(std::move(peer), room_, now)));
}

/// Where that one connected at `before` or earlier. False when none is closed.
bool server::close_longest_silent(time_point before) {
    const auto has_more = [](request_guest& g) { return static_cast<client&>(g).has_more(); };
    auto* const silent = static_cast<client*>(room_.longest_silent(has_more));
    if (!silent || silent->began > before) return false;
    silent->close_for_others();
    return true;
}

/// What goes wrong with one connection ends that connection, and nothing else.
awaitable<> server::serve(std::shared_ptr<client> who) {
    try {
        clock& time = supervisor_.time();
        auto line = co_await within(time, time.now() + limits_.patience, read_request(who));
        if (!line) co_return;
        who->leave_room();
        who->largest = std::max(line->size(), who->text.size());
        who->text = std::string();
        auto request = who->refusal.is_null() ? parse_request(*line) : std::nullopt;
        line.reset();  // many may wait
        if (!request) {
            json::value refusal = std::move(who->refusal);
            if (refusal.is_null())
                refusal = error("the request is no JSON object", result::bad_request);
            co_await send_answer(who, std::move(refusal));
            co_return;
        }
        co_await turn_after_json(time, who->largest);
        const request_kind kind = kind_of(*request);
        const bool is_one_too_many = places_.has_any(kind) && !leaves_a_start(who->peer);
        if (!places_.has_room(kind) || is_one_too_many) {
            json::value refusal = error(places_.refusal(kind), result::failed);
            co_await send_answer(who, std::move(refusal));
            co_return;
        }
        const request_places::place taken = places_.take(kind);
        const json::value* what = request->if_contains("do");
        if (what && *what == "notices") {
            co_await stream_notices(who, std::move(*request));
        } else {
            co_await answer(who, std::move(*request));
        }
    } catch (const system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
    } catch (const std::exception& e) {
        on_failure(*who, e);
    }
    give_back_after_json(who->largest);
}

/// Above all where memory is limited, and a large request finds none.
void server::on_failure(client& who, const std::exception& why) {
    who.text = std::string();
    const bool is_memory = dynamic_cast<const std::bad_alloc*>(&why) != nullptr;
    const char* const reason = is_memory ? "no memory is left for it" : why.what();
    if (!who.is_answered)
        client::say(who.peer.native_handle(),
                    error(fmt::format("the request failed: {}", reason), result::failed));
    supervisor_.log(fmt::format("a request on the control socket failed: {}", reason));
}

/// The first line, without its newline. Throws when the connection ends before; `refusal` says why
/// it was not read to its end.
awaitable<std::string> server::read_request(std::shared_ptr<client> who) {
    for (;;) {
        // What has come stays in the socket until we look at it: see has_more().
        error_code failed;
        co_await who->peer.async_wait(who->peer.wait_read,
                                      asio::redirect_error(use_awaitable, failed));
        const std::size_t before = who->text.size();
        who->text.resize(before + read_size);
        const auto room = asio::buffer(who->text.data() + before, read_size);
        const std::size_t n = failed ? 0 : who->peer.read_some(room, failed);
        who->text.resize(before + n);
        if (failed == asio::error::would_block) continue;
        if (const std::size_t end = who->text.find('\n', before); end != std::string::npos) {
            who->leave_room();
            who->text.resize(end);
            co_return std::move(who->text);
        }
        if (failed && !who->gives_way) throw system_error(failed);
        who->refusal = why_not_on(*who);
        if (!who->refusal.is_null()) co_return std::string();
    }
}

/// Why no more of its request is read. Null: it is read on.
json::value server::why_not_on(client& who) {
    if (who.gives_way)
        return error("the request came too slowly, and another one needed its room; try again",
                     result::timed_out);
    if (who.text.size() > limits_.request)
        return error("the request is too large", result::bad_request);
    room_.heard(who);
    if (!make_room(who))
        return error("the supervisor has no room for another large request now; try again",
                     result::failed);
    return nullptr;
}

/// A large request that has had its time makes room for others. False where that is not enough.
bool server::make_room(client& who) {
    while (!room_.hold(who, who.text.size(), limits_.requests)) {
        const time_point before = supervisor_.time().now() - limits_.fair;
        auto* const slowest = static_cast<client*>(room_.slowest_large(before, who));
        if (!slowest) return false;
        slowest->give_way();
    }
    return true;
}

awaitable<> server::answer(std::shared_ptr<client> who, json::object request) {
    clock& time = supervisor_.time();
    answer_room::place held;  // until unread_answers_ counts the answer
    awaitable<json::value> work = perform(std::move(request), held);
    auto [answer, ended] = co_await race(time, std::move(work), send_heartbeats(who));
    SUPE_ASSERT(answer);  // heartbeats end by a failure alone
    json::value whole = std::move(*answer);
    held = {};
    co_await send_answer(who, std::move(whole));
}

awaitable<json::value> server::perform(json::object request, answer_room::place& held) {
    auto place = co_await supervisor_.large_answers().enter(asks_for_a_letter(request));
    if (!place) co_return too_many_answers();
    held = std::move(*place);
    json::value answer = co_await commands_.perform(std::move(request));
    co_return answer;
}

/// A client that does not read its answer is closed after a while, and large answers wait in memory
/// for few.
awaitable<> server::send_answer(std::shared_ptr<client> who, json::value answer) {
    std::string line = answer_text(answer) + "\n";
    answer = nullptr;
    who->largest = std::max(who->largest, line.size());
    if (unread_answers_ > 0 && unread_answers_ + line.size() > limits_.unread_answers)
        line = json::serialize(too_many_answers()) + "\n";
    struct counted {
        std::size_t& all;
        std::size_t bytes;
        counted(std::size_t& a, std::size_t b) : all(a), bytes(b) { all += bytes; }
        ~counted() { all -= bytes; }
    } unread(unread_answers_, line.size());
    clock& time = supervisor_.time();
    who->is_answered = true;
    awaitable<std::size_t> work = asio::async_write(who->peer, asio::buffer(line), use_awaitable);
    co_await within(time, time.now() + limits_.reading, std::move(work));
}

/// Empty lines until the answer comes: they say that we live. Throws when the client is gone, so
/// that nobody waits for the answer. What it asked of a supervisor goes on (contract §5).
awaitable<> server::send_heartbeats(std::shared_ptr<client> who) {
    const std::string alive = "\n";
    for (;;) {
        co_await supervisor_.time().sleep_for(limits_.heartbeat);
        co_await asio::async_write(who->peer, asio::buffer(alive), use_awaitable);
    }
}

}  // namespace supe::control
