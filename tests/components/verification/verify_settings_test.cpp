// Shows what `verify` may say, what is wrong with a bad one, and with a bad key file.
#include "tests/support/signed_request.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using support::refusal_of;
using support::signed_request;
using support::verifying;

namespace {

bool says(const std::string& why, const std::string& what) {
    BOOST_TEST_INFO(why);
    return why.find(what) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(verify_settings)

// Anybody's scheme, by the columns of the table.
BOOST_AUTO_TEST_CASE(own_columns) {
    const verifying own(R"({"kind":"hmac","key_file":"key","signature":"header:X-Sig",
        "prefix":"v0=","signs":"v0:{header:X-At}:{body}","timestamp":"header:X-At","age":"5m"})");
    signed_request r;
    r.message.body = R"({"id":"evt_1","ok":true})";
    r.message.headers = {
        {"X-At", "1700000000"},
        {"X-Sig", "v0=647b6a7c90fbd9ab6f646c8d623e7b028db3de93055c8ffa432d83e1aa4bd6bf"}};
    BOOST_TEST(own.objection(r) == "");
    r.at += 301;
    BOOST_TEST(own.objection(r) == "it was signed 301 s ago, the limit is 300 s");

    const verifying sha512(R"({"kind":"hmac","key_file":"key","signature":"query:sig",
        "algorithm":"hmac-sha512","encoding":"hex"})");
    r.message.target =
        "/h?sig=c4898b6480368c353f087e0b7a766a45a8ba5f2a5ce9c84012d20c98c2d69cd3"
        "33e471cd775eb990dc4843b8b136d4a9bda54e3a5c59483bfccb568d92186035";
    BOOST_TEST(sha512.objection(r) == "");

    const verifying token(R"({"kind":"token","key_file":"key","signature":"query:secret"})");
    r.message.target = "/h?secret=made+for+this%20test";
    BOOST_TEST(token.objection(r) == "");
    r.message.target = "/h?secret=made";
    BOOST_TEST(token.objection(r) == "secret fits no key");
}

// What the settings say reaches the component as JSON, with whole paths, and means the same there.
BOOST_AUTO_TEST_CASE(round_trip) {
    for (const char* settings :
         {R"({"kind":"github","key_files":["key","key2"]})",
          R"({"kind":"meta","key_file":"/k/a","token_file":"key2"})",
          R"({"kind":"stripe","key_file":"key","age":"600s"})",
          R"({"kind":"hmac","key_file":"key","signature":"item:x","prefix":"a=","separator":";",
              "encoding":"base64","algorithm":"hmac-sha1","signs":"{url}{json:/a}{json:/t}",
              "timestamp":"json:/t","age":"60s"})"}) {
        components::verify_settings first, second;
        const auto read = [](const std::string& text, components::verify_settings& into) {
            supe::read_config_text(text, "f", [&into](auto& in, auto& v) {
                into = components::read_verify(in, v, "/base");
            });
        };
        read(settings, first);
        const auto json = components::to_json(first);
        read(boost::json::serialize(json), second);
        BOOST_TEST(components::to_json(second) == json);
        BOOST_TEST((first.key_files == second.key_files));
        BOOST_TEST(first.key_files.front().is_absolute());
        BOOST_TEST((first.how.age == second.how.age));
    }
}

// Errors name the place, the value and the choices.
BOOST_AUTO_TEST_CASE(refusals) {
    BOOST_TEST(says(refusal_of(R"("github")"), R"(must be an object like {"kind")"));
    BOOST_TEST(says(refusal_of(R"({"key_file":"key"})"), "kind is missing: one of sendgrid, "));
    BOOST_TEST(says(refusal_of(R"({"kind":"hithub","key_file":"key"})"),
                    R"(relay.json:1:9: kind: "hithub" is not one of sendgrid, standard)"));
    BOOST_TEST(says(refusal_of(R"({"kind":"github"})"),
                    "needs key_file, or key_files with one or two of them"));
    BOOST_TEST(says(refusal_of(R"({"kind":"github","key_file":"key","key_files":["key2"]})"),
                    "needs key_file, or key_files"));
    BOOST_TEST(says(refusal_of(R"({"kind":"github","key_files":["a","b","c"]})"),
                    "key_files: must be one or two files"));
    BOOST_TEST(says(refusal_of(R"({"kind":"github","key_file":"key","prefix":"x"})"),
                    R"("prefix" is not one of kind, key_file, key_files)"));
    BOOST_TEST(says(refusal_of(R"({"kind":"github","key_file":"key","age":"5m"})"),
                    R"("age" is not one of kind)"));
    BOOST_TEST(says(refusal_of(R"({"kind":"meta","key_file":"key"})"), "needs token_file"));
    BOOST_TEST(says(refusal_of(R"({"kind":"hmac","key_file":"key"})"), "signature is missing"));
    const std::string hmac = R"({"kind":"hmac","key_file":"key","signature":"header:X",)";
    BOOST_TEST(says(refusal_of(hmac + R"("signs":"{timestamp}{body}"})"),
                    "signs: must be text with one or more of {body}"));
    BOOST_TEST(says(refusal_of(hmac + R"("signs":"{bdy}"})"), "signs: must be text with"));
    BOOST_TEST(says(refusal_of(hmac + R"("signs":"body"})"), "signs: must be text with"));
    BOOST_TEST(says(refusal_of(hmac + R"("signs":"{body"})"), "signs: must be text with"));
    BOOST_TEST(says(refusal_of(hmac + R"("age":"5m"})"), "age: there is no timestamp"));
    BOOST_TEST(says(refusal_of(hmac + R"("timestamp":"header:T","age":"5m"})"),
                    "relay.json:1:79: age: the time is not signed, and anybody could write another "
                    "one: `signs` needs {timestamp}"));
    BOOST_TEST(says(refusal_of(hmac + R"("separator":"; "})"), "separator: must be one character"));
    BOOST_TEST(says(refusal_of(hmac + R"("timestamp":"X"})"),
                    "timestamp: must be one of header:NAME, item:PREFIX, json:/POINTER"));
    BOOST_TEST(says(refusal_of(hmac + R"("algorithm":"md5"})"),
                    R"("md5" is not one of hmac-sha256, hmac-sha512, hmac-sha1)"));
}

// The time of an age is signed by its name, as a source, or within the body or the URL.
BOOST_AUTO_TEST_CASE(signed_times) {
    const auto with = [](const std::string& timestamp, const std::string& signs) {
        return refusal_of(R"({"kind":"hmac","key_file":"key","signature":"header:X","age":"5m",)"
                          R"("timestamp":")" +
                          timestamp + R"(","signs":")" + signs + R"("})");
    };
    BOOST_TEST(with("header:T", "{timestamp}{body}") == "accepted");
    BOOST_TEST(with("header:T", "{header:t}.{body}") == "accepted");
    BOOST_TEST(with("item:t=", "{item:t=}.{body}") == "accepted");
    BOOST_TEST(with("json:/t", "{body}") == "accepted");
    BOOST_TEST(with("query:t", "{url}{body}") == "accepted");
    BOOST_TEST(says(with("item:t=", "{body}"), "age: the time is not signed"));
    BOOST_TEST(says(with("query:t", "{method}{body}"), "age: the time is not signed"));
    BOOST_TEST(says(with("json:/t", "{url}{json:/T}"), "age: the time is not signed"));
}

// A key that is missing, empty or of another form: the file, and what it should hold.
BOOST_AUTO_TEST_CASE(key_files) {
    const auto with = [](const std::string& kind, const std::string& key) {
        return refusal_of(R"({"kind":")" + kind + R"(","key_file":"key"})", key);
    };
    BOOST_TEST(says(refusal_of(R"({"kind":"github","key_file":"nokey"})"),
                    "/nokey: No such file or directory"));
    BOOST_TEST(says(refusal_of(R"({"kind":"github","key_file":"."})"), "it is no regular file"));
    BOOST_TEST(says(with("github", ""), "/key: is empty, and must hold the secret as text"));
    BOOST_TEST(says(with("github", "\r\n\n"), "is empty"));
    BOOST_TEST(says(with("github", "\xef\xbb\xbf\r\n"), "is empty"));
    BOOST_TEST(with("standard", "\xef\xbb\xbfwhsec_c2VjcmV0") == "accepted");
    BOOST_TEST(says(with("github", std::string(20000, 'x')), "of at most 16 KiB"));
    BOOST_TEST(says(with("standard", "whsec_%%%"), "/key: must hold a secret in base64"));
    BOOST_TEST(says(with("standard", "whsec_"), "must hold a secret in base64"));
    BOOST_TEST(says(with("sendgrid", "made up"), "must hold a public key of the curve P-256"));
    BOOST_TEST(
        says(with("sendgrid", "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="),
             "must hold a public key of the curve P-256"));  // an Ed25519 key
    BOOST_TEST(says(with("discord", "abcd"), "must hold an Ed25519 public key of 64 hex digits"));
    BOOST_TEST(says(with("basic", "nobody"), "must hold USER:PASSWORD"));
    BOOST_TEST(with("sendgrid",
                    "-----BEGIN PUBLIC KEY-----\n"
                    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfS\n"
                    "mpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==\n"
                    "-----END PUBLIC KEY-----\n") == "accepted");
}

// The table as it is printed: a line for each kind, with what is needed to write it as `hmac`.
BOOST_AUTO_TEST_CASE(printed) {
    const std::string text = components::printed_table();
    BOOST_TEST(text.starts_with("kind "));
    BOOST_TEST(says(text, "header:Stripe-Signature"));
    BOOST_TEST(says(text, "{timestamp}.{body}"));
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    BOOST_TEST(lines == components::provider_table().size() + 1);
}

BOOST_AUTO_TEST_SUITE_END()
