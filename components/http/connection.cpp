#include "components/http/connection.hpp"

#include "components/http/as_result.hpp"

#include "supe/async/nursery.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

namespace components {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using namespace std::chrono_literals;

constexpr auto close_limit = 60s;  // the kernel forgets an orphan after as long
constexpr auto cut_again = 50ms;
constexpr auto goodbye_limit = 2s;  // for TLS's close_notify
constexpr std::uint64_t answer_limit =
    256 << 10;  // bytes of an answer's body that we read to keep the connection
constexpr std::uint32_t head_limit = 256 << 10;  // beyond it an answer would be lost

ssl::context& system_cas() {
    static ssl::context context = [] {
        ssl::context c(ssl::context::tls_client);
        c.set_default_verify_paths();
        c.set_verify_mode(ssl::verify_peer);
        return c;
    }();
    return context;
}

/// Ends what a socket does when the time is up. It is not closed by that: whoever holds a
/// connection must see it closed by the destination too, which Beast's own timeouts would not let
/// us do.
class time_limit {
public:
    time_limit(supe::clock& time, tcp::socket& socket, supe::time_point deadline) : tasks_(time) {
        tasks_.start(cut(time, socket, deadline, late_));
    }
    bool passed() const { return late_; }
    supe::awaitable<> lift() {
        tasks_.cancel();
        co_await tasks_.join();
    }

private:
    static supe::awaitable<> cut(supe::clock& time, tcp::socket& socket, supe::time_point deadline,
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
           failed == ssl::error::stream_truncated;
}

/// Closes it on both sides at once. The destructor would not: it takes the option back.
void reset(tcp::socket& socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

/// Where no process listens on a port of this machine's own range, TCP may connect a socket to
/// itself: the destination is not there.
bool is_own_echo(const tcp::socket& socket) {
    boost::system::error_code unknown;
    return socket.local_endpoint(unknown) == socket.remote_endpoint(unknown) && !unknown;
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
    supe::clock& time;
    http_destination to;
    beast::flat_buffer buffer;
    std::unique_ptr<ssl::stream<tcp::socket>> secure;
    std::unique_ptr<tcp::socket> plain;
    bool in_step = false;  // open, and no answer is outstanding
    unsigned served = 0;
    bool stale = false;

    impl(supe::clock& t, http_destination d) : time(t), to(std::move(d)) {}

    tcp::socket* socket() { return secure ? &secure->next_layer() : plain.get(); }

    void prepare() {
        secure.reset();
        plain.reset();
        if (to.tls) {
            secure = std::make_unique<ssl::stream<tcp::socket>>(time.executor(), system_cas());
        } else {
            plain = std::make_unique<tcp::socket>(time.executor());
        }
    }

    supe::awaitable<std::string> handshake(const time_limit& limit) {
        boost::system::error_code is_name;  // an address does not belong into SNI (RFC 6066 §3)
        asio::ip::make_address(to.host, is_name);
        if (is_name && ::SSL_set_tlsext_host_name(secure->native_handle(), to.host.c_str()) != 1)
            co_return "TLS: the host's name is refused";
        secure->set_verify_callback(ssl::host_name_verification(to.host));
        const auto [failed] = co_await secure->async_handshake(ssl::stream_base::client, as_result);
        co_return failed ? "TLS: " + explain(failed, limit.passed()) : std::string();
    }

    template <class Stream>
    supe::awaitable<http_reply> talk(Stream& stream, const std::string& head,
                                     const std::string& body, const time_limit& limit) {
        const std::array<asio::const_buffer, 2> message{asio::buffer(head), asio::buffer(body)};
        const auto [unsent, sent] = co_await asio::async_write(stream, message, as_result);
        // An answer may be there all the same: a refusal while we still sent.
        for (;;) {
            http::response_parser<http::string_body> parser;
            parser.body_limit(boost::none);  // the status counts, whatever follows it
            parser.header_limit(head_limit);
            const auto [cut, head_bytes] =
                co_await http::async_read_header(stream, buffer, parser, as_result);
            if (cut && !parser.is_header_done()) {
                stale = served > 0 && buffer.size() == 0 && !limit.passed() &&
                        was_closed(unsent ? unsent : cut);
                co_return http_reply{0, {}, explain(unsent ? unsent : cut, limit.passed())};
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
            const bool whole = co_await read_rest(stream, parser);
            in_step = whole && buffer.size() == 0;
            co_return reply;
        }
    }

    template <class Stream>
    supe::awaitable<bool> read_rest(Stream& stream,
                                    http::response_parser<http::string_body>& parser) {
        while (!parser.is_done()) {
            const auto [failed, n] =
                co_await http::async_read_some(stream, buffer, parser, as_result);
            if (failed || parser.get().body().size() > answer_limit) co_return false;
        }
        co_return true;
    }

    /// Reads until the destination has closed its side.
    supe::awaitable<> drain(const time_limit& limit) {
        std::vector<char> dropped(16 << 10);
        for (;;) {
            const auto [failed, n] =
                co_await socket()->async_read_some(asio::buffer(dropped), as_result);
            if (!failed) continue;
            if (limit.passed()) reset(*socket());
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
    tcp::resolver resolver(time.executor());
    const auto [failed, found] = co_await resolver.async_resolve(to.host, to.port, as_result);
    std::vector<std::string> peers;
    if (failed)
        error = fmt::format("{}: {}", to.host, failed.message());
    else
        for (const auto& entry : found) peers.push_back(text_of(entry.endpoint()));
    co_return peers;
}

supe::awaitable<std::string> http_connection::open(std::vector<std::string> peers,
                                                   supe::time_point deadline) {
    std::string why = "there is no address to connect to";
    for (std::size_t left = peers.size(); const std::string& peer : peers) {
        impl_->prepare();
        const supe::time_point now = impl_->time.now();
        const supe::time_point share =
            now + std::max<supe::duration>(deadline - now, 0s) / static_cast<long>(left--);
        time_limit limit(impl_->time, *impl_->socket(), share);
        const tcp::endpoint endpoint = endpoint_of(peer);
        boost::system::error_code none_left;
        impl_->socket()->open(endpoint.protocol(), none_left);
        if (none_left) co_return fmt::format("{}: {}", peer, none_left.message());
        auto [failed] = co_await impl_->socket()->async_connect(endpoint, as_result);
        if (!failed && is_own_echo(*impl_->socket())) {
            reset(*impl_->socket());
            failed = asio::error::connection_refused;
        }
        why.clear();
        if (failed) {
            why = fmt::format("{}: {}", peer, explain(failed, limit.passed()));
        } else if (impl_->to.tls) {
            why = co_await impl_->handshake(limit);
        }
        co_await limit.lift();
        if (!failed) break;  // a TLS failure is the destination's, at any address
    }
    impl_->in_step = why.empty();
    boost::system::error_code ignored;
    if (impl_->in_step) impl_->socket()->set_option(tcp::no_delay(true), ignored);
    co_return why;
}

supe::awaitable<http_reply> http_connection::exchange(const std::string& head,
                                                      const std::string& body,
                                                      supe::time_point deadline) {
    impl_->in_step = impl_->stale = false;
    time_limit limit(impl_->time, *impl_->socket(), deadline);
    http_reply reply;
    if (impl_->secure) {
        reply = co_await impl_->talk(*impl_->secure, head, body, limit);
    } else {
        reply = co_await impl_->talk(*impl_->plain, head, body, limit);
    }
    co_await limit.lift();
    co_return reply;
}

bool http_connection::reusable() const {
    if (!impl_->in_step) return false;
    char byte;
    // Between answers nothing may come: in TLS neither, but its end.
    return ::recv(impl_->socket()->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

bool http_connection::was_stale() const { return impl_->stale; }

supe::awaitable<> http_connection::close() {
    impl_->in_step = false;
    if (!impl_->socket() || !impl_->socket()->is_open()) co_return;
    if (impl_->secure) {
        time_limit goodbye(impl_->time, *impl_->socket(), impl_->time.now() + goodbye_limit);
        co_await impl_->secure->async_shutdown(as_result);
        co_await goodbye.lift();
    }
    boost::system::error_code gone;
    impl_->socket()->shutdown(tcp::socket::shutdown_send, gone);
    if (!gone) {
        time_limit limit(impl_->time, *impl_->socket(), impl_->time.now() + close_limit);
        co_await impl_->drain(limit);
        co_await limit.lift();
    }
    impl_->plain.reset();
    impl_->secure.reset();
}

}  // namespace components
