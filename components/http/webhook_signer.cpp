#include "components/http/webhook_signer.hpp"

#include "components/webhook/digests.hpp"
#include "supe/text/base64.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <stdexcept>

namespace components {
namespace {

constexpr std::string_view key_prefix = "whsec_";
constexpr std::size_t shortest_key = 24, longest_key = 64;  // bytes, as the specification says

}  // namespace

webhook_signer::webhook_signer(std::string_view key) {
    const auto bytes = key.starts_with(key_prefix)
                           ? supe::from_base64(key.substr(key_prefix.size()))
                           : std::nullopt;
    if (!bytes || bytes->size() < shortest_key || bytes->size() > longest_key)
        throw std::runtime_error(fmt::format("must be {} and {} to {} bytes in base64", key_prefix,
                                             shortest_key, longest_key));
    key_ = *bytes;
}

webhook_signer webhook_signer::of_file(const std::filesystem::path& file) {
    const std::string text = supe::secret_of_file(file);
    try {
        return webhook_signer(text);
    } catch (const std::runtime_error& e) {
        throw std::runtime_error(fmt::format("{}: the key {}", file.string(), e.what()));
    }
}

http_fields webhook_signer::sign(const std::string& id, std::string_view body,
                                 std::chrono::system_clock::time_point now) const {
    const std::string time = std::to_string(std::chrono::system_clock::to_time_t(now));
    const std::string text = fmt::format("{}.{}.{}", id, time, body);
    std::string signature = "v1,";
    supe::append_base64(signature, hmac(::EVP_sha256(), key_, text));
    return {{"webhook-id", id}, {"webhook-timestamp", time}, {"webhook-signature", signature}};
}

}  // namespace components
