#include "components/http/connection.hpp"

#include "components/http/answer_head.hpp"
#include "components/http/byte_stream.hpp"
#include "components/http/time_limit.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
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

constexpr auto goodbye_limit = 2s;  // for TLS's close_notify
constexpr auto rest_limit = 5s;     // for what follows the head of an answer
constexpr auto idle_for_long = 1s;  // from here on destinations and firewalls drop a connection
constexpr std::uint64_t answer_limit =
    256 << 10;  // bytes of an answer's body that we read to keep the connection
constexpr std::size_t read_size = 8 << 10;
constexpr std::uint32_t head_limit = 256 << 10;
constexpr std::size_t drain_limit = 16 << 20;   // bytes of an answer that close() waits through
constexpr std::size_t kernel_takes = 64 << 10;  // a body of so much fits into its buffer

std::string explain(const boost::system::error_code& failed, bool late) {
    if (late) return "timed out";
    if (failed == asio::error::eof) return "closed by the destination before it answered";
    return failed.message();
}

/// The destination said in order that it ends the connection.
bool was_closed(const boost::system::error_code& failed) {
    return failed == asio::error::eof || failed == asio::error::broken_pipe;
}

/// Bytes that we wrote and the other side's TCP has not acknowledged; those of a connection that it
/// has ended stay here.
std::size_t unacknowledged(tcp_socket& socket) {
    int bytes = 0;
    return ::ioctl(socket.native_handle(), TIOCOUTQ, &bytes) == 0 && bytes > 0
               ? static_cast<std::size_t>(bytes)
               : 0;
}

/// Acknowledges what has come. The other side's TCP may keep the rest of an answer until then
/// (Nagle, RFC 9293 §3.7.4), and ours would wait 40 ms for something to send along with it.
void acknowledge(tcp_socket& socket) {
    const int on = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
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
    tls_authorities authorities;
    beast::flat_buffer buffer;
    std::unique_ptr<byte_stream> stream;
    std::optional<time_limit> time_of_exchange{};  // one for all exchanges of a stream
    bool in_step = false;                          // open, and no answer is outstanding
    unsigned served = 0;
    bool stale = false;
    supe::time_point quiet_since{};  // the end of the last exchange
    // The request under way:
    std::size_t sent = 0;
    bool all_sent = false;
    bool answered = false;               // the first byte has come
    boost::system::error_code unsent{};  // why the rest of it was not sent

    impl(supe::clock& t, http_destination d, tls_authorities a)
        : time(t), to(std::move(d)), authorities(std::move(a)) {}

    void prepare() {
        time_of_exchange.reset();
        stream = to.tls ? byte_stream::make_tls(time.executor(), to.host, authorities)
                        : byte_stream::make_plain(time.executor());
    }

    supe::awaitable<> send(const std::string& head, const std::string& body, exchange_limits limits,
                           time_limit& limit) {
        std::array<asio::const_buffer, 2> left{asio::buffer(head), asio::buffer(body)};
        while (left[0].size() + left[1].size() > 0) {
            transfer part = co_await stream->write_some(left);
            unsent = part.failed;
            if (unsent) co_return;
            sent += part.bytes;
            for (asio::const_buffer& b : left) {
                const std::size_t n = std::min(b.size(), part.bytes);
                b += n;
                part.bytes -= n;
            }
        }
        all_sent = true;
        if (!answered) limit.set(std::min(limits.total, time.now() + limits.first_byte));
    }

    std::string_view received() const {
        return {static_cast<const char*>(buffer.data().data()), buffer.size()};
    }

    supe::awaitable<boost::system::error_code> read_more() {
        // A socket that always has more ends no read by its limit.
        if (time_of_exchange->passed()) co_return asio::error::timed_out;
        if (answered) acknowledge(stream->socket());
        const transfer read = co_await stream->read_some(buffer.prepare(read_size));
        buffer.commit(read.bytes);
        co_return read.failed;
    }

    /// Parses what is here, or reads some more where that is not enough.
    supe::awaitable<boost::system::error_code> advance(response_parser& parser) {
        boost::system::error_code fault = http::error::need_more;
        if (buffer.size() > 0) buffer.consume(parser.put(buffer.data(), fault));
        if (fault != http::error::need_more) co_return fault;
        fault = co_await read_more();
        co_return fault;
    }

    supe::awaitable<http_reply> talk(const std::string& head, const std::string& body,
                                     exchange_limits limits, time_limit& limit) {
        http_reply reply;
        if (body.size() <= kernel_takes) {
            co_await send(head, body, limits, limit);
            reply = co_await read_answer(limits, limit);
            co_return reply;
        }
        // An answer that comes before all is sent would wait for a destination that does not read.
        const auto both = [&](supe::nursery& sender) -> supe::awaitable<> {
            sender.start(send(head, body, limits, limit));
            reply = co_await read_answer(limits, limit);
            sender.cancel();
        };
        co_await supe::with_nursery(time, both);
        co_return reply;
    }

    /// Reads on until the head is whole, or nothing more comes.
    supe::awaitable<boost::system::error_code> read_head(answer_head& head, exchange_limits limits,
                                                         time_limit& limit) {
        boost::system::error_code cut;
        while (!cut) {
            head.read(received());
            if (head.is_whole() && head.is_interim()) {
                buffer.consume(head.size());
                head = answer_head();
                continue;
            }
            if (head.is_foreign() || head.is_whole() || buffer.size() > head_limit) co_return cut;
            cut = co_await read_more();
            if (buffer.size() > 0 && !std::exchange(answered, true)) limit.set(limits.total);
        }
        // The end is as good as an end of line: the status may stand before it.
        if (cut == asio::error::eof) head.read(std::string(received()) + '\n');
        co_return cut;
    }

    supe::awaitable<http_reply> read_answer(exchange_limits limits, time_limit& limit) {
        answer_head head;
        const boost::system::error_code cut = co_await read_head(head, limits, limit);
        if (head.status() == 0 || head.is_interim()) {
            const boost::system::error_code failed = unsent ? unsent : cut;
            stale = served > 0 && !answered && !limit.passed() && came_too_late(failed);
            co_return http_reply{
                0, {}, failed ? explain(failed, limit.passed()) : "what it answered is no HTTP"};
        }
        http_reply reply{head.status(), {}, {}};
        const std::string_view after =
            field_of_head(received().substr(0, head.size()), "Retry-After");
        if (!after.empty()) reply.retry_after = parse_retry_after(after, time.wall());
        ++served;
        limit.set(std::min(limits.total, time.now() + rest_limit));
        if (head.is_whole() && all_sent) in_step = co_await read_rest(head.size());
        co_return reply;
    }

    /// The destination had ended the connection before the request was there, as far as can be
    /// known. An end in order that leaves all of the request unacknowledged came before it. A reset
    /// says nothing about what was read: there the connection must have been idle.
    bool came_too_late(const boost::system::error_code& failed) {
        if (sent == 0) return was_closed(failed) || failed == asio::error::connection_reset;
        if (unacknowledged(stream->socket()) < sent) return false;
        return was_closed(failed) || (failed == asio::error::connection_reset &&
                                      time.now() - quiet_since >= idle_for_long);
    }

    /// The head as a strict parser sees it, and the body. True where the next answer can be told
    /// from this one.
    supe::awaitable<bool> read_rest(std::size_t head_size) {
        response_parser parser;
        parser.body_limit(boost::none);
        parser.header_limit(head_limit);
        boost::system::error_code fault;
        buffer.consume(parser.put(asio::buffer(buffer.data(), head_size), fault));
        if (fault || !parser.is_header_done() || !parser.keep_alive() ||
            parser.content_length_remaining().value_or(0) > answer_limit)
            co_return false;
        while (!parser.is_done()) {
            fault = co_await advance(parser);
            if (fault || parser.get().body().size() > answer_limit) co_return false;
        }
        co_return buffer.size() == 0;
    }

    supe::awaitable<std::string> connect(std::string peer, const time_limit& limit);

    /// Reads until the destination has closed its side.
    supe::awaitable<> drain(const time_limit& limit) {
        std::vector<char> dropped(16 << 10);
        boost::system::error_code failed;
        for (std::size_t total = 0; !failed && total < drain_limit;) {
            const auto [ended, n] =
                co_await stream->socket().async_read_some(asio::buffer(dropped), as_result);
            failed = ended;
            total += n;
        }
        if (!failed || limit.passed()) reset(stream->socket());
    }
};

http_connection::http_connection(supe::clock& time, http_destination to,
                                 tls_authorities authorities)
    : impl_(std::make_unique<impl>(time, std::move(to), std::move(authorities))) {}
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
    if (!failed) co_return std::string();
    const std::string distrust = impl_->stream->distrust();
    co_return "TLS: " + (distrust.empty() || late ? explain(failed, late) : distrust);
}

supe::awaitable<http_reply> http_connection::exchange(const std::string& head,
                                                      const std::string& body,
                                                      exchange_limits limits) {
    impl_->in_step = impl_->stale = impl_->all_sent = impl_->answered = false;
    impl_->sent = 0;
    impl_->unsent.clear();
    std::optional<time_limit>& limit = impl_->time_of_exchange;
    if (!limit) limit.emplace(impl_->time, impl_->stream->socket(), limits.total);
    limit->begin(limits.total);
    const http_reply reply = co_await impl_->talk(head, body, limits, *limit);
    limit->rest();
    impl_->quiet_since = impl_->time.now();
    co_return reply;
}

bool http_connection::reusable() const { return impl_->in_step && impl_->stream->is_quiet(); }

bool http_connection::was_stale() const { return impl_->stale; }

supe::awaitable<> http_connection::close(supe::duration patience) {
    impl_->in_step = false;
    if (impl_->time_of_exchange) co_await impl_->time_of_exchange->lift();
    impl_->time_of_exchange.reset();
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
        time_limit limit(impl_->time, socket,
                         impl_->time.now() + std::min<supe::duration>(patience, longest_close));
        co_await impl_->drain(limit);
        co_await limit.lift();
    }
    impl_->stream.reset();
}

}  // namespace components
