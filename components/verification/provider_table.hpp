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
/// How the key stands in its file. `whsec`: base64, which may stand behind `whsec_`; the two public
/// keys: PEM or base64 of the SPKI, and 64 hex digits.
enum class key_form { text, whsec, p256_public, ed25519_public };

/// What each body of a provider is. A body of another form is not one of its webhooks: the
/// signature was for a challenge (X), or for a text of which a part stands elsewhere in this
/// request (where the URL is signed directly before the body). `json`: an object or an array.
enum class body_form { any, object, json };

/// A row. A *source* says where in a request a value stands: `header:NAME`, `item:PREFIX` (a part
/// of the signature's field: Stripe's `t=`), `json:/POINTER` in the body, `query:NAME`.
struct provider {
    std::string kind;
    std::string signature;    ///< source
    std::string prefix{};     ///< what stands before it, as in `sha256=`; case does not count
    std::string separator{};  ///< a character between the parts of that field; empty: one part
    text_encoding encoding = text_encoding::hex;
    proof_kind proof = proof_kind::hmac_sha256;
    key_form key = key_form::text;
    std::string signs = "{body}";               ///< see request_parts.hpp; unused for a token
    std::string timestamp{};                    ///< source; empty: none
    std::optional<std::chrono::seconds> age{};  ///< how far the timestamp may be off; none: any
    std::string challenge{};                    ///< see challenge.hpp; empty: none
    body_form body = body_form::any;
};

/// All. The last two, `hmac` and `token`, are nobody's: the settings give their columns.
std::span<const provider> provider_table();
const provider* find_provider(std::string_view kind);
/// `sendgrid, standard, …`, for errors.
std::string provider_kinds();

/// As `supe relay --providers` prints it: a line each, columns by their names in the settings.
std::string printed_table();

/// The words of the settings.
const char* word_of(proof_kind proof);
const char* word_of(text_encoding encoding);

}  // namespace components
