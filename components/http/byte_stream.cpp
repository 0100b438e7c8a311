#include "components/http/byte_stream.hpp"

#include "components/http/certificate_fault.hpp"
#include "components/http/pem.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <new>
#include <stdexcept>

namespace components {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

tls_authorities new_authorities() {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->set_verify_mode(ssl::verify_peer);
    return context;
}

const tls_authorities& system_authorities() {
    static const tls_authorities all = [] {
        const tls_authorities a = new_authorities();
        a->set_default_verify_paths();
        return a;
    }();
    return all;
}

class plain_stream final : public byte_stream {
public:
    explicit plain_stream(supe::loop_executor executor) : socket_(executor) {}

    tcp_socket& socket() override { return socket_; }
    supe::awaitable<boost::system::error_code> handshake() override {
        co_return boost::system::error_code();
    }
    supe::awaitable<transfer> read_some(asio::mutable_buffer into) override {
        const auto [failed, n] = co_await socket_.async_read_some(into, as_result);
        co_return transfer{failed, n};
    }
    supe::awaitable<transfer> write_some(std::array<asio::const_buffer, 2> from) override {
        const auto [failed, n] = co_await socket_.async_write_some(from, as_result);
        co_return transfer{failed, n};
    }
    std::string distrust() const override { return {}; }
    supe::awaitable<> finish() override { co_return; }
    void send_now(asio::const_buffer text) override {
        boost::system::error_code full;
        socket_.non_blocking(true, full);
        socket_.write_some(asio::buffer(text), full);
    }

private:
    tcp_socket socket_;
};

/// What both ends of TLS do alike.
class tls_stream : public byte_stream {
public:
    tcp_socket& socket() override { return stream_.next_layer(); }
    std::string distrust() const override { return {}; }
    supe::awaitable<transfer> read_some(asio::mutable_buffer into) override {
        const auto [failed, n] = co_await stream_.async_read_some(into, as_result);
        co_return transfer{failed, n};
    }
    /// Of the first buffer that is not empty.
    supe::awaitable<transfer> write_some(std::array<asio::const_buffer, 2> from) override {
        const asio::const_buffer first = from[0].size() > 0 ? from[0] : from[1];
        const auto [failed, n] = co_await stream_.async_write_some(first, as_result);
        co_return transfer{failed, n};
    }
    supe::awaitable<> finish() override { co_await stream_.async_shutdown(as_result); }
    void send_now(asio::const_buffer text) override {
        boost::system::error_code full;
        socket().non_blocking(true, full);
        stream_.write_some(asio::buffer(text), full);
    }

protected:
    template <class How>
    tls_stream(tcp_socket& socket, How&& how) : stream_(socket, std::forward<How>(how)) {}

    ssl::stream<tcp_socket&> stream_;
};

/// Made before the stream that speaks over it.
struct owned_socket {
    tcp_socket own_socket;
};

class tls_client_stream final : owned_socket, public tls_stream {
public:
    tls_client_stream(supe::loop_executor executor, std::string host, tls_authorities authorities)
        : owned_socket{tcp_socket(executor)}, tls_stream(own_socket, *authorities),
          host_(std::move(host)), authorities_(std::move(authorities)) {}

    supe::awaitable<boost::system::error_code> handshake() override {
        if (!expect_host()) co_return asio::error::invalid_argument;
        stream_.set_verify_callback([this](bool good, ssl::verify_context& chain) {
            if (!good && distrust_.empty())
                distrust_ = certificate_fault(chain.native_handle(), host_);
            return good;
        });
        const auto [failed] = co_await stream_.async_handshake(ssl::stream_base::client, as_result);
        co_return failed;
    }
    std::string distrust() const override { return distrust_; }

private:
    bool expect_host() {
        SSL* tls = stream_.native_handle();
        boost::system::error_code is_name;
        asio::ip::make_address(host_, is_name);
        if (!is_name)  // an address does not belong into SNI (RFC 6066 §3)
            return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(tls), host_.c_str()) == 1;
        ::SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        return ::SSL_set_tlsext_host_name(tls, host_.c_str()) == 1 &&
               ::SSL_set1_host(tls, host_.c_str()) == 1;
    }

    std::string host_;
    tls_authorities authorities_;
    std::string distrust_;
};

class tls_server_stream final : public tls_stream {
public:
    tls_server_stream(tcp_socket& socket, SSL* owned) : tls_stream(socket, owned) {}

    supe::awaitable<boost::system::error_code> handshake() override {
        const auto [failed] = co_await stream_.async_handshake(ssl::stream_base::server, as_result);
        co_return failed;
    }
    supe::awaitable<transfer> read_some(asio::mutable_buffer into) override {
        const auto [failed, n] = co_await stream_.async_read_some(into, as_result);
        transfer got{failed, n};
        if (failed == ssl::error::stream_truncated) got.failed = asio::error::eof;
        co_return got;
    }
    /// As if the client had said it too: who still sends must not be waited for here.
    supe::awaitable<> finish() override {
        SSL* const tls = stream_.native_handle();
        ::SSL_set_shutdown(tls, ::SSL_get_shutdown(tls) | SSL_RECEIVED_SHUTDOWN);
        co_await stream_.async_shutdown(as_result);
    }
};

}  // namespace

tls_authorities authorities_of(const std::filesystem::path& file) {
    const std::string text = supe::text_of_file(file);
    const bio_pointer in = bio_of(text);
    ::ERR_clear_error();
    const std::unique_ptr<STACK_OF(X509_INFO), void (*)(STACK_OF(X509_INFO)*)> found(
        ::PEM_X509_INFO_read_bio(in.get(), nullptr, no_passphrase, nullptr),
        [](STACK_OF(X509_INFO) * all) { sk_X509_INFO_pop_free(all, ::X509_INFO_free); });
    const tls_authorities a = new_authorities();
    X509_STORE* const store = ::SSL_CTX_get_cert_store(a->native_handle());
    int taken = 0;
    for (int i = 0; i < sk_X509_INFO_num(found.get()); ++i) {  // null has -1
        const X509_INFO* const one = sk_X509_INFO_value(found.get(), i);
        if (one->x509) taken += ::X509_STORE_add_cert(store, one->x509);
        if (one->crl) taken += ::X509_STORE_add_crl(store, one->crl);
    }
    if (taken == 0) {
        const std::string why = found ? "it has none" : openssl_reason();
        throw std::runtime_error(
            fmt::format("{}: must be certificates in PEM, and is not: {}", file.string(), why));
    }
    ::ERR_clear_error();
    return a;
}

std::unique_ptr<byte_stream> byte_stream::make_plain(supe::loop_executor executor) {
    return std::make_unique<plain_stream>(executor);
}

std::unique_ptr<byte_stream> byte_stream::make_tls(supe::loop_executor executor, std::string host,
                                                   tls_authorities authorities) {
    if (!authorities) authorities = system_authorities();
    return std::make_unique<tls_client_stream>(executor, std::move(host), std::move(authorities));
}

std::unique_ptr<byte_stream> byte_stream::accept_tls(tcp_socket& socket,
                                                     const tls_server_context& identity) {
    SSL* const made = ::SSL_new(identity.get());  // keeps what it needs of the identity
    if (!made) throw std::bad_alloc();
    return std::make_unique<tls_server_stream>(socket, made);
}

handshake_fault fault_of_handshake(const boost::system::error_code& failed) {
    if (failed.category() != asio::error::get_ssl_category()) return handshake_fault::gone;
    const bool plain =
        ERR_GET_REASON(static_cast<unsigned long>(failed.value())) == SSL_R_HTTP_REQUEST;
    return plain ? handshake_fault::plain_http : handshake_fault::refused;
}

}  // namespace components
