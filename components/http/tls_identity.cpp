#include "components/http/tls_identity.hpp"

#include "components/http/pem.hpp"
#include "patterns/output.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <ctime>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace components {
namespace {

constexpr auto look_every = std::chrono::seconds(1);

[[noreturn]] void refuse_pem(const std::filesystem::path& file, const char* expected) {
    throw std::runtime_error(fmt::format("{}: must be {} in PEM, and is not: {}", file.string(),
                                         expected, openssl_reason()));
}

using certificate_pointer = std::unique_ptr<X509, decltype(&::X509_free)>;
using key_pointer = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;

/// The server's own certificate, and behind it those that vouch for it, up to the end of the text
/// or to what is no certificate.
void use_chain(SSL_CTX* c, const std::filesystem::path& file) {
    const std::string text = supe::text_of_file(file);
    const bio_pointer in = bio_of(text);
    const certificate_pointer own(
        ::PEM_read_bio_X509_AUX(in.get(), nullptr, no_passphrase, nullptr), &::X509_free);
    if (!own || ::SSL_CTX_use_certificate(c, own.get()) != 1) refuse_pem(file, "a certificate");
    ::ERR_clear_error();
    for (;;) {
        certificate_pointer next(::PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr),
                                 &::X509_free);
        if (!next) break;
        if (::SSL_CTX_add0_chain_cert(c, next.get()) != 1) refuse_pem(file, "a certificate");
        next.release();  // it belongs to the context
    }
    if (ERR_GET_REASON(::ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        refuse_pem(file, "a certificate");
    ::ERR_clear_error();
}

key_pointer read_key(const std::filesystem::path& file) {
    const std::string text = supe::text_of_file(file);
    const bio_pointer in = bio_of(text);
    bool has_passphrase = false;
    key_pointer key(::PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, &has_passphrase),
                    &::EVP_PKEY_free);
    if (!key && has_passphrase) {
        ::ERR_clear_error();
        throw std::runtime_error(fmt::format(
            "{}: the key has a passphrase, and nobody is there to be asked for it: it must be "
            "stored without one",
            file.string()));
    }
    if (!key) refuse_pem(file, "a private key without a passphrase");
    return key;
}

/// A client that offers other protocols alone is refused (RFC 7301 §3.2).
int choose_http(SSL*, const unsigned char** chosen, unsigned char* size,
                const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* found = nullptr;
    const int outcome =
        ::SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size);
    *chosen = found;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

tls_server_context tls_context_of(const tls_files& files) {
    const tls_server_context made(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    SSL_CTX* const c = made.get();
    if (!c) throw std::bad_alloc();
    ::SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    ::SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Tickets let clients resume, and take no memory here.
    ::SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_alpn_select_cb(c, choose_http, nullptr);
    ::ERR_clear_error();
    use_chain(c, files.certificate);
    const key_pointer key = read_key(files.key);
    if (::SSL_CTX_use_PrivateKey(c, key.get()) != 1 || ::SSL_CTX_check_private_key(c) != 1) {
        ::ERR_clear_error();
        throw std::runtime_error(fmt::format("{}: is not the key of the certificate in {}",
                                             files.key.string(), files.certificate.string()));
    }
    return made;
}

tls_identity::tls_identity(tls_files files) : files_(std::move(files)) {
    is_replaced();
    read();
}

tls_identity::stamp tls_identity::stamp_of(const std::filesystem::path& file) {
    struct stat found{};
    if (::stat(file.c_str(), &found) != 0) return {};
    return {found.st_ino, found.st_size,
            found.st_mtim.tv_sec * std::int64_t(1'000'000'000) + found.st_mtim.tv_nsec};
}

/// Looks before the files are read: what is written after that is seen the next time.
bool tls_identity::is_replaced() {
    const std::array<stamp, 2> found{stamp_of(files_.certificate), stamp_of(files_.key)};
    return std::exchange(stamps_, found) != found;
}

void tls_identity::read() {
    try {
        const bool again = context_ || !fault_.empty();
        context_ = tls_context_of(files_);
        fault_.clear();
        if (again) patterns::say("TLS: {} was read again", files_.certificate.string());
    } catch (const std::exception& e) {
        if (std::exchange(fault_, e.what()) == e.what()) return;
        patterns::warn("TLS: {}: {}", e.what(),
                       context_ ? "the certificate that was read before stays in use"
                                : "no TLS connection is taken until that is right");
    }
}

std::optional<std::int64_t> tls_identity::expires() const {
    std::tm end{};
    if (!context_ ||
        ::ASN1_TIME_to_tm(::X509_get0_notAfter(::SSL_CTX_get0_certificate(context_.get())), &end) !=
            1)
        return std::nullopt;
    return ::timegm(&end);
}

void tls_identity::look(supe::time_point now) {
    if (now < look_again_) return;
    look_again_ = now + look_every;
    if (is_replaced() || !fault_.empty()) read();
}

}  // namespace components
