// How the providers of webhooks prove that a request is theirs: a row each.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace components {

enum class proof_kind { hmac_sha1, hmac_sha256, hmac_sha512, ecdsa_p256, ed25519, token };
enum class text_encoding { hex, base64, plain };
/// How the key stands in its file.
enum class key_form { text, whsec, hex, public_key };

/// A row of the table. A `source` says where a value stands in a request: `header:NAME`,
/// `item:PREFIX` (a part of the signature's header: Stripe's `t=`), `json:/POINTER` of the body, or
/// `query:NAME`.
struct provider {
    std::string kind;
    std::string signature;  ///< source
    std::string prefix;     ///< what stands before it, as in `sha256=`
    char separator = 0;     ///< between the parts of the signature's header; 0: it has one part
    text_encoding encoding = text_encoding::hex;
    proof_kind proof = proof_kind::hmac_sha256;
    key_form key = key_form::text;
    /// What is signed: text with `{body}`, `{timestamp}`, `{method}`, `{url}`, `{form}`
    /// (the sorted fields of a form) and `{SOURCE}`. Empty for a token.
    std::string signs;
    std::string timestamp;                    ///< source; empty: none
    std::optional<std::chrono::seconds> age;  ///< how far the timestamp may be off; none: any
    std::string challenge;                    ///< its name in challenge.hpp; empty: none
};

/// All, by kind; `hmac` and `token` stand for those of nobody, whose columns the file gives.
std::span<const provider> provider_table();
const provider* find_provider(std::string_view kind);

/// As `supe relay --providers` prints it.
std::string printed_table();

}  // namespace components
