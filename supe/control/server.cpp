#include "supe/control/server.hpp"

#include "supe/async/assertion.hpp"
#include "supe/control/server_client.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/large_json.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>

namespace supe::control {

using namespace std::chrono_literals;

namespace {

namespace json = boost::json;
using socket_type = asio::local::stream_protocol::socket;

constexpr std::size_t read_size = 16u << 10;  // bytes at a time

asio::local::stream_protocol::acceptor listen_in(const std::filesystem::path& state,
                                                 loop_executor executor) {
    const auto failed = [&](int number) {
        return system_error(error_code(number, boost::system::system_category()),
                            (state / "control.sock").string());
    };
    const unique_fd directory(::open(state.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) throw failed(errno);
    ::unlinkat(directory.get(), "control.sock.new", 0);
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const asio::local::stream_protocol::endpoint address(
        short_path(directory.get(), "control.sock.new"));
    // The mode that bind gives the file, so that nobody else can connect even for a moment.
    ::fchmod(fd.get(), 0600);
    // Under another name first: a control.sock that is there listens.
    if (::bind(fd.get(), address.data(), static_cast<socklen_t>(address.size())) != 0 ||
        ::listen(fd.get(), 64) != 0 ||
        ::fchmodat(directory.get(), "control.sock.new", 0600, 0) != 0 ||
        ::renameat(directory.get(), "control.sock.new", directory.get(), "control.sock") != 0) {
        throw failed(errno);
    }
    return {executor, asio::local::stream_protocol(), fd.release()};
}

bool is_allowed(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == ::geteuid() || peer.uid == 0);
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

bool is_out_of_descriptors(const error_code& e) {
    return e.value() == EMFILE || e.value() == ENFILE;
}

constexpr std::size_t most_members = 64;          // of a request
constexpr std::size_t longest_member = 1u << 20;  // bytes; but of lists, and of a mail
/// To build what nobody asks for would hold the loop up: it may be 16 MiB.
bool is_known(std::string_view key) {
    constexpr std::array known{"address", "child",     "component", "do",         "fresh",
                               "id",      "instances", "name",      "of_another", "timeout_ms",
                               "to",      "wait",      "what"};
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

std::string short_path(int directory_fd, const std::string& name) {
    return fmt::format("/proc/self/fd/{}/{}", directory_fd, name);
}

server::server(supervisor& s, std::filesystem::path state, server_limits limits)
    : supervisor_(s), commands_(s), state_(std::move(state)),
      limits_(bounded_by_descriptors(limits)), acceptor_(listen_in(state_, s.time().executor())),
      file_(state_ / "control.sock"), places_(limits_.places), connections_(s.time()) {}

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
    for (;;) {
        error_code failed;
        socket_type peer =
            co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, failed));
        const bool is_cancelled = (co_await asio::this_coro::cancellation_state).cancelled() !=
                                  asio::cancellation_type::none;
        if (is_cancelled) throw system_error(asio::error::operation_aborted);
        if (failed == asio::error::operation_aborted) continue;  // restore(): there is a new one
        if (failed && is_out_of_descriptors(failed) && close_oldest_silent()) continue;
        if (failed) {
            co_await supervisor_.time().sleep_for(100ms);  // later, perhaps
        } else if (is_allowed(peer.native_handle())) {
            take_in(std::move(peer));
        }
    }
}

/// Silent connections make room for new ones, so that they never keep anyone out.
void server::take_in(socket_type peer) {
    forget_the_heard();
    if (silent_.size() >= limits_.silent) close_oldest_silent();
    auto who = std::make_shared<client>(std::move(peer), unfinished_bytes_);
    silent_.push_back(who);
    connections_.start(serve(who));
}

void server::forget_the_heard() {
    std::erase_if(silent_, [](const auto& c) { return c.expired() || c.lock()->complete; });
}

/// False when there is none.
bool server::close_oldest_silent() {
    forget_the_heard();
    if (silent_.empty()) return false;
    error_code ignored;
    silent_.front().lock()->peer.close(ignored);
    silent_.pop_front();
    return true;
}

/// What goes wrong with one connection ends that connection, and nothing else.
awaitable<> server::serve(std::shared_ptr<client> who) {
    try {
        clock& time = supervisor_.time();
        const auto line = co_await within(time, time.now() + limits_.patience, read_request(who));
        who->largest = who->text.size();
        who->forget_text();
        if (!line && !who->too_much) co_return;
        who->complete = true;
        auto request = line ? parse_request(*line) : std::nullopt;
        if (!request) {
            json::value refusal =
                error(who->too_much ? "the request is too large" : "the request is no JSON object",
                      result::bad_request);
            co_await send_answer(who, std::move(refusal));
            co_return;
        }
        const request_kind kind = kind_of(*request);
        if (!places_.has_room(kind)) {
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
        supervisor_.log(fmt::format("a request on the control socket failed: {}", e.what()));
    }
    give_back_after_json(who->largest);
}

/// The first line, without its newline. Throws when the connection ends before; `too_much` says why
/// it is empty.
awaitable<std::string> server::read_request(std::shared_ptr<client> who) {
    for (;;) {
        const std::size_t before = who->text.size();
        who->text.resize(before + read_size);
        error_code failed;
        const auto room = asio::buffer(who->text.data() + before, read_size);
        const std::size_t n =
            co_await who->peer.async_read_some(room, asio::redirect_error(use_awaitable, failed));
        who->text.resize(before + n);
        who->counted += n;
        unfinished_bytes_ += n;
        if (const std::size_t end = who->text.find('\n', before); end != std::string::npos)
            co_return who->text.substr(0, end);
        if (failed) throw system_error(failed);
        who->too_much = who->text.size() > limits_.request || unfinished_bytes_ > limits_.requests;
        if (who->too_much) co_return std::string();
    }
}

awaitable<> server::answer(std::shared_ptr<client> who, json::object request) {
    clock& time = supervisor_.time();
    awaitable<json::value> work = commands_.perform(std::move(request));
    auto [answer, ended] = co_await race(time, std::move(work), send_heartbeats(who));
    SUPE_ASSERT(answer);  // heartbeats end by a failure alone
    json::value whole = std::move(*answer);
    co_await send_answer(who, std::move(whole));
}

/// A client that does not read its answer is closed after a while, and large answers wait in memory
/// for few.
awaitable<> server::send_answer(std::shared_ptr<client> who, json::value answer) {
    std::string line = json::serialize(answer) + "\n";
    answer = nullptr;
    who->largest = std::max(who->largest, line.size());
    if (unread_answers_ > 0 && unread_answers_ + line.size() > limits_.unread_answers)
        line = json::serialize(error("too many answers wait to be read by other clients; try again",
                                     result::failed)) +
               "\n";
    struct counted {
        std::size_t& all;
        std::size_t bytes;
        counted(std::size_t& a, std::size_t b) : all(a), bytes(b) { all += bytes; }
        ~counted() { all -= bytes; }
    } unread(unread_answers_, line.size());
    clock& time = supervisor_.time();
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
