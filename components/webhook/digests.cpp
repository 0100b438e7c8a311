#include "components/webhook/digests.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <array>
#include <stdexcept>

namespace components {
namespace {

using digest_bytes = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string as_text(const digest_bytes& bytes, unsigned size) {
    return {reinterpret_cast<const char*>(bytes.data()), size};
}

}  // namespace

std::string sha256(std::string_view text) {
    digest_bytes out{};
    unsigned size = 0;
    ::EVP_Digest(text.data(), text.size(), out.data(), &size, ::EVP_sha256(), nullptr);
    return as_text(out, size);
}

std::string hmac(const EVP_MD* how, std::string_view key, std::string_view text) {
    digest_bytes out{};
    unsigned size = 0;
    if (!::HMAC(how, key.data(), static_cast<int>(key.size()),
                reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
                &size))
        throw std::runtime_error("OpenSSL gives no HMAC");
    return as_text(out, size);
}

std::string to_hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return out;
}

}  // namespace components
