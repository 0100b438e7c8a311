#include "components/verification/keys.hpp"

#include "components/http/pem.hpp"
#include "components/webhook/digests.hpp"
#include "supe/text/base64.hpp"
#include "supe/text/config.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <algorithm>
#include <array>
#include <cctype>

namespace components {
namespace {

constexpr std::size_t longest_secret = 16 << 10;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string expectation_of(const provider& how) {
    switch (how.key) {
        case key_form::text: break;
        case key_form::whsec: return "a secret in base64, which may stand behind whsec_";
        case key_form::p256_public: return "a public key of the curve P-256, in PEM or as base64";
        case key_form::ed25519_public: return "an Ed25519 public key of 64 hex digits";
    }
    return how.kind == "basic" ? "USER:PASSWORD" : "the secret as text";
}

[[noreturn]] void malformed(const std::filesystem::path& file, const std::string& expected) {
    throw supe::config_error(fmt::format("{}: must hold {}", file.string(), expected));
}

const EVP_MD* digest_for(proof_kind proof) {
    if (proof == proof_kind::hmac_sha1) return ::EVP_sha1();
    return proof == proof_kind::hmac_sha512 ? ::EVP_sha512() : ::EVP_sha256();
}

// Of a signature, in bytes. That of P-256 is DER: a sequence of two numbers of 1 to 33 bytes.
constexpr std::size_t ed25519_size = 64, shortest_p256 = 8, longest_p256 = 72;

bool fits_ed25519(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> check(::EVP_MD_CTX_new(),
                                                                          &::EVP_MD_CTX_free);
    return check && ::EVP_DigestVerifyInit(check.get(), nullptr, nullptr, nullptr, key) == 1 &&
           ::EVP_DigestVerify(check.get(), bytes_of(signature), signature.size(), bytes_of(text),
                              text.size()) == 1;
}

/// `hash`: the SHA-256 of the text.
bool fits_p256(EVP_PKEY* key, std::string_view hash, std::string_view signature) {
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&::EVP_PKEY_CTX_free)> check(
        ::EVP_PKEY_CTX_new(key, nullptr), &::EVP_PKEY_CTX_free);
    return check && ::EVP_PKEY_verify_init(check.get()) == 1 &&
           ::EVP_PKEY_CTX_set_signature_md(check.get(), ::EVP_sha256()) == 1 &&
           ::EVP_PKEY_verify(check.get(), bytes_of(signature), signature.size(), bytes_of(hash),
                             hash.size()) == 1;
}

using key_pointer = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;

key_pointer read_p256(std::string_view text) {
    key_pointer key(nullptr, &::EVP_PKEY_free);
    if (text.starts_with("-----BEGIN")) {
        const bio_pointer in = bio_of(text);
        key.reset(::PEM_read_bio_PUBKEY(in.get(), nullptr, no_passphrase, nullptr));
    } else if (const auto der = supe::from_base64(text)) {
        const unsigned char* at = bytes_of(*der);
        key.reset(::d2i_PUBKEY(nullptr, &at, static_cast<long>(der->size())));
    }
    std::array<char, 64> curve{};
    const bool is_p256 =
        key && ::EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC &&
        ::EVP_PKEY_get_group_name(key.get(), curve.data(), curve.size(), nullptr) == 1 &&
        std::string_view(curve.data()) == "prime256v1";
    if (!is_p256) key.reset();
    return key;
}

key_pointer read_ed25519(std::string_view text) {
    const auto raw = from_hex(text);
    key_pointer key(nullptr, &::EVP_PKEY_free);
    if (raw && raw->size() == 32)
        key.reset(
            ::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*raw), raw->size()));
    return key;
}

std::optional<int> digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const int lower = std::tolower(static_cast<unsigned char>(c));
    return lower >= 'a' && lower <= 'f' ? std::optional(lower - 'a' + 10) : std::nullopt;
}

}  // namespace

struct verification_key::public_key {
    key_pointer key;
};

std::string read_secret(const std::filesystem::path& file, const std::string& expected) {
    std::string text = supe::secret_of_file(file);
    if (text.empty()) {
        throw supe::config_error(
            fmt::format("{}: is empty, and must hold {}", file.string(), expected));
    }
    if (text.size() > longest_secret) malformed(file, expected + ", of at most 16 KiB");
    return text;
}

verification_key::verification_key(const std::filesystem::path& file, const provider& how)
    : proof_(how.proof) {
    const std::string expected = expectation_of(how);
    const std::string text = read_secret(file, expected);
    if (how.key == key_form::text) {
        if (how.kind == "basic" && text.find(':') == text.npos) malformed(file, expected);
        secret_ = text;
        return;
    }
    if (how.key == key_form::whsec) {
        const std::string_view begin = "whsec_";
        const auto secret = supe::from_base64(
            std::string_view(text).substr(text.starts_with(begin) ? begin.size() : 0));
        if (!secret || secret->empty()) malformed(file, expected);
        secret_ = *secret;
        return;
    }
    public_ = std::make_unique<public_key>(
        public_key{how.key == key_form::p256_public ? read_p256(text) : read_ed25519(text)});
    if (!public_->key) malformed(file, expected);
}

verification_key::~verification_key() = default;
verification_key::verification_key(verification_key&&) noexcept = default;
verification_key& verification_key::operator=(verification_key&&) noexcept = default;

bool verification_key::proves(std::string_view text,
                              const std::vector<std::string>& signatures) const {
    std::vector<std::string_view> possible;
    for (const std::string& signature : signatures)
        if (may_be_signature(signature)) possible.push_back(signature);
    if (possible.empty()) return false;
    if (public_) return proves_publicly(text, possible);
    const std::string proof =
        proof_ == proof_kind::token ? secret_ : hmac(digest_for(proof_), secret_, text);
    bool proven = false;
    for (const std::string_view signature : possible) proven |= same_bytes(proof, signature);
    return proven;
}

bool verification_key::may_be_signature(std::string_view bytes) const {
    switch (proof_) {
        case proof_kind::token: return bytes.size() == secret_.size();
        case proof_kind::ed25519: return bytes.size() == ed25519_size;
        case proof_kind::ecdsa_p256:
            return bytes.size() >= shortest_p256 && bytes.size() <= longest_p256;
        default:
            return bytes.size() == static_cast<std::size_t>(::EVP_MD_get_size(digest_for(proof_)));
    }
}

bool verification_key::proves_publicly(std::string_view text,
                                       const std::vector<std::string_view>& signatures) const {
    if (proof_ == proof_kind::ed25519)
        return fits_ed25519(public_->key.get(), text, signatures.front());
    const std::string hash = sha256(text);
    return std::ranges::any_of(signatures, [&](std::string_view signature) {
        return fits_p256(public_->key.get(), hash, signature);
    });
}

std::string verification_key::hmac_sha256(std::string_view text) const {
    return hmac(::EVP_sha256(), secret_, text);
}

bool same_bytes(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (!high || !low) return std::nullopt;
        out += static_cast<char>(*high << 4 | *low);
    }
    return out;
}

}  // namespace components
