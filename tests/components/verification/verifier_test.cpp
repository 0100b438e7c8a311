// Shows for each provider that its own published signature is accepted, and that nothing else is.
// Where a provider publishes none, Python's hmac and hashlib made it (or openssl), which share no
// code with ours.
#include "components/webhook/digests.hpp"
#include "tests/support/signed_request.hpp"

#include <openssl/evp.h>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

using components::http_fields;
using support::signed_request;
using support::verifying;

namespace {

struct vector {
    std::string kind;
    std::string key;
    http_fields headers;
    std::string body;
    std::int64_t at = 1700000000;
    std::string url = "https://hooks.example/hooks";

    friend std::ostream& operator<<(std::ostream& out, const vector& v) { return out << v.kind; }
    signed_request request() const {
        signed_request r;
        r.message.headers = headers;
        r.message.body = body;
        r.url = url;
        const auto path = url.find('/', url.find("://") + 3);
        r.message.target = url.substr(path);
        r.at = at;
        return r;
    }
};

const std::string key = "made for this test";
const std::string body = R"({"id":"evt_1","ok":true})";
const std::string hex = "e6507473d62d59b7d5612c06c41a8359a019ff40d7b68e1cba8c00631a8ddf2c";
const std::string base64 = "5lB0c9YtWbfVYSwGxBqDWaAZ/0DXto4cuowAYxqN3yw=";
const std::string dot = "2ec89927a82aca457c083018705378c5f351c4390ff222fd6f085d75cbbfbeca";
const std::string v0 = "647b6a7c90fbd9ab6f646c8d623e7b028db3de93055c8ffa432d83e1aa4bd6bf";

const std::string slack_body =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    "803a0bc887a14d10d2c447fce8b6703c";
const std::string sendgrid_body =
    R"([{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",)"
    R"("sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",)"
    R"("sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",)"
    R"("smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}])"
    "\r\n";
const std::string square_body =
    R"({"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",)"
    R"("event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z",)"
    R"("data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}})";
const std::string sendgrid_key =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/"
    "7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";

/// Published by the provider, or by its own library.
const std::vector<vector> published{
    {"sendgrid",
     sendgrid_key,
     {{"X-Twilio-Email-Event-Webhook-Signature",
       "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+"
       "luQAbPIqHh89M15TluLtEZtM="},
      {"X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"}},
     sendgrid_body},
    {"standard",
     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"webhook-timestamp", "1614265330"},
      {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     R"({"test": 2432232314})",
     1614265330},
    {"svix",
     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     {{"svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"svix-timestamp", "1614265330"},
      {"svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     R"({"test": 2432232314})",
     1614265330},
    {"github",
     "It's a Secret to Everybody",
     {{"X-Hub-Signature-256",
       "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
     "Hello, World!"},
    {"bitbucket",
     "It's a Secret to Everybody",
     {{"X-Hub-Signature",
       "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}},
     "Hello World!"},
    {"slack",
     "8f742231b10e8888abcd99yyyzzz85a5",
     {{"X-Slack-Request-Timestamp", "1531420618"},
      {"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
     slack_body,
     1531420618},
    {"square",
     "Ibxx_5AKakO-3qeNVR61Dw",
     {{"x-square-hmacsha256-signature", "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4="}},
     square_body,
     1700000000,
     "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9"},
    {"twilio",
     "12345",
     {{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"},
      {"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
     "To=%2B18005551212&From=%2B14158675309&Digits=1234&CallSid=CA1234567890ABCDE&"
     "Caller=%2B14158675309",
     1700000000,
     "https://mycompany.com/myapp.php?foo=1&bar=2"},
    {"twilio",
     "12345",
     {{"Content-Type", "application/json"}, {"X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4="}},
     R"({"property": "value", "boolean": true})",
     1700000000,
     "https://mycompany.com/myapp.php?foo=1&bar=2&"
     "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"},
    // RFC 8032 §7.1, test 2: its message `r` as the timestamp.
    {"discord",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     {{"X-Signature-Timestamp", "r"},
      {"X-Signature-Ed25519",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
       "11d8c387b2eaeb4302aeeb00d291612bb0c00"}},
     ""}};

/// Made by Python.
const std::vector<vector> made{
    {"gitea", key, {{"X-Gitea-Signature", hex}}, body},
    {"stripe", key, {{"Stripe-Signature", "t=1700000000,v0=00,v1=" + dot}}, body},
    {"shopify", key, {{"X-Shopify-Hmac-SHA256", base64}}, body},
    {"woocommerce", key, {{"x-wc-webhook-signature", base64}}, body},
    {"paddle",
     key,
     {{"Paddle-Signature",
       "ts=1700000000;h1=ac606a9e9caa16312e2db3461ca1e68d5a7d8efec3030175a6acb7c67878fb9b"}},
     body},
    {"razorpay", key, {{"X-Razorpay-Signature", hex}}, body},
    {"lemonsqueezy", key, {{"X-Signature", hex}}, body},
    {"zoom", key, {{"x-zm-request-timestamp", "1700000000"}, {"x-zm-signature", "v0=" + v0}}, body},
    {"x", key, {{"x-twitter-webhooks-signature", "sha256=" + base64}}, body},
    {"mailgun",
     key,
     {},
     R"({"signature":{"timestamp":"1700000000","token":"50tokens","signature":)"
     R"("d1f465b6d4ca89f6ba5ffba43eb5c9ddf115298c3a20c36f6b5ddddcdf55d473"},"event-data":{}})"},
    {"hubspot",
     key,
     {{"X-HubSpot-Request-Timestamp", "1700000000000"},
      {"X-HubSpot-Signature-v3", "YkEOY5WixaCxDmaMdv9uepMbjfUUj4WdytNmxx8EEUY="}},
     body,
     1700000000,
     "https://hooks.example/hub?x=a%3Ab%40c"},
    {"intercom", key, {{"X-Hub-Signature", "sha1=75e5b56e282f24f8be5a9defa9bdc51544b9c880"}}, body},
    {"zendesk",
     key,
     {{"X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:27Z"},
      {"X-Zendesk-Webhook-Signature", "Z4TKvf0XJIJ1pW5XJCpWEmVO4tazUBulNsWGKNA8Jtw="}},
     body},
    {"calendly", key, {{"Calendly-Webhook-Signature", "t=1700000000,v1=" + dot}}, body},
    {"typeform", key, {{"Typeform-Signature", "sha256=" + base64}}, body},
    {"docusign", key, {{"X-DocuSign-Signature-1", base64}}, body},
    {"dropbox", key, {{"X-Dropbox-Signature", hex}}, body},
    {"linear", key, {{"Linear-Signature", hex}}, body},
    {"pagerduty", key, {{"X-PagerDuty-Signature", "v1=00, v1=" + hex}}, body},
    {"sentry", key, {{"Sentry-Hook-Signature", hex}}, body}};

/// No signature: the key itself.
const std::vector<vector> tokens{
    {"gitlab", key, {{"X-Gitlab-Token", key}}, body},
    {"telegram", key, {{"X-Telegram-Bot-Api-Secret-Token", key}}, body},
    {"microsoft", key, {}, R"({"value":[{"clientState":"made for this test"}]})"},
    {"eventgrid", key, {{"Authorization", "Bearer " + key}}, body},
    {"basic", "me:secret", {{"Authorization", "basic bWU6c2VjcmV0"}}, body},
    {"bearer", key, {{"Authorization", "Bearer " + key}}, body}};

void change_last_character(std::string& text) { text.back() = text.back() == '1' ? '2' : '1'; }

}  // namespace

BOOST_AUTO_TEST_SUITE(verifier)

namespace data = boost::unit_test::data;

// What a provider signed is accepted; with another body, another key or no field it is not.
BOOST_DATA_TEST_CASE(signatures, data::make(published) + data::make(made), v) {
    const verifying verifier = verifying::of(v.kind, v.key);
    const signed_request good = v.request();
    BOOST_TEST(verifier.objection(good) == "");
    signed_request changed = good;
    if (v.kind == "mailgun") {  // which does not sign the rest of its body
        changed.message.body.replace(changed.message.body.find("50tokens"), 8, "51tokens");
    } else {
        changed.message.body += " ";
    }
    BOOST_TEST(verifier.objection(changed) != "");
    signed_request bare = good;
    bare.message.headers.clear();
    bare.message.body = "{}";
    BOOST_TEST(verifier.objection(bare).ends_with(" is missing"), verifier.objection(bare));
    if (v.kind == "sendgrid" || v.kind == "discord") return;
    const std::string other = v.key.starts_with("whsec_") ? "whsec_" + base64 : v.key + "x";
    BOOST_TEST(verifying::of(v.kind, other).objection(good) != "");
}

// A token that is longer, shorter or another one is refused.
BOOST_DATA_TEST_CASE(of_tokens, data::make(tokens), v) {
    const signed_request good = v.request();
    BOOST_TEST(verifying::of(v.kind, v.key).objection(good) == "");
    for (const std::string& other : {v.key + "x", v.key.substr(0, v.key.size() - 1), "x:" + v.key})
        BOOST_TEST(verifying::of(v.kind, other).objection(good) != "", other);
    signed_request bare = good;
    bare.message.headers.clear();
    bare.message.body.clear();
    BOOST_TEST(verifying::of(v.kind, v.key).objection(bare).ends_with(" is missing"));
}

// Each row of the table is shown above or here.
BOOST_AUTO_TEST_CASE(all_rows) {
    std::string shown = " meta hmac token ";
    for (const auto* vectors : {&published, &made, &tokens})
        for (const vector& v : *vectors) shown += v.kind + " ";
    for (const components::provider& p : components::provider_table())
        BOOST_TEST(shown.find(" " + p.kind + " ") != std::string::npos, p.kind);
    BOOST_TEST(components::provider_table().size() >= 18u);
    signed_request r;
    r.message.headers = {{"X-Hub-Signature-256", "sha256=" + hex}};
    r.message.body = body;
    const verifying meta(R"({"kind":"meta","key_file":"key","token_file":"key2"})");
    BOOST_TEST(meta.objection(r) == "");
}

// While a key is changed either one is good.
BOOST_AUTO_TEST_CASE(two_keys) {
    signed_request r;
    r.message.headers = {{"X-Gitea-Signature", hex}};
    r.message.body = body;
    const std::string settings = R"({"kind":"gitea","key_files":["key","key2"]})";
    BOOST_TEST(verifying(settings, key, "new").objection(r) == "");
    BOOST_TEST(verifying(settings, "new", key).objection(r) == "");
    BOOST_TEST(verifying(settings, "new", "newer").objection(r) == "X-Gitea-Signature fits no key");
}

// A byte order mark, with which some editors begin a file, is no part of the key.
BOOST_AUTO_TEST_CASE(a_byte_order_mark) {
    signed_request r;
    r.message.headers = {{"X-Gitea-Signature", hex}};
    r.message.body = body;
    BOOST_TEST(verifying::of("gitea", "\xef\xbb\xbf" + key).objection(r) == "");
}

// One of several signatures is enough, as while the provider changes its key.
BOOST_AUTO_TEST_CASE(several_signatures) {
    signed_request r = published[1].request();
    std::string& field = r.message.headers[2].second;
    field = "v1a,AAAA v1,AAAA " + field;
    const verifying standard = verifying::of("standard", published[1].key);
    BOOST_TEST(standard.objection(r) == "");
    field = "v2," + field.substr(field.rfind(",") + 1);
    BOOST_TEST(standard.objection(r) == "webhook-signature holds no v1,… in base64");
}

// A signature that is too old, or too far ahead of our clock, is refused, and the reason says by
// how much. SendGrid's has no age.
BOOST_AUTO_TEST_CASE(ages) {
    const verifying stripe = verifying::of("stripe");
    signed_request r;
    r.message.headers = {{"Stripe-Signature", "t=1700000000,v1=" + dot}};
    r.message.body = body;
    for (const std::int64_t off : {-300, 0, 300}) {
        r.at = 1700000000 + off;
        BOOST_TEST(stripe.objection(r) == "");
    }
    r.at = 1700000301;
    BOOST_TEST(stripe.objection(r) == "it was signed 301 s ago, the limit is 300 s");
    r.at = 1699999699;
    BOOST_TEST(stripe.objection(r) == "it was signed 301 s ahead of our clock, the limit is 300 s");
    r.message.headers = {{"Stripe-Signature",
                          "t=9223372036854775807,v1="
                          "5f922b94e3388cc4ab4321b142f36bf89108892b157ba1c2137e1d2a752a1441"}};
    BOOST_TEST(stripe.objection(r).ends_with(" s ahead of our clock, the limit is 300 s"));
    r.message.headers = {{"Stripe-Signature", "t=1700000000,v1=" + dot}};
    const verifying patient(R"({"kind":"stripe","key_file":"key","age":"1h"})");
    r.at = 1700003600;
    BOOST_TEST(patient.objection(r) == "");
    signed_request old = published[0].request();
    old.at = 4000000000;
    BOOST_TEST(verifying::of("sendgrid", sendgrid_key).objection(old) == "");
}

// Twilio may sign the URL with or without the port of its scheme.
BOOST_AUTO_TEST_CASE(ports) {
    signed_request r = published[7].request();
    const verifying twilio = verifying::of("twilio", "12345");
    r.url = "https://mycompany.com:443/myapp.php?foo=1&bar=2";
    BOOST_TEST(twilio.objection(r) == "");
    r.url = "https://mycompany.com:8443/myapp.php?foo=1&bar=2";
    BOOST_TEST(twilio.objection(r) == "X-Twilio-Signature fits no key");
    r.url = "http://mycompany.com/myapp.php?foo=1&bar=2";
    BOOST_TEST(twilio.objection(r) == "X-Twilio-Signature fits no key");
    using urls = std::vector<std::string>;
    BOOST_TEST((components::spellings_of("http://[::1]/p") ==
                urls{"http://[::1]/p", "http://[::1]:80/p"}));
    BOOST_TEST((components::spellings_of("http://[::1]:80/p") ==
                urls{"http://[::1]:80/p", "http://[::1]/p"}));
    BOOST_TEST((components::spellings_of("https://h:80") == urls{"https://h:80"}));
}

// Twilio does not sign a body that is no form: the signed URL must name its hash.
BOOST_AUTO_TEST_CASE(bodies_of_twilio) {
    const verifying twilio = verifying::of("twilio", "12345");
    signed_request r = published[7].request();
    r.message.headers[0].second = "application/json";
    BOOST_TEST(twilio.objection(r) ==
               "the body is no plain form, and bodySHA256 in the URL is not its hash");
    // Where it does, the hash is that of the body, whatever that is: without this the signature
    // of the URL would be good for an empty body, and for a form without fields.
    r = published[8].request();
    BOOST_TEST(twilio.objection(r) == "");
    for (const std::string body : {"", "&&&"}) {
        r.message.body = body;
        for (const std::string type : {"application/x-www-form-urlencoded", "application/json"}) {
            r.message.headers[0].second = type;
            BOOST_TEST(twilio.objection(r) ==
                       "the body is no plain form, and bodySHA256 in the URL is not its hash");
        }
    }
    r = published[7].request();
    r.url = "https://h.example/x";
    // Repeated fields count once, and are sorted by value too: made by Python.
    r.message.body = "b=&a=2&a=1&a=2";
    r.message.headers[1].second = "/C3hZW6a125xss8FN4CFUX1/0QQ=";
    BOOST_TEST(twilio.objection(r) == "");
}

// A form of millions of fields is not taken apart.
BOOST_AUTO_TEST_CASE(a_form_of_many_fields) {
    signed_request r = published[7].request();
    r.message.body = "a";
    for (int n = 0; n < 5000; ++n) r.message.body += "&a";
    BOOST_TEST(verifying::of("twilio", "12345").objection(r) ==
               "the body is no plain form, and bodySHA256 in the URL is not its hash");
}

// HubSpot signs the URL without the port of its scheme; a proxy may name it.
BOOST_AUTO_TEST_CASE(a_port_in_the_url_of_hubspot) {
    const auto row = std::ranges::find(made, "hubspot", &vector::kind);
    signed_request r = row->request();
    r.url.insert(r.url.find("/hub"), ":443");
    BOOST_TEST(verifying::of("hubspot").objection(r) == "");
}

// Of the URL that HubSpot signs the escapes behind the host are undone alone, and no others than it
// lists.
BOOST_AUTO_TEST_CASE(escapes_in_the_url_of_hubspot) {
    const verifying plain(
        R"({"kind":"hmac","key_file":"key","signature":"header:S","signs":"{plain_url}"})");
    const auto fits = [&](const std::string& url, const std::string& as_signed) {
        signed_request r;
        r.url = url;
        r.message.headers = {
            {"S", components::to_hex(components::hmac(EVP_sha256(), key, as_signed))}};
        return plain.objection(r) == "";
    };
    BOOST_TEST(fits("https://h/%2fa%3A%25%20?x=%40%3d", "https://h//a:%25%20?x=@%3d"));
    BOOST_TEST(fits("https://a%2Fb%3a/c%2Fd", "https://a%2Fb%3a/c/d"));
    BOOST_TEST(!fits("https://a%2Fb/c", "https://a/b/c"));
    BOOST_TEST(fits("https://a%40b?x=%40", "https://a%40b?x=@"));
}

// What is signed is one text. Nobody moves a piece of one part into the next.
BOOST_AUTO_TEST_CASE(seams) {
    const auto signature_of = [](const std::string& text) {
        return components::to_hex(components::hmac(EVP_sha256(), key, text));
    };
    const verifying dotted(
        R"({"kind":"hmac","key_file":"key","signature":"header:S","timestamp":"header:T",)"
        R"("signs":"{header:Id}.{timestamp}.{body}"})");
    signed_request r;
    r.message.headers = {{"Id", "1"}, {"T", "1600000000"}, {"S", ""}};
    r.message.body = "x.1700000000.y";
    r.message.headers[2].second = signature_of("1.1600000000.x.1700000000.y");
    BOOST_TEST(dotted.objection(r) == "");
    r.message.headers[0].second = "1.1600000000.x";
    r.message.headers[1].second = "1700000000";
    r.message.body = "y";
    BOOST_TEST(dotted.objection(r) == "Id is not of its form");

    const verifying joined(
        R"({"kind":"hmac","key_file":"key","signature":"header:S","timestamp":"header:T",)"
        R"("signs":"{timestamp}{body}"})");
    r.message.headers = {{"T", "1600000000"}, {"S", signature_of("1600000000[1]")}};
    r.message.body = "[1]";
    BOOST_TEST(joined.objection(r) == "");
    r.message.headers[0].second = "160000000";
    r.message.body = "0[1]";
    BOOST_TEST(joined.objection(r) == "T is not of its form");

    r.message.headers = {{"T", "1600000000123"}, {"S", signature_of("1600000000123[1]")}};
    r.message.body = "[1]";
    BOOST_TEST(joined.objection(r) == "");
    r.message.headers[0].second = "1600000000";
    r.message.body = "123[1]";
    BOOST_TEST(joined.objection(r) == "T is not of its form");
}

// A piece of the body stands in the URL.
BOOST_AUTO_TEST_CASE(seam_of_the_url) {
    for (const char* kind : {"square", "hubspot"}) {
        const auto& all = std::string(kind) == "square" ? published : made;
        signed_request r = std::ranges::find(all, kind, &vector::kind)->request();
        r.url += r.message.body.substr(0, 1);
        r.message.body.erase(0, 1);
        BOOST_TEST(
            verifying::of(kind, kind == std::string("square") ? "Ibxx_5AKakO-3qeNVR61Dw" : key)
                .objection(r) == "the body is no JSON object or array");
    }
}

BOOST_AUTO_TEST_CASE(seam_of_a_date) {
    const auto row = std::ranges::find(made, "zendesk", &vector::kind);
    signed_request r = row->request();
    std::string& date = r.message.headers[0].second;
    r.message.body = "Z" + r.message.body;
    date.pop_back();
    BOOST_TEST(verifying::of("zendesk").objection(r) ==
               "X-Zendesk-Webhook-Signature-Timestamp is not of its form");
    r = row->request();
    r.message.headers[0].second += r.message.body.front();
    r.message.body.erase(0, 1);
    BOOST_TEST(verifying::of("zendesk").objection(r) ==
               "X-Zendesk-Webhook-Signature-Timestamp is not of its form");
}

// The reason names the field, and never what stood in it.
BOOST_AUTO_TEST_CASE(reasons) {
    signed_request r = made[0].request();
    const verifying gitea = verifying::of("gitea");
    r.message.headers[0].second = "secret-looking";
    BOOST_TEST(gitea.objection(r) == "X-Gitea-Signature holds no signature in hex");
    r.message.headers[0].second = hex.substr(2);
    BOOST_TEST(gitea.objection(r) == "X-Gitea-Signature fits no key");
    r.message.headers[0].second = "";
    BOOST_TEST(gitea.objection(r) == "X-Gitea-Signature holds no signature in hex");
    signed_request in_body;
    in_body.message.body = "no JSON";
    BOOST_TEST(verifying::of("mailgun").objection(in_body) ==
               "/signature/signature of the body is missing");
    signed_request no_time = made[7].request();
    no_time.message.headers.erase(no_time.message.headers.begin());
    BOOST_TEST(verifying::of("zoom").objection(no_time) == "x-zm-request-timestamp is missing");
}

// What a provider's JSON may hold and JavaScript reads: a text that was cut within an emoji, and
// many levels.
BOOST_AUTO_TEST_CASE(odd_json) {
    const verifying microsoft = verifying::of("microsoft", "state");
    signed_request r;
    for (const std::string more : {R"("\ud83d")", R"("\ud83d\ude00")", "1e400", "[[[[1]]]]"}) {
        r.message.body = R"({"value":[{"x":)" + more + R"(,"clientState":"state"}]})";
        BOOST_TEST(microsoft.objection(r) == "", more);
    }
    r.message.body = R"({"value":[{"clientState":"state","x":)" + std::string(40, '[') +
                     std::string(40, ']') + "}]}";
    BOOST_TEST(microsoft.objection(r) == "");
}

// With another last character, and with rubbish of any length, it is refused.
BOOST_AUTO_TEST_CASE(wrong_signatures) {
    for (const auto* vectors : {&published, &made})
        for (const vector& v : *vectors) {
            signed_request r = v.request();
            if (r.message.headers.empty()) continue;
            change_last_character(r.message.headers.back().second);
            BOOST_TEST(verifying::of(v.kind, v.key).objection(r) != "", v.kind);
        }
    const verifying sendgrid = verifying::of("sendgrid", sendgrid_key);
    signed_request r = published[0].request();
    std::string commas(100000, ',');
    for (const std::string& bad : {std::string(), std::string("AAAA"), std::string("MEUC"), commas,
                                   std::string(10000, 'A')}) {
        r.message.headers[0].second = bad;
        BOOST_TEST(sendgrid.objection(r) != "");
    }
}

BOOST_AUTO_TEST_SUITE_END()
