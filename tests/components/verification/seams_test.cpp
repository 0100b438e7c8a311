// Shows that a signature is good for one request alone: no piece of what was signed moves into
// another part, and no second field of a signed name comes along.
#include "components/webhook/digests.hpp"
#include "tests/support/signed_request.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <boost/test/unit_test.hpp>

using components::http_fields;
using support::signed_request;
using support::verifying;

namespace {

const std::string secret = "made for this test";
const std::string site = "https://h.example";

/// `more` settings of kind `hmac`, whose signature is the header S.
verifying with_columns(const std::string& more) {
    return verifying(R"({"kind":"hmac","key_file":"key","signature":"header:S",)" + more + "}");
}

signed_request request(const std::string& target, std::string body, const std::string& text,
                       http_fields more = {}) {
    signed_request r;
    r.message.target = target;
    r.url = site + target;
    r.message.body = std::move(body);
    r.message.headers = std::move(more);
    r.message.headers.emplace_back(
        "S", components::to_hex(components::hmac(EVP_sha256(), secret, text)));
    return r;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(seams)

// Twilio signs URL and form as one text: a form has some of it, and no name begins as an URL ends.
BOOST_AUTO_TEST_CASE(url_and_form) {
    const verifying twilio = with_columns(R"("signs":"{url}{form}")");
    const http_fields form{{"Content-Type", "application/x-www-form-urlencoded"}};
    const std::string text = site + "/a?x=1CallSidCA1";
    const auto said = [&](const char* target, const char* body) {
        return twilio.objection(request(target, body, text, form));
    };
    BOOST_TEST(said("/a?x=1", "CallSid=CA1") == "");
    const std::string no_form =
        "the body is no plain form, and bodySHA256 in the URL is not its hash";
    for (const char* body : {"", "&", "=", "&=&"})
        BOOST_TEST(said("/a?x=1CallSidCA1", body) == no_form, body);
    BOOST_TEST(said("/a", "%3Fx%3D1CallSid=CA1") == no_form);
    BOOST_TEST(said("/a?x", "%3D1CallSid=CA1") == no_form);
    BOOST_TEST(said("/", "a%3Fx%3D1CallSid=CA1") == no_form);
    const std::string empty = "/a?bodySHA256=" + components::to_hex(components::sha256(""));
    BOOST_TEST(twilio.objection(request(empty, "", site + empty)) == "");
}

// A URL holds not the character that ends it; in scheme and host it cannot end.
BOOST_AUTO_TEST_CASE(end_of_the_url) {
    for (const char* url : {"{url}", "{plain_url}"}) {
        for (const std::string end : {"|", ".", ":"}) {
            const verifying joined =
                with_columns(fmt::format(R"("signs":"{}{}{{body}}")", url, end));
            const std::string text = site + "/b/" + end + "pay" + end + "1";
            BOOST_TEST(joined.objection(request("/b/", "pay" + end + "1", text)) == "");
            BOOST_TEST(joined.objection(request("/b/" + end + "pay", "1", text)) ==
                       "the URL is not of its form");
        }
    }
}

// The destination may read the second one, which nobody signed.
BOOST_AUTO_TEST_CASE(signed_fields_that_are_there_twice) {
    const verifying header = with_columns(R"("signs":"{header:Id}.{body}")");
    BOOST_TEST(header.objection(request("/", "b", "1.b", {{"Id", "1"}})) == "");
    BOOST_TEST(header.objection(request("/", "b", "1.b", {{"Id", "1"}, {"iD", "2"}})) ==
               "Id is there twice");
    BOOST_TEST(header.objection(request("/", "b", "1.b", {{"Id", "1"}, {"X", "1"}, {"X", "2"}})) ==
               "");

    const verifying query = with_columns(R"("signs":"{query:id}.{body}")");
    BOOST_TEST(query.objection(request("/?id=1&x=2&x=3", "b", "1.b")) == "");
    BOOST_TEST(query.objection(request("/?id=1&%69d=2", "b", "1.b")) == "id is there twice");
    std::string far = "/?id=1";
    for (int n = 0; n < 5000; ++n) far += "&x";
    BOOST_TEST(query.objection(request(far, "b", "1.b")) == "");
    BOOST_TEST(query.objection(request(far + "&id=2", "b", "1.b")) == "id is there twice");

    // The time that stands in what is signed as a whole.
    const verifying time =
        with_columns(R"("signs":"{url}{body}","timestamp":"query:t","age":"5m")");
    const std::string once = "/?t=1700000000", twice = once + "&t=1";
    BOOST_TEST(time.objection(request(once, "b", site + once + "b")) == "");
    BOOST_TEST(time.objection(request(twice, "b", site + twice + "b")) == "t is there twice");

    const verifying named =
        with_columns(R"("signs":"{timestamp}.{body}","timestamp":"header:T","age":"5m")");
    const http_fields times{{"T", "1700000000"}, {"t", "1700000001"}};
    BOOST_TEST(named.objection(request("/", "b", "1700000000.b", times)) == "T is there twice");
}

BOOST_AUTO_TEST_SUITE_END()
