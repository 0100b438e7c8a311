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

private:
    tcp_socket socket_;
};

class tls_stream final : public byte_stream {
public:
    tls_stream(supe::loop_executor executor, std::string host, tls_authorities authorities)
        : stream_(tcp_socket(executor), *authorities), host_(std::move(host)),
          authorities_(std::move(authorities)) {}

    tcp_socket& socket() override { return stream_.next_layer(); }
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
    std::string distrust() const override { return distrust_; }
    supe::awaitable<> finish() override { co_await stream_.async_shutdown(as_result); }

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

    ssl::stream<tcp_socket> stream_;
    std::string host_;
    tls_authorities authorities_;
    std::string distrust_;
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
    return std::make_unique<tls_stream>(executor, std::move(host), std::move(authorities));
}

}  // namespace components
