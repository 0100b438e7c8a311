#include "components/http/certificate_fault.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/x509v3.h>
#include <algorithm>
#include <memory>
#include <vector>

namespace components {
namespace {

constexpr int most_names = 5;

/// The text that `print` writes.
template <class F>
std::string printed(F print) {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> out(::BIO_new(::BIO_s_mem()), ::BIO_free);
    if (!out) return {};
    print(out.get());
    char* text = nullptr;
    const long size = ::BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(std::max(0L, size))};
}

std::string name_text(const X509_NAME* name) {
    return printed([name](BIO* out) { ::X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253); });
}

std::string time_text(const ASN1_TIME* time) {
    return printed([time](BIO* out) { ::ASN1_TIME_print(out, time); });
}

/// For whom it is.
std::string names_of(X509* certificate) {
    const auto free = [](GENERAL_NAMES* all) { ::GENERAL_NAMES_free(all); };
    const std::unique_ptr<GENERAL_NAMES, decltype(free)> all(
        static_cast<GENERAL_NAMES*>(
            ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        free);
    if (!all) return name_text(::X509_get_subject_name(certificate));
    std::vector<std::string> names;
    for (int i = 0; i < sk_GENERAL_NAME_num(all.get()) && i < most_names; ++i)
        names.push_back(printed(
            [&](BIO* out) { ::GENERAL_NAME_print(out, sk_GENERAL_NAME_value(all.get(), i)); }));
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string certificate_fault(X509_STORE_CTX* chain, const std::string& host) {
    const int fault = ::X509_STORE_CTX_get_error(chain);
    X509* certificate = ::X509_STORE_CTX_get_current_cert(chain);
    const char* word = ::X509_verify_cert_error_string(fault);
    if (!certificate) return fmt::format("the certificate is not trusted: {}", word);
    switch (fault) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("the certificate is not for the name {}, but for {}", host,
                               names_of(certificate));
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fmt::format("the date of the certificate has passed: it was valid until {}",
                               time_text(::X509_get0_notAfter(certificate)));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fmt::format("the date of the certificate has not come: it is valid from {}",
                               time_text(::X509_get0_notBefore(certificate)));
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // of one that has the name of another
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return fmt::format("the issuer of the certificate is not trusted: {} ({})",
                               name_text(::X509_get_issuer_name(certificate)), word);
        default: return fmt::format("the certificate is not trusted: {}", word);
    }
}

}  // namespace components
