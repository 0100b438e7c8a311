// Shows how often a text is hashed: once for a key, however many signatures a stranger sends with a
// large body. OpenSSL's HMAC is counted on its way.
#include "components/webhook/digests.hpp"
#include "tests/support/signed_request.hpp"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <boost/test/unit_test.hpp>

namespace {

int hmacs = 0;

}  // namespace

extern "C" unsigned char* HMAC(const EVP_MD* how, const void* key, int key_size,
                               const unsigned char* text, std::size_t size, unsigned char* out,
                               unsigned* out_size) {
    ++hmacs;
    static const auto real = reinterpret_cast<decltype(&::HMAC)>(::dlsym(RTLD_NEXT, "HMAC"));
    return real(how, key, key_size, text, size, out, out_size);
}

namespace {

const std::string secret = "made for this test";

/// PagerDuty's, which may send several signatures.
support::signed_request with_signatures(const std::string& one, int times,
                                        const std::string& last = {}) {
    support::signed_request r;
    r.message.body = std::string(100'000, 'x');
    std::string field;
    for (int i = 0; i < times; ++i) field += "v1=" + one + ",";
    r.message.headers = {{"X-PagerDuty-Signature", field + last}};
    return r;
}

/// Empty where it is verified, and how many times it was hashed for that.
std::pair<std::string, int> verified(const support::verifying& by,
                                     const support::signed_request& r) {
    const int before = hmacs;
    std::string why = by.objection(r);
    return {std::move(why), hmacs - before};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proofs)

// One that fits is found among fifteen that do not, and the text is hashed once.
BOOST_AUTO_TEST_CASE(once_for_all_signatures) {
    const auto pagerduty = support::verifying::of("pagerduty", secret);
    const std::string wrong(64, 'a');
    const auto refused = verified(pagerduty, with_signatures(wrong, 16));
    BOOST_TEST(refused.first == "X-PagerDuty-Signature fits no key");
    BOOST_TEST(refused.second == 1);
    const auto r = with_signatures(wrong, 15);
    const std::string good = components::to_hex(
        components::hmac(::EVP_sha256(), secret, std::string_view(r.message.body)));
    const auto accepted = verified(pagerduty, with_signatures(wrong, 15, "v1=" + good));
    BOOST_TEST(accepted.first == "");
    BOOST_TEST(accepted.second == 1);
}

// What cannot be a signature, by its length, costs nothing.
BOOST_AUTO_TEST_CASE(never_for_another_length) {
    const auto pagerduty = support::verifying::of("pagerduty", secret);
    for (const std::size_t digits : {2u, 62u, 66u, 128u}) {
        const auto refused = verified(pagerduty, with_signatures(std::string(digits, 'a'), 15));
        BOOST_TEST(refused.first == "X-PagerDuty-Signature fits no key");
        BOOST_TEST(refused.second == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
