// Shows that the questions of providers are answered as they expect, and those of others not.
#include "components/webhook/digests.hpp"
#include "supe/text/base64.hpp"
#include "tests/support/signed_request.hpp"

#include <openssl/evp.h>
#include <boost/test/unit_test.hpp>

using support::signed_request;
using support::verifying;

namespace {

signed_request get(const std::string& target) {
    signed_request r;
    r.message.method = "GET";
    r.message.target = target;
    return r;
}

signed_request post(const std::string& body, components::http_fields headers = {}) {
    signed_request r;
    r.message.body = body;
    r.message.headers = std::move(headers);
    return r;
}

/// `STATUS TYPE TEXT`, or `none`.
std::string shown(const std::optional<components::http_answer>& answer) {
    if (!answer) return "none";
    return std::to_string(answer->status) + " " + answer->type + " " + answer->text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(challenge)

// The challenge goes back where the verify token is ours, whatever order the query has.
BOOST_AUTO_TEST_CASE(meta) {
    const verifying meta(R"({"kind":"meta","key_file":"key","token_file":"key2"})", "secret",
                         "my token");
    const std::string mode = "/hooks?hub.mode=subscribe&hub.challenge=1158201444";
    BOOST_TEST(shown(meta.challenge(get(mode + "&hub.verify_token=my%20token"))) ==
               "200 text/plain 1158201444");
    BOOST_TEST(shown(meta.challenge(get(mode + "&hub.verify_token=other"))) ==
               "403 text/plain the verify token is another one\n");
    BOOST_TEST(shown(meta.challenge(get(mode))).starts_with("403"));
    BOOST_TEST(shown(meta.challenge(get("/hooks"))) == "none");
    BOOST_TEST(shown(meta.challenge(post("{}"))) == "none");
}

// The example of X's own gist: its token and its secret; the answer by Python.
BOOST_AUTO_TEST_CASE(x) {
    const verifying x = verifying::of("x", "z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0hLrFu");
    BOOST_TEST(
        shown(x.challenge(get("/h?crc_token=9b4507b3-9040-4669-9ca3-6b94edb50553"))) ==
        R"(200 application/json {"response_token":"sha256=Cytd4Sq+NvEcV3MMrXxWJGJx5A+y/lXzzU2Maartkx8="})");
    BOOST_TEST(shown(x.challenge(get("/h?crc_token="))) == "none");
    // No question makes us sign a webhook for a stranger, or the text before one (Zoom's `v0:`).
    for (const std::string webhook : {"%7B%22a%22:1%7D", "v0:1700000000:", "a%20b", "%22a%22"})
        BOOST_TEST(shown(x.challenge(get("/h?crc_token=" + webhook))) == "none", webhook);
    std::string signature = "sha256=";
    supe::append_base64(signature, components::hmac(EVP_sha256(),
                                                    "z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0"
                                                    "hLrFu",
                                                    "4242"));
    auto token_as_webhook = post("4242");
    token_as_webhook.message.headers.emplace_back("X-Twitter-Webhooks-Signature", signature);
    BOOST_TEST(x.objection(token_as_webhook) == "the body is no JSON object");
    BOOST_TEST(shown(x.challenge(get("/h?crc_token=" + std::string(257, 'a')))) == "none");
}

// Text comes back as text that no browser takes for a page.
BOOST_AUTO_TEST_CASE(dropbox) {
    const verifying dropbox = verifying::of("dropbox");
    const auto answer = dropbox.challenge(get("/h?challenge=%3Cb%3Eabc"));
    BOOST_TEST(shown(answer) == "200 text/plain <b>abc");
    BOOST_TEST((answer->headers == components::http_fields{{"X-Content-Type-Options", "nosniff"}}));
    BOOST_TEST(shown(dropbox.challenge(get("/h?challenge=" + std::string(5000, 'x')))) == "none");
    signed_request webhook = get("/h?challenge=abc");
    webhook.message.method = "POST";
    BOOST_TEST(shown(dropbox.challenge(webhook)) == "none");
}

// Slack and Zoom sign their question; one that is not signed gets no answer, and so 401.
BOOST_AUTO_TEST_CASE(signed_ones) {
    const std::string question = R"({"type":"url_verification","challenge":)"
                                 R"("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"})";
    const verifying slack = verifying::of("slack");
    signed_request r =
        post(question, {{"X-Slack-Request-Timestamp", "1700000000"},
                        {"X-Slack-Signature",
                         "v0=f815c721ebb5b2c6bea9dfa4e6f23cdf8eab0b9976c37b88e9c03e6202f5d221"}});
    BOOST_TEST(shown(slack.challenge(r)) ==
               "200 text/plain 3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
    r.message.body += " ";
    BOOST_TEST(shown(slack.challenge(r)) == "none");
    BOOST_TEST(slack.objection(r) == "X-Slack-Signature fits no key");

    const verifying zoom = verifying::of("zoom");
    r = post(
        R"({"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}})",
        {{"x-zm-request-timestamp", "1700000000"},
         {"x-zm-signature",
          "v0=2d6be19f5b5736de3645d2cda8c00fa3ecb841b9b28069474f4fe47013fe5ef9"}});
    BOOST_TEST(shown(zoom.challenge(r)) ==
               R"(200 application/json {"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":)"
               R"("5e61afcf5611d0c93d20f39368301c2fc88739d51abffad5c95c1ba5ed051050"})");
}

// PING of an endpoint for interactions, and of one for events; one that is not signed gets no
// answer. (Signed by openssl.)
BOOST_AUTO_TEST_CASE(discord) {
    const verifying discord = verifying::of(
        "discord", "cef1fc8dc8555b9c4cfbc27aa9d95504bc9275d53e881e6af306b72e48fdf1cc");
    const auto signed_by = [](const std::string& body, const std::string& signature) {
        return post(body,
                    {{"X-Signature-Timestamp", "1700000000"}, {"X-Signature-Ed25519", signature}});
    };
    BOOST_TEST(shown(discord.challenge(signed_by(
                   R"({"type":1})",
                   "b9f96c1ceb8e5a05e9487cea3b6a16c1b20d19f9e57ba047066e47dd5c22cfa8"
                   "3f14149b870cf3bcf9807622b584205d7c8ca8db4cc9b0d78f38ab1782d49b09"))) ==
               R"(200 application/json {"type":1})");
    BOOST_TEST(shown(discord.challenge(signed_by(
                   R"({"type":0})",
                   "1f65b085e79b50db9caf32d281a5e4fa65123198c01a27b8d8f05d943fa78a41"
                   "1a9ffb9b606b6776bdded67c061060ef69d2a58f7400e08c7bdd35d0e0a6270f"))) ==
               "204 text/plain ");
    BOOST_TEST(shown(discord.challenge(post(R"({"type":1})"))) == "none");
    // An event has this type too.
    const signed_request event =
        signed_by(R"({"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}})",
                  "12e95313067e5a60bb4e8ade9f4447c2e03699a7a189e6256ff4d07f74c2a0aa"
                  "5fabb9647123d2bef22df2d36713bff451bfb4d9acbe1cafa9d2678e19f7f901");
    BOOST_TEST(discord.objection(event) == "");
    BOOST_TEST(shown(discord.challenge(event)) == "none");
}

BOOST_AUTO_TEST_CASE(microsoft) {
    const verifying graph = verifying::of("microsoft");
    signed_request r = post("");
    r.message.target = "/h?validationToken=Validation%3a+Testing+client+application";
    BOOST_TEST(shown(graph.challenge(r)) ==
               "200 text/plain Validation: Testing client application");
    BOOST_TEST(shown(graph.challenge(post(R"({"value":[]})"))) == "none");
}

// By POST in the schema of Event Grid, by OPTIONS in that of CloudEvents.
BOOST_AUTO_TEST_CASE(eventgrid) {
    const verifying grid = verifying::of("eventgrid");
    BOOST_TEST(
        shown(grid.challenge(post(
            R"([{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}])"))) ==
        R"(200 application/json {"validationResponse":"512d38b6"})");
    BOOST_TEST(shown(grid.challenge(post(R"([{"eventType":"other","data":{}}])"))) == "none");
    signed_request r = post("", {{"WebHook-Request-Origin", "eventgrid.azure.net"}});
    BOOST_TEST(shown(grid.challenge(r)) == "none");
    r.message.method = "OPTIONS";
    const auto answer = grid.challenge(r);
    BOOST_TEST((answer->headers ==
                components::http_fields{{"WebHook-Allowed-Origin", "eventgrid.azure.net"},
                                        {"WebHook-Allowed-Rate", "*"}}));
}

// A kind without a challenge answers none.
BOOST_AUTO_TEST_CASE(none) {
    BOOST_TEST(shown(verifying::of("github").challenge(get("/h?challenge=1"))) == "none");
}

BOOST_AUTO_TEST_SUITE_END()
