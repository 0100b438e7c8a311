// Keys of signatures, and what they prove. Everything but read_secret() is pure.
#pragma once

#include "components/verification/provider_table.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// Bytes of the secret in a file: without a byte order mark and the end of its last line. Throws
/// supe::config_error where it cannot be read, is empty, or has more than 16 KiB. `expected`: what
/// it should hold.
std::string read_secret(const std::filesystem::path& file, const std::string& expected);

class verification_key {
public:
    /// Reads the file; throws supe::config_error.
    verification_key(const std::filesystem::path& file, const provider& how);
    ~verification_key();
    verification_key(verification_key&&) noexcept;
    verification_key& operator=(verification_key&&) noexcept;

    /// Whether one of `signatures` (as bytes) is this key's for `text`; of a token, whether one is
    /// the key. It hashes the text once for all of them, and not at all where none is of a length
    /// that a signature can have. An Ed25519 signature is part of what is hashed: there the first
    /// one of its length counts.
    bool proves(std::string_view text, const std::vector<std::string>& signatures) const;
    /// HMAC-SHA256, for the answers to challenges.
    std::string hmac_sha256(std::string_view text) const;

private:
    bool may_be_signature(std::string_view bytes) const;
    bool proves_publicly(std::string_view text,
                         const std::vector<std::string_view>& signatures) const;

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
