#include "components/http/server_connection.hpp"

#include "components/http/server_handshake.hpp"
#include "components/http/server_request.hpp"
#include "components/http/server_text.hpp"
#include "components/http/tls_steps.hpp"
#include "patterns/output.hpp"
#include "supe/text/units.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <new>
#include <optional>
#include <utility>

namespace components {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using namespace std::chrono_literals;
using client = http_client;

constexpr std::size_t first_read = 4096;
// For a client to see our last answer while it is still sending:
constexpr auto close_wait = 10s;
constexpr auto close_silence = 2s;
constexpr std::size_t close_wait_bytes = 64 << 20;

/// An IPv4 address as such, also where it came to a socket that takes both.
std::string address_of(const asio::ip::address& address) {
    const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    return mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string()
                  : address.to_string();
}

}  // namespace

http_client::http_client(http_service& s, tcp_socket accepted, std::shared_ptr<tls_identity> as)
    : owner(s), socket(std::move(accepted)), identity(std::move(as)),
      buffer(s.limits.head + large_read), wake(s.self.time()) {
    boost::system::error_code unknown;
    const auto peer = socket.remote_endpoint(unknown);
    if (!unknown) remote = address_of(peer.address());
    socket.set_option(tcp::no_delay(true), unknown);
    s.room.enter(*this, s.self.time().now());
}

http_client::~http_client() {
    owner.room.leave(*this);
    owner.client_left.notify();
}

void http_client::may_take(supe::duration limit, http_standing as) {
    stand(as);
    deadline = since + limit;
    late = false;
    fresh = 0;
}

void http_client::waits_for_us() {
    stand(http_standing::working);
    deadline = supe::never;
    late = false;
}

void http_client::took(std::size_t bytes) {
    fresh += bytes;
    const auto enough =
        static_cast<double>(owner.limits.rate) * supe::in_seconds(owner.limits.request);
    if (static_cast<double>(fresh) >= enough) may_take(owner.limits.request);
}

bool http_client::hold(std::size_t bytes) {
    const std::size_t limit = owner.limits.large_requests;
    of_request = bytes;
    if (tls) bytes += tls->memory();
    while (!owner.room.hold(*this, bytes, limit)) {
        if (owner.large_lines.take(owner.self.time().now()) == supe::duration::zero())
            patterns::warn(
                "large requests on their way take {} bytes together: the slowest give way, or else "
                "new ones are answered 503",
                owner.room.held());
        http_guest* const slowest = owner.room.slowest_large(owner.patient_since(), *this);
        if (!slowest) return false;
        // What it takes is free before anything else is read.
        owner.room.hold(*slowest, 0, limit);
        end_for_another(static_cast<client&>(*slowest));
    }
    return true;
}

void http_client::hold_anyway(std::size_t bytes) {
    if (hold(bytes)) return;
    owner.room.hold_anyway(*this, of_request + (tls ? tls->memory() : 0));
}

void http_client::release() {
    buffer.clear();
    buffer.shrink_to_fit();
    hold_anyway(0);
}

std::string closing_text(client& c, const http_answer& answer) {
    c.count(answer);
    return text_of(answer, connection_after::closed, answer_part::whole,
                   c.owner.self.time().wall());
}

void cancel(client& c) {
    boost::system::error_code ignored;
    c.socket.cancel(ignored);
    c.wake.notify();
}

void end_client(client& c) {
    c.late = true;
    // One whose next bytes are here goes on: the next look at the deadlines ends it once more.
    c.deadline = c.owner.self.time().now();
    c.stand(http_standing::ended);
    cancel(c);
}

void end_for_another(client& c) {
    c.gives_way = true;
    end_client(c);
}

void report_no_memory(http_service& s) {
    if (s.no_memory_lines.take(s.self.time().now()) == supe::duration::zero())
        patterns::warn("memory has run out: a connection was ended for that");
}

namespace {

/// What a step of TLS moves.
enum class tls_load { request, answer };

/// A part of a record of its next request is here: it is no longer at rest. False where there is no
/// memory for more of a request.
bool may_wait_in_tls(client& c, tls_load load) {
    if (c.standing != http_standing::greeting && c.tls->has_part_of_record()) {
        c.idle = false;
        if (c.standing == http_standing::resting) c.stand(http_standing::awaited);
    }
    if (load == tls_load::request) return c.hold(c.of_request);
    c.hold_anyway(c.of_request);
    return true;
}

template <class Step>
supe::awaitable<transfer> over_tls(client& c, tls_load load, Step step) {
    return over_tls(*c.tls, c.socket, step, [&c, load] { return may_wait_in_tls(c, load); });
}

}  // namespace

supe::awaitable<boost::system::error_code> shake_hands(client& c) {
    const auto step = [](tls_session& tls) { return tls.handshake(); };
    const transfer done = co_await over_tls(c, tls_load::request, step);
    co_return done.failed;
}

supe::awaitable<boost::system::error_code> read_some(client& c, std::size_t at_most) {
    const std::size_t free = std::min(at_most, c.buffer.max_size() - c.buffer.size());
    if (free == 0) co_return make_error_code(http::error::buffer_overflow);
    transfer got;
    if (c.tls) {
        const asio::mutable_buffer into = c.buffer.prepare(free);
        const auto step = [into](tls_session& tls) { return tls.read(into); };
        got = co_await over_tls(c, tls_load::request, step);
    } else {
        const auto [failed, n] =
            co_await c.socket.async_read_some(c.buffer.prepare(free), as_result);
        got = {failed, n};
    }
    c.buffer.commit(got.bytes);
    co_return got.failed;
}

supe::awaitable<bool> write(client& c, std::string text) {
    c.may_take(c.owner.limits.request);
    for (asio::const_buffer left = asio::buffer(text); left.size() > 0;) {
        transfer sent;
        if (c.tls) {
            const auto step = [left](tls_session& tls) { return tls.write(left); };
            sent = co_await over_tls(c, tls_load::answer, step);
        } else {
            const auto [failed, n] = co_await c.socket.async_write_some(left, as_result);
            sent = {failed, n};
        }
        if (sent.failed) co_return false;
        left += sent.bytes;
    }
    co_return true;
}

namespace {

/// Where TLS is spoken the client hears that this end is meant.
supe::awaitable<> say_goodbye(client& c) {
    if (std::exchange(c.parted, true)) co_return;
    c.may_take(close_silence, http_standing::leaving);
    if (!c.tls) co_return;
    const auto step = [](tls_session& tls) { return tls.finish(); };
    co_await over_tls(c, tls_load::answer, step);
}

/// After the last answer of a connection we wait for the client to close: where it is still
/// sending, a reset could destroy the answer (RFC 9112 §9.6).
supe::awaitable<> wait_for_close(client& c) {
    boost::system::error_code gone;
    co_await say_goodbye(c);
    // What comes now is dropped unread.
    c.tls.reset();
    c.release();
    c.socket.shutdown(tcp::socket::shutdown_send, gone);
    const supe::time_point end = c.owner.self.time().now() + close_wait;
    for (std::size_t total = 0; !gone && total < close_wait_bytes;) {
        c.may_take(close_silence, http_standing::leaving);
        c.deadline = std::min(c.deadline, end);
        const auto [failed, n] =
            co_await c.socket.async_read_some(asio::buffer(c.owner.dropped), as_result);
        if (failed) co_return;
        total += n;
    }
}

}  // namespace

supe::awaitable<> refuse(client& c, http_answer answer) {
    c.release();
    const bool written = co_await write(c, closing_text(c, answer));
    if (written && !c.gives_way) co_await wait_for_close(c);
}

namespace {

supe::awaitable<http_answer> answer_of(http_service& s, http_request request) {
    bool no_memory = false;
    try {
        co_return co_await s.handler(std::move(request));
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
        patterns::warn("answering 500: {}", e.what());
    } catch (const std::bad_alloc&) {
        no_memory = true;
    } catch (const std::exception& e) {
        patterns::warn("answering 500: {}", e.what());
    }
    if (!no_memory) co_return http_answer{500, "something went wrong here\n", {}};
    report_no_memory(s);
    co_return unavailable("there is no memory left for this, please try again\n");
}

/// Passes over empty lines before a request (RFC 9112 §2.2): some senders end a body with one. True
/// where the request begins here.
bool is_begun(client& c) {
    const asio::const_buffer bytes = c.buffer.cdata();
    const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
    std::size_t n = 0;
    while (n < text.size() && (text[n] == '\n' || text.substr(n, 2) == "\r\n")) ++n;
    c.buffer.consume(n);
    return text.size() > n && text.substr(n) != "\r";
}

/// Waits for the first byte of a request. Fails when the connection has ended, was idle for too
/// long, or has no room.
supe::awaitable<boost::system::error_code> request_begins(client& c) {
    if (is_begun(c)) co_return boost::system::error_code();
    c.idle = true;
    c.may_take(c.owner.limits.idle, c.answered ? http_standing::resting : http_standing::awaited);
    boost::system::error_code failed;
    for (bool begun = false; !begun && !failed; begun = is_begun(c))
        failed = co_await read_some(c, first_read);
    c.idle = false;
    co_return failed;
}

/// A part of a record is a part of a request: who sent it is answered, as in the clear.
std::optional<http_answer> answer_to_part(const client& c,
                                          const boost::system::error_code& failed) {
    if (!c.tls || !c.tls->has_part_of_record()) return std::nullopt;
    return answer_to_failure(c, failed);
}

/// One request and its answer. False when the connection ends with it.
supe::awaitable<bool> serve_request(client& c) {
    if (const auto failed = co_await request_begins(c)) {
        if (auto answer = answer_to_part(c, failed)) co_await refuse(c, std::move(*answer));
        co_return false;
    }
    c.gives_way = false;
    received_request received = co_await read_request(c);
    if (received.refusal) co_await refuse(c, std::move(*received.refusal));
    if (!received.request) co_return false;
    c.waits_for_us();
    const http_answer answer = co_await answer_of(c.owner, std::move(*received.request));
    c.count(answer);
    c.hold_anyway(0);
    const bool kept = received.keep_alive && !c.owner.draining;
    std::string text = text_of(answer, kept ? connection_after::kept : connection_after::closed,
                               received.part, c.owner.self.time().wall());
    c.answered = true;
    const bool written = co_await write(c, std::move(text));
    if (written && !kept) co_await wait_for_close(c);
    co_return written&& kept;
}

}  // namespace

supe::awaitable<> serve_client(http_service& s, std::unique_ptr<client> c) {
    try {
        bool goes_on = true;
        if (c->identity) goes_on = co_await greet(*c);
        while (goes_on && !s.closing) goes_on = co_await serve_request(*c);
        co_await say_goodbye(*c);
        boost::system::error_code gone;
        c->socket.shutdown(tcp::socket::shutdown_both, gone);
    } catch (const std::bad_alloc&) {
        c.reset();  // so that there is memory for the others
        report_no_memory(s);
    }
}

}  // namespace components
