#include "components/http/server_connection.hpp"

#include "components/http/request_rules.hpp"
#include "components/http/server_handshake.hpp"
#include "components/http/server_text.hpp"
#include "patterns/output.hpp"
#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace components {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using namespace std::chrono_literals;
using client = http_client;

constexpr std::size_t small_read = 4096;
// For a client to see our last answer while it is still sending:
constexpr auto close_wait = 10s;
constexpr auto close_silence = 2s;
constexpr std::size_t close_wait_bytes = 64 << 20;

/// Beast's, with the fields of the head in their order: its own container puts those of one name
/// together.
class request_parser final : public http::request_parser<http::string_body> {
public:
    /// Once: they are moved.
    http_fields take_fields() { return std::move(fields_); }
    /// Whole lines of the head, as they came: Beast joins the lines of a folded field silently.
    void took(std::string_view lines) {
        folded_ =
            folded_ || lines.find("\r\n ") != lines.npos || lines.find("\r\n\t") != lines.npos;
    }
    request_head head() const {
        return {get().version(), {get().target().data(), get().target().size()}, fields_, folded_};
    }

private:
    void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                       boost::system::error_code&) override {
        if (!is_header_done())
            fields_.emplace_back(name, value);  // trailers are not fields of the head
    }
    /// Beast takes any character in a quoted value of an extension.
    void on_chunk_header_impl(std::uint64_t, beast::string_view extensions,
                              boost::system::error_code& fault) override {
        const auto ends_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
        if (std::ranges::any_of(extensions, ends_line)) fault = http::error::bad_chunk_extension;
    }
    http_fields fields_;
    bool folded_ = false;
};

/// An IPv4 address as such, also where it came to a socket that takes both.
std::string address_of(const asio::ip::address& address) {
    const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    return mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string()
                  : address.to_string();
}

}  // namespace

http_client::http_client(http_service& s, tcp_socket accepted, std::shared_ptr<tls_identity> as)
    : owner(s), socket(std::move(accepted)), identity(std::move(as)),
      buffer(s.limits.head + large_body), idle_since(s.self.time().now()),
      place(s.clients.insert(s.clients.end(), this)) {
    boost::system::error_code unknown;
    const auto peer = socket.remote_endpoint(unknown);
    if (!unknown) remote = address_of(peer.address());
    socket.set_option(tcp::no_delay(true), unknown);
}

http_client::~http_client() {
    owner.large_bytes -= reserved;
    owner.clients.erase(place);
    owner.client_left.notify();
}

void http_client::took(std::size_t bytes) {
    fresh += bytes;
    const auto enough =
        static_cast<double>(owner.limits.rate) * supe::in_seconds(owner.limits.request);
    if (static_cast<double>(fresh) >= enough) may_take(owner.limits.request);
}

std::string closing_text(client& c, const http_answer& answer) {
    c.count(answer);
    return text_of(answer, connection_after::closed, answer_part::whole,
                   c.owner.self.time().wall());
}

void cancel(client& c) {
    boost::system::error_code ignored;
    c.socket.cancel(ignored);
}

namespace {

// In the clear the socket is used directly: a coroutine more for each read and write would be a
// cost of each webhook.

supe::awaitable<bool> write(client& c, std::string text) {
    c.may_take(c.owner.limits.request);
    for (asio::const_buffer left = asio::buffer(text); left.size() > 0;) {
        transfer sent;
        if (c.tls) {
            const std::array<asio::const_buffer, 2> all{left};
            sent = co_await c.tls->write_some(all);
        } else {
            const auto [failed, n] = co_await c.socket.async_write_some(left, as_result);
            sent = {failed, n};
        }
        if (sent.failed) co_return false;
        left += sent.bytes;
    }
    co_return true;
}

/// Where TLS is spoken the client hears that this end is meant.
supe::awaitable<> say_goodbye(client& c) {
    c.may_take(close_silence);
    if (c.tls) co_await c.tls->finish();
}

/// After the last answer of a connection we wait for the client to close: where it is still
/// sending, a reset could destroy the answer (RFC 9112 §9.6).
supe::awaitable<> wait_for_close(client& c) {
    boost::system::error_code gone;
    c.leaving = true;
    co_await say_goodbye(c);
    c.socket.shutdown(tcp::socket::shutdown_send, gone);
    const supe::time_point end = c.owner.self.time().now() + close_wait;
    std::vector<char> dropped(16 << 10);
    for (std::size_t total = 0; !gone && total < close_wait_bytes;) {
        c.may_take(close_silence);
        c.deadline = std::min(c.deadline, end);
        const auto [failed, n] =
            co_await c.socket.async_read_some(asio::buffer(dropped), as_result);
        if (failed) co_return;
        total += n;
    }
}

}  // namespace

supe::awaitable<> refuse(client& c, http_answer answer) {
    const bool written = co_await write(c, closing_text(c, answer));
    if (written && !c.gives_way) co_await wait_for_close(c);
}

namespace {

http_answer answer_to_fault(const client& c, const boost::system::error_code& fault) {
    const http_limits& limits = c.owner.limits;
    if (c.late) return {408, "the request took too long\n", {}};
    if (fault == http::error::body_limit)
        return {413, fmt::format("the body is larger than {} bytes\n", c.body_limit), {}};
    if (fault == http::error::header_limit || fault == http::error::buffer_overflow)
        return {431, fmt::format("the head is larger than {} bytes\n", limits.head), {}};
    if (fault == http::error::partial_message) return {400, "the request was cut short\n", {}};
    return {400, fmt::format("not HTTP/1.1: {}\n", fault.message()), {}};
}

/// Not where the client has hung up, nor where we are ending.
bool worth_an_answer(const client& c, const boost::system::error_code& fault) {
    static const boost::system::error_code of_http = http::error::bad_method;
    return c.late ||
           (fault.category() == of_http.category() && fault != http::error::end_of_stream);
}

/// Reads some bytes more.
supe::awaitable<boost::system::error_code> read_some(client& c, std::size_t at_most) {
    const std::size_t free = std::min(at_most, c.buffer.max_size() - c.buffer.size());
    if (free == 0) co_return make_error_code(http::error::buffer_overflow);
    transfer got;
    if (c.tls) {
        got = co_await c.tls->read_some(c.buffer.prepare(free));
    } else {
        const auto [failed, n] =
            co_await c.socket.async_read_some(c.buffer.prepare(free), as_result);
        got = {failed, n};
    }
    c.buffer.commit(got.bytes);
    co_return got.failed;
}

/// Parses what of the body is here, or reads some more where that is not enough. Beast's own reads
/// take a turn of the event loop for each part, also where all of it is here already, as it is
/// nearly always.
supe::awaitable<boost::system::error_code> advance(client& c, request_parser& parser) {
    boost::system::error_code fault = http::error::need_more;
    if (c.buffer.size() > 0) c.buffer.consume(parser.put(c.buffer.data(), fault));
    if (fault != http::error::need_more) co_return fault;
    const std::size_t before = c.buffer.size();
    const std::uint64_t missing = parser.content_length_remaining().value_or(0);
    fault = co_await read_some(c, std::clamp<std::uint64_t>(missing, small_read, large_body));
    c.took(c.buffer.size() - before);
    if (fault == asio::error::eof) fault = http::error::partial_message;
    co_return fault;
}

void begin_parser(client& c, std::optional<request_parser>& parser) {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(c.owner.limits.head));
    parser->body_limit(c.body_limit = c.owner.limits.body);
}

/// The head stays in the buffer until it is whole: where a field of it is odd and does no harm, it
/// is mended and read once more.
supe::awaitable<boost::system::error_code> read_head(client& c,
                                                     std::optional<request_parser>& parser) {
    begin_parser(c, parser);
    for (std::size_t taken = 0;;) {
        boost::system::error_code fault = http::error::need_more;
        const asio::mutable_buffer bytes = c.buffer.data() + taken;
        if (bytes.size() > 0) {
            const std::size_t n = parser->put(bytes, fault);
            parser->took({static_cast<const char*>(bytes.data()), n});
            taken += n;
        }
        if (fault == http::error::bad_value &&
            mend_connection({static_cast<char*>(c.buffer.data().data()), c.buffer.size()})) {
            begin_parser(c, parser);
            taken = 0;
            continue;
        }
        if (fault && fault != http::error::need_more) co_return fault;
        const bool done = parser->is_header_done();
        if (taken > c.owner.limits.head || (!done && c.buffer.size() >= c.owner.limits.head))
            co_return make_error_code(http::error::header_limit);
        if (done) {
            c.buffer.consume(taken);
            co_return boost::system::error_code();
        }
        fault = co_await read_some(c, small_read);
        if (fault == asio::error::eof) fault = http::error::partial_message;
        if (fault) co_return fault;
    }
}

/// How the reading of a body ended. Without an answer nobody is there to read one.
struct body_reading {
    bool complete = false;
    std::optional<http_answer> answer{};
};

supe::awaitable<body_reading> read_body(client& c, request_parser& parser) {
    parser.eager(true);
    while (!parser.is_done()) {
        body_reading end;
        const boost::system::error_code fault = co_await advance(c, parser);
        if (fault && worth_an_answer(c, fault)) end.answer = answer_to_fault(c, fault);
        if (fault) co_return end;
        if (c.reserve(parser.get().body().size())) continue;
        end.answer = unavailable("too many large bodies at once\n");
        co_return end;
    }
    co_return body_reading{.complete = true};
}

/// HTTP/1.0 knows no 100 (RFC 9110 §10.1.1), and who has sent the body already needs none.
bool waits_for_continue(const client& c, const request_parser& parser, const http_fields& fields) {
    return !parser.is_done() && parser.get().version() >= 11 && c.buffer.size() == 0 &&
           same_field(field(fields, "Expect"), "100-continue");
}

supe::awaitable<http_answer> answer_of(http_service& s, http_request request) {
    try {
        co_return co_await s.handler(std::move(request));
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
        patterns::warn("answering 500: {}", e.what());
    } catch (const std::exception& e) {
        patterns::warn("answering 500: {}", e.what());
    }
    co_return http_answer{500, "something went wrong here\n", {}};
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

/// Waits for the first byte of a request. False when the connection has ended, or was idle for too
/// long.
supe::awaitable<bool> request_begins(client& c) {
    if (is_begun(c)) co_return true;
    if (c.buffer.capacity() > 4 * small_read) c.buffer.shrink_to_fit();
    c.idle = true;
    c.idle_since = c.owner.self.time().now();
    c.may_take(c.owner.limits.idle);
    boost::system::error_code failed;
    for (bool begun = false; !begun && !failed; begun = is_begun(c))
        failed = co_await read_some(c, small_read);
    c.idle = false;
    co_return !failed;
}

/// Of a head that nothing is said against. The body is not here yet.
http_request request_of(request_parser& parser, const client& c) {
    request_target target = *read_target(parser.head().target);
    http_request request;
    request.method = std::string_view(parser.get().method_string());
    request.target = std::move(target.path);
    request.headers = parser.take_fields();
    request.remote = c.remote;
    request.secure = c.tls != nullptr;
    for (auto& [name, value] : request.headers)
        if (!target.authority.empty() && same_field(name, "Host")) value = target.authority;
    return request;
}

/// The limit for this very request, by its head. False where its length says that it has more.
bool limit_body(client& c, request_parser& parser, const http_request& head) {
    if (!c.owner.limits.body_of) return true;
    c.body_limit = c.owner.limits.body_of(head);
    parser.body_limit(c.body_limit);
    return parser.content_length_remaining().value_or(0) <= c.body_limit;
}

/// One request and its answer. False when the connection ends with it.
supe::awaitable<bool> serve_request(client& c) {
    if (!co_await request_begins(c)) co_return false;
    c.gives_way = false;
    std::optional<request_parser> made;
    c.may_take(c.owner.limits.request);
    if (const auto head_fault = co_await read_head(c, made)) {
        if (worth_an_answer(c, head_fault)) co_await refuse(c, answer_to_fault(c, head_fault));
        co_return false;
    }
    request_parser& parser = *made;
    if (auto no = objection(parser.head())) {
        co_await refuse(c, std::move(*no));
        co_return false;
    }
    http_request request = request_of(parser, c);
    if (!limit_body(c, parser, request)) {
        co_await refuse(c, answer_to_fault(c, http::error::body_limit));
        co_return false;
    }
    if (waits_for_continue(c, parser, request.headers) &&
        !co_await write(c, "HTTP/1.1 100 Continue\r\n\r\n"))
        co_return false;
    c.may_take(c.owner.limits.request);
    body_reading body = co_await read_body(c, parser);
    if (body.answer) co_await refuse(c, std::move(*body.answer));
    if (!body.complete) co_return false;
    const answer_part part =
        parser.get().method() == http::verb::head ? answer_part::head : answer_part::whole;
    const bool keep_alive = parser.keep_alive();
    request.body = std::move(parser.get().body());
    c.deadline = supe::never;
    c.answering = true;
    const http_answer answer = co_await answer_of(c.owner, std::move(request));
    c.answering = false;
    c.count(answer);
    c.give_back();
    const bool kept = keep_alive && !c.owner.draining;
    std::string text = text_of(answer, kept ? connection_after::kept : connection_after::closed,
                               part, c.owner.self.time().wall());
    const bool written = co_await write(c, std::move(text));
    if (written && !kept) co_await wait_for_close(c);
    co_return written&& kept;
}

}  // namespace

supe::awaitable<> serve_client(http_service& s, std::unique_ptr<client> c) {
    bool goes_on = true;
    if (c->identity) goes_on = co_await greet(*c);
    while (goes_on && !s.closing) goes_on = co_await serve_request(*c);
    if (!c->leaving) co_await say_goodbye(*c);
    boost::system::error_code gone;
    c->socket.shutdown(tcp::socket::shutdown_both, gone);
}

}  // namespace components
