#include "components/http/byte_stream.hpp"

#include "components/http/certificate_fault.hpp"
#include "components/http/pem.hpp"
#include "components/http/tls_steps.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <cerrno>
#include <new>
#include <optional>
#include <stdexcept>

namespace components {
namespace {

namespace asio = boost::asio;

tls_authorities new_authorities() {
    tls_authorities made(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    if (!made) throw std::bad_alloc();
    ::SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION);
    return made;
}

const tls_authorities& system_authorities() {
    static const tls_authorities all = [] {
        const tls_authorities a = new_authorities();
        ::SSL_CTX_set_default_verify_paths(a.get());
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
    bool is_quiet() override {
        char byte;
        return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
               errno == EAGAIN;
    }
    supe::awaitable<> finish() override { co_return; }

private:
    tcp_socket socket_;
};

class tls_stream final : public byte_stream {
public:
    tls_stream(supe::loop_executor executor, std::string host, tls_authorities authorities)
        : socket_(executor), host_(std::move(host)), authorities_(std::move(authorities)) {}

    tcp_socket& socket() override { return socket_; }
    supe::awaitable<boost::system::error_code> handshake() override {
        tls_end end(::SSL_new(authorities_.get()), ::SSL_free);
        if (!end || !expect_host(end.get())) co_return asio::error::invalid_argument;
        SSL_set_app_data(end.get(), this);
        ::SSL_set_verify(end.get(), SSL_VERIFY_PEER, note_distrust);
        ::SSL_set_connect_state(end.get());
        session_.emplace(socket_.native_handle(), std::move(end));
        const auto step = [](tls_session& tls) { return tls.handshake(); };
        const transfer done = co_await over_tls(*session_, socket_, step);
        co_return done.failed;
    }
    supe::awaitable<transfer> read_some(asio::mutable_buffer into) override {
        const auto step = [into](tls_session& tls) { return tls.read(into); };
        co_return co_await over_tls(*session_, socket_, step);
    }
    /// Of the first buffer that is not empty.
    supe::awaitable<transfer> write_some(std::array<asio::const_buffer, 2> from) override {
        const asio::const_buffer first = from[0].size() > 0 ? from[0] : from[1];
        const auto step = [first](tls_session& tls) { return tls.write(first); };
        co_return co_await over_tls(*session_, socket_, step);
    }
    std::string distrust() const override { return distrust_; }
    bool is_quiet() override { return session_->is_quiet(); }
    supe::awaitable<> finish() override {
        if (!session_) co_return;
        const auto step = [](tls_session& tls) { return tls.finish(); };
        co_await over_tls(*session_, socket_, step);
    }

private:
    bool expect_host(SSL* tls) const {
        boost::system::error_code is_name;
        asio::ip::make_address(host_, is_name);
        if (!is_name)  // an address does not belong into SNI (RFC 6066 §3)
            return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(tls), host_.c_str()) == 1;
        ::SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        return ::SSL_set_tlsext_host_name(tls, host_.c_str()) == 1 &&
               ::SSL_set1_host(tls, host_.c_str()) == 1;
    }
    /// The first that is wrong with the chain is told.
    static int note_distrust(int good, X509_STORE_CTX* chain) {
        const void* const tls =
            ::X509_STORE_CTX_get_ex_data(chain, ::SSL_get_ex_data_X509_STORE_CTX_idx());
        auto& self = *static_cast<tls_stream*>(SSL_get_app_data(static_cast<const SSL*>(tls)));
        if (!good && self.distrust_.empty()) self.distrust_ = certificate_fault(chain, self.host_);
        return good;
    }

    tcp_socket socket_;
    std::string host_;
    tls_authorities authorities_;
    std::optional<tls_session> session_{};  // once the socket is connected
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
    X509_STORE* const store = ::SSL_CTX_get_cert_store(a.get());
    ::X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
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
