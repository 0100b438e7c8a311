#include "components/http/tls_identity.hpp"

#include "patterns/output.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <new>
#include <stdexcept>

namespace components {
namespace {

constexpr auto look_every = std::chrono::seconds(1);

/// Of what OpenSSL refused last.
std::string openssl_reason() {
    const char* text = ::ERR_reason_error_string(::ERR_peek_error());
    ::ERR_clear_error();
    return text ? text : "OpenSSL does not say why";
}

[[noreturn]] void refuse_pem(const std::filesystem::path& file, const char* expected) {
    throw std::runtime_error(fmt::format("{}: must be {} in PEM, and is not: {}", file.string(),
                                         expected, openssl_reason()));
}

/// Nobody is there to be asked for a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

/// A client that offers other protocols alone is refused (RFC 7301 §3.2).
int choose_http(SSL*, const unsigned char** chosen, unsigned char* size,
                const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char* found = nullptr;
    const int outcome =
        ::SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size);
    *chosen = found;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

tls_server_context tls_context_of(const tls_files& files) {
    for (const auto& file : {files.certificate, files.key})
        supe::text_of_file(file);  // or says why
    const tls_server_context made(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    SSL_CTX* const c = made.get();
    if (!c) throw std::bad_alloc();
    ::SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    ::SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    ::SSL_CTX_set_default_passwd_cb(c, no_passphrase);
    ::SSL_CTX_set_alpn_select_cb(c, choose_http, nullptr);
    ::ERR_clear_error();
    if (::SSL_CTX_use_certificate_chain_file(c, files.certificate.c_str()) != 1)
        refuse_pem(files.certificate, "a certificate");
    const bool is_key = ::SSL_CTX_use_PrivateKey_file(c, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
    const bool differs = ERR_GET_LIB(::ERR_peek_error()) == ERR_LIB_X509;
    if (!is_key && !differs) refuse_pem(files.key, "a private key without a passphrase");
    if (!is_key || ::SSL_CTX_check_private_key(c) != 1) {
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
        const bool again = context_ != nullptr;
        context_ = tls_context_of(files_);
        if (again) patterns::say("TLS: {} was read again", files_.certificate.string());
    } catch (const std::exception& e) {
        patterns::warn("TLS: {}: {}", e.what(),
                       context_ ? "the certificate that was read before stays in use"
                                : "no TLS connection is taken until that is right");
    }
}

tls_server_context tls_identity::context(supe::time_point now) {
    if (now < look_again_) return context_;
    look_again_ = now + look_every;
    if (is_replaced()) read();
    return context_;
}

}  // namespace components
