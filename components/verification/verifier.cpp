#include "components/verification/verifier.hpp"

#include "components/verification/challenge.hpp"
#include "components/verification/keys.hpp"
#include "components/verification/signed_time.hpp"
#include "supe/text/base64.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>

namespace components {
namespace {

std::optional<std::string> decoded(std::string_view text, text_encoding encoding) {
    if (encoding == text_encoding::hex) return from_hex(text);
    if (encoding == text_encoding::base64) return supe::from_base64(text);
    return std::string(text);
}

/// Why the timestamp does not do; empty where it does.
std::string objection_to_time(const provider& how, const request_parts& parts) {
    if (!how.age) return {};
    const auto text = parts.value(how.timestamp);
    const auto time = text ? time_in(*text) : std::nullopt;
    if (!time) return fmt::format("{} is no time", shown_source(how.timestamp));
    // In seconds, before they are subtracted: whoever has the key may name any number.
    using std::chrono::seconds;
    const auto now = parts.request().now.time_since_epoch();
    const auto off =
        std::chrono::duration_cast<seconds>(now) - std::chrono::duration_cast<seconds>(*time);
    if (std::chrono::abs(off) <= *how.age) return {};
    return fmt::format("it was signed {} s {}, the limit is {} s", std::abs(off.count()),
                       off.count() > 0 ? "ago" : "ahead of our clock", how.age->count());
}

}  // namespace

struct verifier::state {
    provider how;
    std::vector<verification_key> keys;
    std::string token;

    const verification_key* fitting_key(const std::string& text,
                                        const std::vector<std::string>& signatures) const {
        const verification_key* fits = nullptr;
        for (const verification_key& key : keys)
            if (key.proves(text, signatures) && !fits) fits = &key;
        return fits;
    }

    /// The key that it was signed with, or none and why.
    std::pair<const verification_key*, std::string> check(const request_parts& parts) const {
        if (!parts.value(how.signature))
            return {nullptr, fmt::format("{} is missing", shown_source(how.signature))};
        std::vector<std::string> signatures;
        for (const std::string& text : parts.signatures())
            if (auto bytes = decoded(text, how.encoding)) signatures.push_back(std::move(*bytes));
        if (signatures.empty())
            return {nullptr, fmt::format("{} holds no {} in {}", shown_source(how.signature),
                                         how.prefix.empty() ? "signature" : how.prefix + "…",
                                         word_of(how.encoding))};
        const verification_key* fits = nullptr;
        for (const std::string& url : spellings_of(parts.request().url)) {
            std::string missing;
            const auto text = parts.signed_text(url, missing);
            if (!text) return {nullptr, why_missing(missing)};
            if (!fits) fits = fitting_key(*text, signatures);
            if (how.signs.find("url}") == std::string::npos) break;  // {url}, {plain_url}
        }
        if (!fits) return {nullptr, fmt::format("{} fits no key", shown_source(how.signature))};
        if (std::string odd = parts.objection_to_seams(); !odd.empty())
            return {nullptr, std::move(odd)};
        if (const std::string other = objection_to_body(parts.request().message.body);
            !other.empty())
            return {nullptr, other};
        std::string late = objection_to_time(how, parts);
        if (!late.empty()) return {nullptr, std::move(late)};
        return {fits, {}};
    }

    std::string objection_to_body(std::string_view body) const {
        const char first = supe::first_of_json(body);
        if (how.body == body_form::object && first != '{') return "the body is no JSON object";
        const bool is_json = (first == '{' || first == '[') && supe::is_json(body);
        if (how.body == body_form::json && !is_json) return "the body is no JSON object or array";
        return {};
    }

    std::string why_missing(const std::string& part) const {
        if (part == "form")
            return "the body is no plain form, and bodySHA256 in the URL is not its hash";
        return fmt::format("{} is missing",
                           shown_source(part == "timestamp" ? how.timestamp : part));
    }
};

verifier::verifier(const verify_settings& settings) {
    auto made = std::make_unique<state>(state{settings.how, {}, {}});
    for (const auto& file : settings.key_files) made->keys.emplace_back(file, settings.how);
    if (!settings.token_file.empty())
        made->token = read_secret(settings.token_file, "the verify token as text");
    state_ = std::move(made);
}

verifier::~verifier() = default;
verifier::verifier(verifier&&) noexcept = default;
verifier& verifier::operator=(verifier&&) noexcept = default;

const std::string& verifier::kind() const { return state_->how.kind; }

verification verifier::verify(const sent_request& request) const {
    auto [fits, why] = state_->check(request_parts(request, state_->how));
    return {fits != nullptr, std::move(why)};
}

std::optional<http_answer> verifier::challenge(const sent_request& request) const {
    const std::string& name = state_->how.challenge;
    if (name.empty()) return std::nullopt;
    const request_parts parts(request, state_->how);
    const verification_key* key = &state_->keys.front();
    if (is_signed_challenge(name)) key = state_->check(parts).first;
    return key ? answer_challenge(name, parts, *key, state_->token) : std::nullopt;
}

}  // namespace components
