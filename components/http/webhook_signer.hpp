// Signatures of our own on what is delivered (contract §7 `sign`).
#pragma once

#include "components/webhook/webhook.hpp"

#include <chrono>
#include <filesystem>
#include <string>

namespace components {

/// Signs as Standard Webhooks say: HMAC-SHA256 over id, time and body. The time is that of the
/// delivery, so that a webhook that waited here passes the age check of the destination's library.
class webhook_signer {
public:
    /// `key`: `whsec_` and 24 to 64 bytes in base64. Throws std::runtime_error, which says what is
    /// expected and shows nothing of the key.
    explicit webhook_signer(std::string_view key);
    /// The key in a file, without the line end behind it. Throws std::runtime_error, which names
    /// the file.
    static webhook_signer of_file(const std::filesystem::path& file);

    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    http_fields sign(const std::string& id, std::string_view body,
                     std::chrono::system_clock::time_point now) const;

private:
    std::string key_;
};

}  // namespace components
