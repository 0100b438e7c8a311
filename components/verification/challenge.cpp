#include "components/verification/challenge.hpp"

#include "components/webhook/digests.hpp"
#include "supe/text/base64.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cctype>

namespace components {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_challenge = 4096;  // of text that we send back
constexpr std::size_t longest_token = 256;       // of text that we sign

/// What is asked, and what the answer may need.
struct question {
    const request_parts& request;
    const verification_key& key;
    std::string_view token;

    bool is_get() const { return request.request().message.method == "GET"; }
    /// The text at a source, where it may be sent back.
    std::optional<std::string> text(std::string_view source) const {
        auto found = request.value(source);
        return found && !found->empty() && found->size() <= longest_challenge ? found
                                                                              : std::nullopt;
    }
    /// The token at a source, where it may be signed: a webhook is signed with the same key, and
    /// who asks could choose one for his question.
    std::optional<std::string> token_at(std::string_view source) const {
        const auto found = text(source);
        const auto is_harmless = [](unsigned char c) {
            return std::isalnum(c) || std::string_view("-_.=+/").find(char(c)) != std::string::npos;
        };
        const bool may_be_signed =
            found && found->size() <= longest_token && std::ranges::all_of(*found, is_harmless);
        return may_be_signed ? found : std::nullopt;
    }
};

/// Nobody takes what a stranger made us say for a page.
http_answer in_text(std::string text) {
    return {200, std::move(text), {{"X-Content-Type-Options", "nosniff"}}};
}

http_answer in_json(const json::value& value) {
    return {200, json::serialize(value), {}, "application/json"};
}

using reply = std::optional<http_answer>;

reply meta(const question& q) {
    const auto challenge = q.text("query:hub.challenge");
    if (!q.is_get() || !challenge || q.request.query("hub.mode") != "subscribe")
        return std::nullopt;
    if (!same_bytes(q.request.query("hub.verify_token").value_or(""), q.token))
        return http_answer{403, "the verify token is another one\n", {}};
    return in_text(*challenge);
}

reply x(const question& q) {
    const auto challenge = q.token_at("query:crc_token");
    if (!q.is_get() || !challenge) return std::nullopt;
    std::string answer = "sha256=";
    supe::append_base64(answer, q.key.hmac_sha256(*challenge));
    return in_json({{"response_token", answer}});
}

reply dropbox(const question& q) {
    const auto challenge = q.text("query:challenge");
    return q.is_get() && challenge ? reply(in_text(*challenge)) : std::nullopt;
}

reply slack(const question& q) {
    const auto challenge = q.text("json:/challenge");
    const bool asked = q.request.value("json:/type") == "url_verification";
    return asked && challenge ? reply(in_text(*challenge)) : std::nullopt;
}

reply zoom(const question& q) {
    const auto plain = q.token_at("json:/payload/plainToken");
    if (q.request.value("json:/event") != "endpoint.url_validation" || !plain) return std::nullopt;
    return in_json({{"plainToken", *plain}, {"encryptedToken", to_hex(q.key.hmac_sha256(*plain))}});
}

/// PING of an endpoint for events (type 0), and of one for interactions (type 1, which an event has
/// too).
reply discord(const question& q) {
    const auto type = q.request.value("json:/type");
    if (type == "1" && !q.request.value("json:/event/type")) return in_json({{"type", 1}});
    if (type == "0") return http_answer{204, "", {}};
    return std::nullopt;
}

reply microsoft(const question& q) {
    const auto token = q.text("query:validationToken");
    return token ? reply(in_text(*token)) : std::nullopt;
}

/// The schema of Event Grid asks by POST, that of CloudEvents by OPTIONS (CloudEvents HTTP webhooks
/// §4).
reply eventgrid(const question& q) {
    if (q.request.request().message.method == "OPTIONS") {
        const auto origin = q.text("header:WebHook-Request-Origin");
        if (!origin) return std::nullopt;
        return http_answer{
            200, "", {{"WebHook-Allowed-Origin", *origin}, {"WebHook-Allowed-Rate", "*"}}};
    }
    const auto code = q.text("json:/0/data/validationCode");
    const bool asked =
        q.request.value("json:/0/eventType") == "Microsoft.EventGrid.SubscriptionValidationEvent";
    return asked && code ? reply(in_json({{"validationResponse", *code}})) : std::nullopt;
}

struct challenge {
    std::string_view name;
    bool is_signed;
    reply (*answer)(const question&);
};

constexpr challenge challenges[] = {
    {"meta", false, meta},
    {"x", false, x},
    {"dropbox", false, dropbox},
    {"slack", true, slack},
    {"zoom", true, zoom},
    {"discord", true, discord},
    {"microsoft", false, microsoft},
    {"eventgrid", false, eventgrid},
};

const challenge* find_challenge(std::string_view name) {
    for (const challenge& c : challenges)
        if (c.name == name) return &c;
    return nullptr;
}

}  // namespace

bool is_signed_challenge(std::string_view name) {
    const challenge* found = find_challenge(name);
    return found && found->is_signed;
}

std::optional<http_answer> answer_challenge(std::string_view name, const request_parts& request,
                                            const verification_key& key, std::string_view token) {
    const challenge* found = find_challenge(name);
    return found ? found->answer({request, key, token}) : std::nullopt;
}

}  // namespace components
