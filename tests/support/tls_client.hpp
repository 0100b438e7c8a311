// A client that speaks TLS, and sends exactly the bytes of the test.
#pragma once

#include "tests/support/event_loop.hpp"
#include "tests/support/raw_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>

namespace support {

/// How a client differs from others.
struct tls_habits {
    std::string protocols{};  ///< ALPN as it is on the wire; empty: none is offered
    int newest = 0;           ///< version of TLS; 0: any
};

class tls_client {
public:
    /// Connects and shakes hands; see trouble().
    tls_client(event_loop& loop, unsigned short port, tls_habits h = {})
        : loop_(loop), context_(boost::asio::ssl::context::tls_client), stream_(loop.io, context_),
          tasks_(loop.time) {
        SSL* const tls = stream_.native_handle();
        SSL_set_security_level(tls, 0);  // else it offers no old version itself
        if (h.newest != 0) SSL_set_max_proto_version(tls, h.newest);
        if (!h.protocols.empty())
            SSL_set_alpn_protos(tls, reinterpret_cast<const unsigned char*>(h.protocols.data()),
                                static_cast<unsigned>(h.protocols.size()));
        stream_.next_layer().connect({boost::asio::ip::address_v4::loopback(), port});
        tasks_.start(converse());
        loop_.until([&] { return shaken_ || ended_; }, std::chrono::seconds(20));
    }
    ~tls_client() { loop_.end(tasks_); }

    /// Why it is not connected; empty where it is.
    std::string trouble() const { return shaken_ ? "" : failed_.message(); }
    std::string protocol() const {
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(handle(), &chosen, &size);
        return {reinterpret_cast<const char*>(chosen), size};
    }
    std::string version() const { return SSL_get_version(handle()); }
    /// Of the server's certificate.
    long serial_number() const {
        return ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get0_peer_certificate(handle())));
    }

    /// How many certificates the server sent.
    int chain_length() const { return sk_X509_num(SSL_get_peer_cert_chain(handle())); }

    tls_client& say(std::string text) {
        bool said = false;
        tasks_.start(write(std::move(text), said));
        loop_.until([&] { return said; }, std::chrono::seconds(20));
        return *this;
    }
    /// The bytes since the last call, up to and including `enough`.
    std::string receive(std::string_view enough) {
        loop_.until([&] { return ended_ || unread_.find(enough) != unread_.npos; },
                    std::chrono::seconds(20));
        return take_through(unread_, enough);
    }
    /// All bytes until the other side ends, with a mark for how it did: `(close_notify)`, `(cut)`
    /// or `(still open)`.
    std::string read_all() {
        const bool ended = loop_.until([&] { return ended_; }, std::chrono::seconds(20));
        return std::exchange(unread_, {}) + (!ended                               ? "(still open)"
                                             : failed_ == boost::asio::error::eof ? "(close_notify)"
                                                                                  : "(cut)");
    }
    bool is_open() {
        loop_.run_for(std::chrono::milliseconds(20));
        return !ended_;
    }
    /// Ends without close_notify.
    void hang_up() { stream_.next_layer().shutdown(boost::asio::ip::tcp::socket::shutdown_send); }

    /// From now on the test sends what the client writes, or a part of it.
    std::string record_of(std::string_view text) {
        BIO* const out = BIO_new(BIO_s_mem());
        SSL_set0_wbio(handle(), out);
        SSL_write(handle(), text.data(), static_cast<int>(text.size()));
        char* begin = nullptr;
        const long size = BIO_get_mem_data(out, &begin);
        return {begin, static_cast<std::size_t>(size)};
    }
    tls_client& send(std::string_view bytes) {
        boost::asio::write(stream_.next_layer(), boost::asio::buffer(bytes.data(), bytes.size()));
        return *this;
    }
    /// It reads nothing more until it goes on.
    void pause() { paused_ = true; }
    void go_on() {
        paused_ = false;
        wake_.notify();
    }

private:
    static constexpr auto as_result = boost::asio::as_tuple(supe::use_awaitable);

    SSL* handle() const { return const_cast<tls_client*>(this)->stream_.native_handle(); }
    supe::awaitable<> converse() {
        const auto [refused] =
            co_await stream_.async_handshake(boost::asio::ssl::stream_base::client, as_result);
        failed_ = refused;
        shaken_ = !refused;
        std::string part(16384, '\0');
        while (!failed_) {
            while (paused_) co_await wake_.wait();
            const auto [failed, n] =
                co_await stream_.async_read_some(boost::asio::buffer(part), as_result);
            unread_.append(part, 0, n);
            failed_ = failed;
        }
        ended_ = true;
    }
    supe::awaitable<> write(std::string text, bool& said) {
        co_await boost::asio::async_write(stream_, boost::asio::buffer(text), as_result);
        said = true;
    }

    event_loop& loop_;
    boost::asio::ssl::context context_;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
    supe::nursery tasks_;
    std::string unread_;
    boost::system::error_code failed_;
    supe::condition wake_{loop_.time};
    bool shaken_ = false, ended_ = false, paused_ = false;
};

}  // namespace support
