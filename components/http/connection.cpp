#include "components/http/connection.hpp"

#include "components/http/byte_stream.hpp"
#include "supe/async/nursery.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <tuple>

namespace components {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using namespace std::chrono_literals;

constexpr auto close_limit = 60s;  // the kernel forgets an orphan after as long
constexpr auto cut_again = 50ms;
constexpr auto goodbye_limit = 2s;  // for TLS's close_notify
constexpr std::uint64_t answer_limit =
    256 << 10;  // bytes of an answer's body that we read to keep the connection
constexpr std::size_t read_size = 8 << 10;
constexpr std::uint32_t head_limit = 256 << 10;  // beyond it an answer would be lost

/// Ends what a socket does when the time is up. It is not closed by that: whoever holds a
/// connection must see it closed by the destination too, which Beast's own timeouts would not let
/// us do.
class time_limit {
public:
    time_limit(supe::clock& time, tcp_socket& socket, supe::time_point deadline) : tasks_(time) {
        tasks_.start(cut(time, socket, deadline, late_));
    }
    bool passed() const { return late_; }
    supe::awaitable<> lift() {
        tasks_.cancel();
        co_await tasks_.join();
    }

private:
    static supe::awaitable<> cut(supe::clock& time, tcp_socket& socket, supe::time_point deadline,
                                 bool& late) {
        co_await time.sleep_until(deadline);
        late = true;
        for (;;) {  // a cancel between two operations has no effect
            boost::system::error_code ignored;
            socket.cancel(ignored);
            co_await time.sleep_for(cut_again);
        }
    }
    bool late_ = false;
    supe::nursery tasks_;
};

std::string explain(const boost::system::error_code& failed, bool late) {
    if (late) return "timed out";
    if (failed == http::error::end_of_stream) return "closed by the destination before it answered";
    return failed.message();
}

/// The destination ended a connection that it had kept for us.
bool was_closed(const boost::system::error_code& failed) {
    return failed == http::error::end_of_stream || failed == asio::error::eof ||
           failed == asio::error::connection_reset || failed == asio::error::broken_pipe ||
           failed == asio::ssl::error::stream_truncated;
}

/// Closes it on both sides at once. The destructor would not: it takes the option back.
void reset(tcp_socket& socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

/// Where no process listens on a port of this machine's own range, TCP may connect a socket to
/// itself: the destination is not there.
bool is_own_echo(const tcp_socket& socket) {
    boost::system::error_code unknown;
    return socket.local_endpoint(unknown) == socket.remote_endpoint(unknown) && !unknown;
}

/// Also where we have ended our side. Not while it connects.
bool is_connected(const tcp_socket& socket) {
    boost::system::error_code none;
    socket.remote_endpoint(none);
    return !none;
}

std::string text_of(const tcp::endpoint& peer) {
    const std::string address = peer.address().to_string();
    return peer.address().is_v6() ? fmt::format("[{}]:{}", address, peer.port())
                                  : fmt::format("{}:{}", address, peer.port());
}

tcp::endpoint endpoint_of(const std::string& text) {
    const auto colon = text.rfind(':');
    std::string address = text.substr(0, colon);
    if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
    return {asio::ip::make_address(address),
            static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

}  // namespace

struct http_connection::impl {
    using response_parser = http::response_parser<http::string_body>;

    supe::clock& time;
    http_destination to;
    beast::flat_buffer buffer;
    std::unique_ptr<byte_stream> stream;
    bool in_step = false;  // open, and no answer is outstanding
    unsigned served = 0;
    bool stale = false;

    impl(supe::clock& t, http_destination d) : time(t), to(std::move(d)) {}

    void prepare() {
        stream = to.tls ? byte_stream::make_tls(time.executor(), to.host)
                        : byte_stream::make_plain(time.executor());
    }

    supe::awaitable<boost::system::error_code> send(const std::string& head,
                                                    const std::string& body) {
        std::array<asio::const_buffer, 2> left{asio::buffer(head), asio::buffer(body)};
        while (left[0].size() + left[1].size() > 0) {
            transfer sent = co_await stream->write_some(left);
            if (sent.failed) co_return sent.failed;
            for (asio::const_buffer& b : left) {
                const std::size_t part = std::min(b.size(), sent.bytes);
                b += part;
                sent.bytes -= part;
            }
        }
        co_return boost::system::error_code();
    }

    /// Parses what is here, or reads some more where that is not enough.
    supe::awaitable<boost::system::error_code> advance(response_parser& parser) {
        boost::system::error_code fault = http::error::need_more;
        if (buffer.size() > 0) buffer.consume(parser.put(buffer.data(), fault));
        if (fault != http::error::need_more) co_return fault;
        const transfer read = co_await stream->read_some(buffer.prepare(read_size));
        buffer.commit(read.bytes);
        if (read.failed != asio::error::eof) co_return read.failed;
        fault = http::error::end_of_stream;
        if (!parser.got_some()) co_return fault;
        fault.clear();
        parser.put_eof(fault);
        co_return fault;
    }

    supe::awaitable<http_reply> talk(const std::string& head, const std::string& body,
                                     const time_limit& limit) {
        const boost::system::error_code unsent = co_await send(head, body);
        // An answer may be there all the same: a refusal while we still sent.
        for (;;) {
            response_parser parser;
            parser.body_limit(boost::none);  // the status counts, whatever follows it
            parser.header_limit(head_limit);
            boost::system::error_code cut;
            while (!cut && !parser.is_header_done()) cut = co_await advance(parser);
            if (cut && !parser.is_header_done()) {
                const boost::system::error_code failed = unsent ? unsent : cut;
                stale = served > 0 && buffer.size() == 0 && !limit.passed() && was_closed(failed);
                co_return http_reply{0, {}, explain(failed, limit.passed())};
            }
            const int status = parser.get().result_int();
            if (status < 200 && status != 101) continue;
            http_reply reply{status, {}, {}};
            const auto after = parser.get()[http::field::retry_after];
            if (!after.empty())
                reply.retry_after = parse_retry_after({after.data(), after.size()}, time.wall());
            ++served;
            // Without that there is no use in waiting for the rest; close() will.
            if (cut || unsent || !parser.keep_alive() ||
                parser.content_length_remaining().value_or(0) > answer_limit)
                co_return reply;
            const bool whole = co_await read_rest(parser);
            in_step = whole && buffer.size() == 0;
            co_return reply;
        }
    }

    supe::awaitable<bool> read_rest(response_parser& parser) {
        while (!parser.is_done()) {
            const boost::system::error_code failed = co_await advance(parser);
            if (failed || parser.get().body().size() > answer_limit) co_return false;
        }
        co_return true;
    }

    supe::awaitable<std::string> connect(std::string peer, const time_limit& limit);

    /// Reads until the destination has closed its side.
    supe::awaitable<> drain(const time_limit& limit) {
        std::vector<char> dropped(16 << 10);
        for (;;) {
            const auto [failed, n] =
                co_await stream->socket().async_read_some(asio::buffer(dropped), as_result);
            if (!failed) continue;
            if (limit.passed()) reset(stream->socket());
            co_return;
        }
    }
};

http_connection::http_connection(supe::clock& time, http_destination to)
    : impl_(std::make_unique<impl>(time, std::move(to))) {}
http_connection::~http_connection() = default;

supe::awaitable<std::vector<std::string>> http_connection::resolve(supe::clock& time,
                                                                   const http_destination& to,
                                                                   std::string& error) {
    tcp_resolver resolver(time.executor());
    const auto [failed, found] = co_await resolver.async_resolve(to.host, to.port, as_result);
    std::vector<std::string> peers;
    if (failed)
        error = fmt::format("{}: {}", to.host, failed.message());
    else
        for (const auto& entry : found) peers.push_back(text_of(entry.endpoint()));
    co_return peers;
}

/// Connects the prepared stream to one address; empty, or why not.
supe::awaitable<std::string> http_connection::impl::connect(std::string peer,
                                                            const time_limit& limit) {
    tcp_socket& socket = stream->socket();
    const tcp::endpoint endpoint = endpoint_of(peer);
    boost::system::error_code failed;
    socket.open(endpoint.protocol(), failed);
    if (failed) co_return fmt::format("{}: {}", peer, failed.message());
    std::tie(failed) = co_await socket.async_connect(endpoint, as_result);
    // It may have succeeded in the moment in which the time was up.
    if (failed == asio::error::operation_aborted && is_connected(socket)) failed.clear();
    if (!failed && is_own_echo(socket)) {
        reset(socket);
        failed = asio::error::connection_refused;
    }
    if (!failed) co_return std::string();
    boost::system::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);  // from here on it cannot succeed
    co_return fmt::format("{}: {}", peer, explain(failed, limit.passed()));
}

supe::awaitable<std::string> http_connection::connect(std::vector<std::string> peers,
                                                      supe::time_point deadline) {
    std::string why = "there is no address to connect to";
    for (std::size_t left = peers.size(); const std::string& peer : peers) {
        impl_->prepare();
        const supe::time_point now = impl_->time.now();
        const supe::time_point share =
            now + std::max<supe::duration>(deadline - now, 0s) / static_cast<long>(left--);
        time_limit limit(impl_->time, impl_->stream->socket(), share);
        why = co_await impl_->connect(peer, limit);
        co_await limit.lift();
        if (connected()) break;
    }
    boost::system::error_code ignored;
    if (why.empty()) impl_->stream->socket().set_option(tcp::no_delay(true), ignored);
    co_return why;
}

std::optional<http_connection::ends> http_connection::connected() const {
    if (!impl_->stream || !is_connected(impl_->stream->socket())) return std::nullopt;
    boost::system::error_code unknown;
    const tcp_socket& socket = impl_->stream->socket();
    return ends{socket.local_endpoint(unknown).port(), text_of(socket.remote_endpoint(unknown))};
}

supe::awaitable<std::string> http_connection::secure(supe::time_point deadline) {
    time_limit limit(impl_->time, impl_->stream->socket(), deadline);
    const boost::system::error_code failed = co_await impl_->stream->handshake();
    const bool late = limit.passed();
    co_await limit.lift();
    impl_->in_step = !failed;
    co_return failed ? "TLS: " + explain(failed, late) : std::string();
}

supe::awaitable<http_reply> http_connection::exchange(const std::string& head,
                                                      const std::string& body,
                                                      supe::time_point deadline) {
    impl_->in_step = impl_->stale = false;
    time_limit limit(impl_->time, impl_->stream->socket(), deadline);
    const http_reply reply = co_await impl_->talk(head, body, limit);
    co_await limit.lift();
    co_return reply;
}

bool http_connection::reusable() const {
    if (!impl_->in_step) return false;
    char byte;
    // Between answers nothing may come: in TLS neither, but its end.
    return ::recv(impl_->stream->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

bool http_connection::was_stale() const { return impl_->stale; }

supe::awaitable<> http_connection::close() {
    impl_->in_step = false;
    if (!impl_->stream || !impl_->stream->socket().is_open()) co_return;
    tcp_socket& socket = impl_->stream->socket();
    {
        time_limit goodbye(impl_->time, socket, impl_->time.now() + goodbye_limit);
        co_await impl_->stream->finish();
        co_await goodbye.lift();
    }
    boost::system::error_code gone;
    socket.shutdown(tcp::socket::shutdown_send, gone);
    if (!gone) {
        time_limit limit(impl_->time, socket, impl_->time.now() + close_limit);
        co_await impl_->drain(limit);
        co_await limit.lift();
    }
    impl_->stream.reset();
}

}  // namespace components
