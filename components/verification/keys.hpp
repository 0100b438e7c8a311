// Keys of signatures, and what they prove. Everything but read_secret() is pure.
#pragma once

#include "components/verification/provider_table.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace components {

/// Bytes of the secret in a file: without the end of its last line. Throws supe::config_error where
/// it cannot be read, is empty, or has more than 16 KiB. `expected`: what it should hold.
std::string read_secret(const std::filesystem::path& file, const std::string& expected);

class verification_key {
public:
    /// Reads the file; throws supe::config_error.
    verification_key(const std::filesystem::path& file, const provider& how);
    ~verification_key();
    verification_key(verification_key&&) noexcept;
    verification_key& operator=(verification_key&&) noexcept;

    /// Whether `signature` (as bytes) is this key's for `text`; of a token, whether it is the key.
    bool proves(std::string_view text, std::string_view signature) const;
    /// HMAC-SHA256, for the answers to challenges.
    std::string hmac_sha256(std::string_view text) const;

private:
    struct public_key;
    proof_kind proof_;
    std::string secret_;
    std::unique_ptr<public_key> public_;
};

/// Takes the same time wherever they differ.
bool same_bytes(std::string_view a, std::string_view b);
/// Nothing where it is no hex.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace components
