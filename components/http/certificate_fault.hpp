// Why a destination's certificate is not trusted, for people.
#pragma once

#include <openssl/x509.h>
#include <string>

namespace components {

/// What the check of this chain has found: the name, the date, the issuer, or OpenSSL's own word.
/// `host`: for whom the certificate should be.
std::string certificate_fault(X509_STORE_CTX* chain, const std::string& host);

}  // namespace components
