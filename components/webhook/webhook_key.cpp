#include "components/webhook/webhook_key.hpp"

#include "components/webhook/digests.hpp"
#include "supe/text/json_pointer.hpp"
#include "supe/text/json_text.hpp"

#include <algorithm>

namespace components {
namespace {

constexpr std::string_view of_header = "header:", of_json = "json:";

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

/// Short, and the same in JSON and in a log.
bool is_handy(std::string_view key) {
    const bool plain = std::ranges::all_of(key, [](unsigned char c) { return c >= ' '; });
    return plain && key.size() <= longest_key &&
           supe::json_string_value(supe::json_quoted(key)) == key;
}

std::string digest_named(std::string_view key) { return "sha256:" + to_hex(sha256(key)); }

std::string scalar_at(std::string_view pointer, std::string_view body) {
    const auto value = supe::value_at(body, pointer);
    if (!value || value->starts_with('{') || value->starts_with('[') || *value == "null") return {};
    if (!value->starts_with('"')) return std::string(*value);
    // A lone surrogate means no character: strings that differ in one would be one key.
    std::string text = supe::json_string_value(*value);
    return text.find("\xEF\xBF\xBD") == text.npos ? text : std::string(*value);
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

std::string short_key(std::string key) {
    return key.size() <= longest_key ? key : digest_named(key);
}

std::string read_key_source(const supe::field_reader& in, const supe::located_value& v) {
    std::string source = in.string(v);
    if (!is_key_source(source)) in.wrong(v, R"("header:NAME" or "json:/POINTER")");
    return source;
}

bool is_of_whole_request(std::string_view source) { return source.starts_with(of_header); }

std::string key_at(std::string_view source, const http_fields& headers, std::string_view body) {
    std::string key = source.starts_with(of_header)
                          ? std::string(field(headers, source.substr(of_header.size())))
                          : scalar_at(source.substr(of_json.size()), body);
    return is_handy(key) ? key : digest_named(key);
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
