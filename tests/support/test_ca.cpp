#include "tests/support/test_ca.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <cstdio>
#include <stdexcept>

namespace support {
namespace {

void must(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

}  // namespace

test_ca::test_ca(std::filesystem::path directory)
    : directory_(std::move(directory)), key_(EVP_EC_gen("P-256"), EVP_PKEY_free),
      certificate_(nullptr, X509_free) {
    must(key_ != nullptr, "no key");
    certificate_ =
        sign("test authority", key_.get(), "critical,CA:TRUE", NID_basic_constraints, 86400);
    file_ = write("ca.pem", certificate_.get(), nullptr);
}

test_ca::owned<X509> test_ca::sign(const char* subject, EVP_PKEY* key, const char* extension,
                                   int extension_id, long seconds) {
    owned<X509> made(X509_new(), X509_free);
    X509* c = made.get();
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++issued_);
    X509_gmtime_adj(X509_getm_notBefore(c), -86400);
    X509_gmtime_adj(X509_getm_notAfter(c), seconds);
    X509_set_pubkey(c, key);
    X509_NAME* name = X509_get_subject_name(c);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
    X509_set_issuer_name(c, certificate_ ? X509_get_subject_name(certificate_.get()) : name);
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate_ ? certificate_.get() : c, c, nullptr, nullptr, 0);
    owned<X509_EXTENSION> e(X509V3_EXT_conf_nid(nullptr, &context, extension_id, extension),
                            X509_EXTENSION_free);
    must(e && X509_add_ext(c, e.get(), -1) == 1, "extension");
    must(X509_sign(c, key_.get(), EVP_sha256()) > 0, "signature");
    return made;
}

std::filesystem::path test_ca::write(const std::string& name, X509* certificate, EVP_PKEY* key) {
    const std::filesystem::path file = directory_ / name;
    std::FILE* out = std::fopen(file.c_str(), "w");
    must(out != nullptr, "no file");
    const bool written =
        certificate ? PEM_write_X509(out, certificate) == 1
                    : PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
    std::fclose(out);
    must(written, "writing");
    return file;
}

certificate_files test_ca::issue(const std::string& names, long seconds) {
    const owned<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const owned<X509> certificate =
        sign("test server", key.get(), names.c_str(), NID_subject_alt_name, seconds);
    const std::string number = std::to_string(issued_);
    return {write("server" + number + ".pem", certificate.get(), nullptr),
            write("server" + number + ".key", nullptr, key.get())};
}

}  // namespace support
