#include "components/verification/provider_table.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <vector>

namespace components {
namespace {

using namespace std::chrono_literals;
using enum proof_kind;
using enum text_encoding;

/// HMAC-SHA256 of the body in one field: what most do.
provider of_body(std::string kind, const char* header, std::string prefix = {},
                 text_encoding encoding = hex, std::string challenge = {}) {
    return {.kind = std::move(kind),
            .signature = header,
            .prefix = std::move(prefix),
            .encoding = encoding,
            .challenge = std::move(challenge)};
}

/// Field of items with time and signature, as Stripe's `t=…,v1=…`.
provider of_items(std::string kind, const char* header, std::string prefix, std::string separator,
                  std::string timestamp, std::string signs) {
    return {.kind = std::move(kind),
            .signature = header,
            .prefix = std::move(prefix),
            .separator = std::move(separator),
            .signs = std::move(signs),
            .timestamp = std::move(timestamp),
            .age = 300s};
}

/// standardwebhooks.com; Svix sends the same under names of its own too.
provider of_standard(std::string kind, const std::string& begin) {
    return {.kind = std::move(kind),
            .signature = "header:" + begin + "-signature",
            .prefix = "v1,",
            .separator = " ",
            .encoding = base64,
            .key = key_form::whsec,
            .signs = "{header:" + begin + "-id}.{timestamp}.{body}",
            .timestamp = "header:" + begin + "-timestamp",
            .age = 300s};
}

provider of_v0(std::string kind, const char* header, std::string timestamp) {
    return {.kind = kind,
            .signature = header,
            .prefix = "v0=",
            .signs = "v0:{timestamp}:{body}",
            .timestamp = std::move(timestamp),
            .age = 300s,
            .challenge = kind};
}

provider of_token(std::string kind, const char* source, std::string prefix = {},
                  text_encoding encoding = plain, std::string challenge = {}) {
    return {.kind = std::move(kind),
            .signature = source,
            .prefix = std::move(prefix),
            .encoding = encoding,
            .proof = token,
            .signs = "",
            .challenge = std::move(challenge)};
}

// SendGrid's libraries check no age, and whether a retry is signed anew is not documented.
const provider sendgrid{.kind = "sendgrid",
                        .signature = "header:X-Twilio-Email-Event-Webhook-Signature",
                        .encoding = base64,
                        .proof = ecdsa_p256,
                        .key = key_form::p256_public,
                        .signs = "{timestamp}{body}",
                        .timestamp = "header:X-Twilio-Email-Event-Webhook-Timestamp"};
const provider discord_row{.kind = "discord",
                           .signature = "header:X-Signature-Ed25519",
                           .proof = ed25519,
                           .key = key_form::ed25519_public,
                           .signs = "{timestamp}{body}",
                           .timestamp = "header:X-Signature-Timestamp",
                           .challenge = "discord"};
const provider twilio{.kind = "twilio",
                      .signature = "header:X-Twilio-Signature",
                      .encoding = base64,
                      .proof = hmac_sha1,
                      .signs = "{url}{form}"};
const provider square{.kind = "square",
                      .signature = "header:X-Square-HmacSha256-Signature",
                      .encoding = base64,
                      .signs = "{url}{body}",
                      .body = body_form::json};
const provider hubspot{.kind = "hubspot",
                       .signature = "header:X-HubSpot-Signature-v3",
                       .encoding = base64,
                       .signs = "{method}{plain_url}{body}{timestamp}",
                       .timestamp = "header:X-HubSpot-Request-Timestamp",
                       .age = 300s,
                       .body = body_form::json};
const provider mailgun{.kind = "mailgun",
                       .signature = "json:/signature/signature",
                       .signs = "{timestamp}{json:/signature/token}",
                       .timestamp = "json:/signature/timestamp"};
// Its timestamp is a date (2021-03-25T05:09:27Z). Its documentation asks for no age.
const provider zendesk{.kind = "zendesk",
                       .signature = "header:X-Zendesk-Webhook-Signature",
                       .encoding = base64,
                       .signs = "{timestamp}{body}",
                       .timestamp = "header:X-Zendesk-Webhook-Signature-Timestamp"};
const provider pagerduty{.kind = "pagerduty",
                         .signature = "header:X-PagerDuty-Signature",
                         .prefix = "v1=",
                         .separator = ","};
const provider intercom{.kind = "intercom",
                        .signature = "header:X-Hub-Signature",
                        .prefix = "sha1=",
                        .proof = hmac_sha1};

const provider x_row{.kind = "x",
                     .signature = "header:X-Twitter-Webhooks-Signature",
                     .prefix = "sha256=",
                     .encoding = base64,
                     .challenge = "x",
                     .body = body_form::object};

std::string age_of(const provider& p) { return p.age ? fmt::format("{}s", p.age->count()) : "-"; }

std::string or_dash(const std::string& text) {
    if (text.empty()) return "-";
    return text == " " ? "blank" : text;
}

}  // namespace

std::span<const provider> provider_table() {
    static const std::vector<provider> table{
        sendgrid,
        of_standard("standard", "webhook"),
        of_standard("svix", "svix"),
        of_body("github", "header:X-Hub-Signature-256", "sha256="),
        of_body("gitea", "header:X-Gitea-Signature"),
        of_token("gitlab", "header:X-Gitlab-Token"),
        of_body("bitbucket", "header:X-Hub-Signature", "sha256="),
        of_items("stripe", "header:Stripe-Signature", "v1=", ",", "item:t=", "{timestamp}.{body}"),
        of_body("shopify", "header:X-Shopify-Hmac-Sha256", "", base64),
        of_body("woocommerce", "header:X-WC-Webhook-Signature", "", base64),
        of_items("paddle", "header:Paddle-Signature", "h1=", ";", "item:ts=", "{timestamp}:{body}"),
        of_body("razorpay", "header:X-Razorpay-Signature"),
        of_body("lemonsqueezy", "header:X-Signature"),
        square,
        of_v0("slack", "header:X-Slack-Signature", "header:X-Slack-Request-Timestamp"),
        of_v0("zoom", "header:x-zm-signature", "header:x-zm-request-timestamp"),
        discord_row,
        of_token("telegram", "header:X-Telegram-Bot-Api-Secret-Token"),
        of_body("meta", "header:X-Hub-Signature-256", "sha256=", hex, "meta"),
        x_row,
        twilio,
        mailgun,
        hubspot,
        intercom,
        zendesk,
        of_items("calendly", "header:Calendly-Webhook-Signature", "v1=", ",",
                 "item:t=", "{timestamp}.{body}"),
        of_body("typeform", "header:Typeform-Signature", "sha256=", base64),
        of_body("docusign", "header:X-DocuSign-Signature-1", "", base64),
        of_body("dropbox", "header:X-Dropbox-Signature", "", hex, "dropbox"),
        of_body("linear", "header:Linear-Signature"),
        pagerduty,
        of_body("sentry", "header:Sentry-Hook-Signature"),
        of_token("microsoft", "json:/value/0/clientState", "", plain, "microsoft"),
        of_token("eventgrid", "header:Authorization", "Bearer ", plain, "eventgrid"),
        of_token("basic", "header:Authorization", "Basic ", base64),
        of_token("bearer", "header:Authorization", "Bearer "),
        of_body("hmac", ""),
        of_token("token", "")};
    return table;
}

const provider* find_provider(std::string_view kind) {
    const auto all = provider_table();
    const auto found = std::ranges::find(all, kind, &provider::kind);
    return found == all.end() ? nullptr : &*found;
}

std::string provider_kinds() {
    std::string all;
    for (const provider& p : provider_table()) all += (all.empty() ? "" : ", ") + p.kind;
    return all;
}

const char* word_of(proof_kind proof) {
    switch (proof) {
        case hmac_sha1: return "hmac-sha1";
        case hmac_sha256: return "hmac-sha256";
        case hmac_sha512: return "hmac-sha512";
        case ecdsa_p256: return "ecdsa-p256";
        case ed25519: return "ed25519";
        case token: return "token";
    }
    return "";
}

const char* word_of(text_encoding encoding) {
    switch (encoding) {
        case hex: return "hex";
        case base64: return "base64";
        case plain: return "plain";
    }
    return "";
}

std::string printed_table() {
    using row = std::array<std::string, 10>;
    std::vector<row> rows{{"kind", "signature", "prefix", "separator", "encoding", "algorithm",
                           "signs", "timestamp", "age", "challenge"}};
    for (const provider& p : provider_table())
        rows.push_back({p.kind, or_dash(p.signature), or_dash(p.prefix), or_dash(p.separator),
                        word_of(p.encoding), word_of(p.proof), or_dash(p.signs),
                        or_dash(p.timestamp), age_of(p), or_dash(p.challenge)});
    std::array<std::size_t, 10> widths{};
    for (const row& r : rows)
        for (std::size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
    std::string out;
    for (const row& r : rows) {
        std::string line;
        for (std::size_t i = 0; i < r.size(); ++i) line += fmt::format("{:<{}}  ", r[i], widths[i]);
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

}  // namespace components
