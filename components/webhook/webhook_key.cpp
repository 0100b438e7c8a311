#include "components/webhook/webhook_key.hpp"

#include "supe/text/json_pointer.hpp"
#include "supe/text/json_text.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <array>

namespace components {
namespace {

constexpr std::string_view of_header = "header:", of_json = "json:";
constexpr std::size_t longest_key = 128;

/// As the providers' own documents say.
constexpr id_source id_sources[] = {
    {"bitbucket", "header:X-Request-UUID"},
    {"eventgrid", "json:/id", true},
    {"gitea", "header:X-Gitea-Delivery"},
    {"github", "header:X-GitHub-Delivery"},
    {"gitlab", "header:Idempotency-Key"},
    {"intercom", "json:/id"},
    {"linear", "header:Linear-Delivery"},
    {"mailgun", "json:/event-data/id"},
    {"paddle", "json:/event_id"},
    {"pagerduty", "json:/event/id"},
    {"razorpay", "header:X-Razorpay-Event-Id"},
    {"sendgrid", "json:/sg_event_id", true},
    {"shopify", "header:X-Shopify-Webhook-Id"},
    {"slack", "json:/event_id"},
    {"square", "json:/event_id"},
    {"standard", "header:webhook-id"},
    {"stripe", "json:/id"},
    {"svix", "header:svix-id"},
    {"telegram", "json:/update_id"},
    {"twilio", "header:I-Twilio-Idempotency-Token"},
    {"typeform", "json:/event_id"},
};

std::string sha256_of(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string out = "sha256:";
    for (unsigned i = 0; i < size; ++i) {
        constexpr char digits[] = "0123456789abcdef";
        out += digits[digest[i] >> 4];
        out += digits[digest[i] & 15];
    }
    return out;
}

/// Short, and the same in JSON and in a log.
bool is_handy(std::string_view key) {
    const bool plain = std::ranges::all_of(key, [](unsigned char c) { return c >= ' '; });
    return plain && key.size() <= longest_key &&
           supe::json_string_value(supe::json_quoted(key)) == key;
}

std::string scalar_at(std::string_view pointer, std::string_view body) {
    const auto value = supe::value_at(body, pointer);
    if (!value || value->starts_with('{') || value->starts_with('[') || *value == "null") return {};
    return value->starts_with('"') ? supe::json_string_value(*value) : std::string(*value);
}

}  // namespace

bool is_key_source(std::string_view source) {
    if (source.starts_with(of_json)) {
        const std::string_view pointer = source.substr(of_json.size());
        return !pointer.empty() && supe::is_json_pointer(pointer);
    }
    const bool named = source.starts_with(of_header) && source.size() > of_header.size();
    return named && std::ranges::all_of(source.substr(of_header.size()), [](unsigned char c) {
               return std::isalnum(c) ||
                      std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                          std::string_view::npos;
           });
}

bool is_of_whole_request(std::string_view source) { return source.starts_with(of_header); }

std::string key_at(std::string_view source, const http_fields& headers, std::string_view body) {
    std::string key = source.starts_with(of_header)
                          ? std::string(field(headers, source.substr(of_header.size())))
                          : scalar_at(source.substr(of_json.size()), body);
    return is_handy(key) ? key : sha256_of(key);
}

const id_source* find_id_source(std::string_view kind) {
    const auto* found = std::ranges::find(id_sources, kind, &id_source::kind);
    return found == std::end(id_sources) ? nullptr : found;
}

std::string kinds_with_id() {
    std::string all;
    for (const id_source& s : id_sources) all += (all.empty() ? "" : ", ") + std::string(s.kind);
    return all;
}

}  // namespace components
