// Shows our signatures on deliveries: those of Standard Webhooks.
#include "components/http/webhook_signer.hpp"
#include "components/http/destination.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

namespace {

using signer = components::webhook_signer;

const char* const published_key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What is wrong with a key.
std::string fault_of(const std::string& key) {
    try {
        signer{key};
        return "";
    } catch (const std::runtime_error& e) {
        return e.what();
    }
}

std::string fault_of_file(const std::filesystem::path& file) {
    try {
        signer::of_file(file);
        return "";
    } catch (const std::runtime_error& e) {
        return e.what();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_signer)

// The example that the specification's own libraries test.
BOOST_AUTO_TEST_CASE(the_published_example) {
    const auto at = std::chrono::system_clock::from_time_t(1614265330);
    const components::http_fields fields =
        signer(published_key).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", R"({"test": 2432232314})", at);
    BOOST_TEST(
        (fields == components::http_fields{
                       {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                       {"webhook-timestamp", "1614265330"},
                       {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}));
}

// A key of another form is refused, and not shown.
BOOST_AUTO_TEST_CASE(keys) {
    const std::string expected = "must be whsec_ and 24 to 64 bytes in base64";
    BOOST_TEST(fault_of(published_key) == "");
    BOOST_TEST(fault_of("whsec_" + std::string(32, 'A')) == "");
    for (const char* bad :
         {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqr",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8 KYqrTwjUPD8ILPZI",
          "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
        BOOST_TEST(fault_of(bad) == expected, bad);
    BOOST_TEST(fault_of("whsec_" + std::string(88, 'A')) == expected);
}

// A file of a key may end with a line end; what is wrong with one names it.
BOOST_AUTO_TEST_CASE(files) {
    const support::temporary_directory d{support::in_memory()};
    const auto file = d / "key";
    support::write_file(file, std::string(published_key) + "\n");
    BOOST_TEST(fault_of_file(file) == "");
    support::write_file(file, std::string(published_key) + "\n\nmore");
    BOOST_TEST(fault_of_file(file) ==
               file.string() + ": the key must be whsec_ and 24 to 64 bytes in base64");
    BOOST_TEST(fault_of_file(d / "none") == (d / "none").string() + ": No such file or directory");
}

// The sender's own signature fields, in any spelling, give way to ours.
BOOST_AUTO_TEST_CASE(replaces_the_senders) {
    components::webhook w;
    w.id = "01HZX";
    w.method = "POST";
    w.target = "/";
    w.headers = {{"Webhook-Id", "theirs"},
                 {"WEBHOOK_TIMESTAMP", "theirs"},
                 {"webhook-signature", "theirs"},
                 {"webhook-other", "kept"}};
    w.body = "hello";
    const auto to = components::parse_destination("http://app");
    const auto fields = signer(published_key).sign(w.id, w.body, {});
    const std::string head =
        components::delivery_head(to, w, 1, components::path_rule::appended, fields);
    BOOST_TEST(head.find("theirs") == head.npos, head);
    BOOST_TEST(head.find("webhook-other: kept\r\n") != head.npos, head);
    BOOST_TEST(head.find("webhook-id: 01HZX\r\nwebhook-timestamp: 0\r\nwebhook-signature: v1,") !=
                   head.npos,
               head);
    const std::string unsigned_head = components::delivery_head(to, w, 1);
    BOOST_TEST(unsigned_head.find("WEBHOOK_TIMESTAMP: theirs\r\n") != head.npos, unsigned_head);
}

BOOST_AUTO_TEST_SUITE_END()
