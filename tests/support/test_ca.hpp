// Certificates for a test: an authority, and the certificates that it signs.
#pragma once

#include <openssl/x509v3.h>
#include <filesystem>
#include <memory>
#include <string>

namespace support {

/// The files of one certificate, PEM.
struct certificate_files {
    std::filesystem::path certificate, key;
};

/// A certificate authority for one test. Throws std::runtime_error when OpenSSL fails.
class test_ca {
public:
    explicit test_ca(std::filesystem::path directory);

    /// The authority's own certificate.
    const std::filesystem::path& file() const { return file_; }
    /// A server's certificate for `names` (`DNS:localhost`, `IP:127.0.0.1`), valid for `seconds`
    /// from now.
    certificate_files issue(const std::string& names, long seconds = 3600);

private:
    template <class T>
    using owned = std::unique_ptr<T, void (*)(T*)>;
    owned<X509> sign(const char* subject, EVP_PKEY* key, const char* extension, int extension_id,
                     long seconds);
    std::filesystem::path write(const std::string& name, X509* certificate, EVP_PKEY* key);

    std::filesystem::path directory_, file_;
    owned<EVP_PKEY> key_;
    owned<X509> certificate_;
    int issued_ = 0;
};

}  // namespace support
