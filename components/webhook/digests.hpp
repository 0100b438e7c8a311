// Digests and keyed digests, as bytes, and bytes as hex. Pure.
#pragma once

#include <openssl/types.h>

#include <string>
#include <string_view>

namespace components {

std::string sha256(std::string_view text);
/// `how` is an algorithm of OpenSSL, `EVP_sha256()`. Throws std::runtime_error where OpenSSL does
/// not give it.
std::string hmac(const EVP_MD* how, std::string_view key, std::string_view text);
std::string to_hex(std::string_view bytes);

}  // namespace components
