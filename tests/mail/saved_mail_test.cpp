// A mail as a line of a saved mailbox: written, and read again.
#include "supe/mail/saved_mail.hpp"

#include <boost/test/unit_test.hpp>

using supe::read_saved_mail;

namespace {

std::string line_of(const supe::saved_mail& mail, std::string_view recipient) {
    std::string text;
    supe::append_saved_mail(text, mail.view(), recipient);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_mail)

// Each byte of the message and of the members that we don't know comes back, whatever is in a key.
BOOST_AUTO_TEST_CASE(comes_back) {
    supe::saved_mail mail;
    mail.id = "k-\"1";
    mail.from = "/dam/web";
    mail.msg = R"({"n": 1.50,"big":12345678901234567890123,"u":"\ud800"})";
    mail.extras = R"(,"a\"b":1,"new\nline":[1, 2],"back\\":{"x" : 1.0},"re":"c-1")";
    mail.attempt = 3;
    const std::string line = line_of(mail, "w");
    BOOST_TEST(line == R"({"id":"k-\"1","from":"/dam/web","attempt":3,"msg":)" + mail.msg +
                           mail.extras + "}\n");
    supe::saved_mail read;
    BOOST_TEST(read_saved_mail(line, read) == "");
    BOOST_TEST(read.id == mail.id);
    BOOST_TEST(read.from == mail.from);
    BOOST_TEST(read.msg == mail.msg);
    BOOST_TEST(read.extras == mail.extras);
    BOOST_TEST(read.attempt == 3u);
    BOOST_TEST(read.instance == 0u);
    BOOST_TEST(read.view().answer);
}

// An instance stands in `to`, which goes on as no member of the mail.
BOOST_AUTO_TEST_CASE(of_one_instance) {
    supe::saved_mail mail, read;
    mail.id = "1";
    mail.msg = "7";
    const std::string line = line_of(mail, "w.12");
    BOOST_TEST(line == "{\"id\":\"1\",\"from\":\"\",\"attempt\":0,\"to\":\"w.12\",\"msg\":7}\n");
    BOOST_TEST(read_saved_mail(line, read) == "");
    BOOST_TEST(read.instance == 12u);
    BOOST_TEST(read.extras == "");
    BOOST_TEST(!read.view().answer);
}

// Anything else is none, and the reason says what is missing.
BOOST_AUTO_TEST_CASE(no_saved_mail) {
    supe::saved_mail read;
    for (const char* bad :
         {"", "nonsense", "[1]", R"({"id":"1"})", R"({"msg":1})", R"({"id":1,"msg":1})",
          R"({"id":"1","msg":1)", R"({"id":"1","msg":1}x)", "{\"id\":\"1\",\"msg\":\"\xff\"}"})
        BOOST_TEST(
            read_saved_mail(bad, read) == "no saved mail: must be a JSON object with id and msg",
            bad);
    for (const char* bad : {"1", "\"w\"", "\"w.\"", "\"w.0\"", "\"w.1x\""})
        BOOST_TEST(read_saved_mail(R"({"id":"1","msg":1,"to":)" + std::string(bad) + "}", read)
                       .starts_with("no saved mail: its `to`"),
                   bad);
    BOOST_TEST(read_saved_mail(R"({"type":"2","id":"1","msg":1})", read) ==
               "a newer version of this program wrote it");
}

// What anybody may have written as its attempts is bounded.
BOOST_AUTO_TEST_CASE(attempts) {
    supe::saved_mail read;
    for (const auto& [text, attempt] :
         {std::pair("7", 7u), {"4000000000", 1000u}, {"-1", 0u}, {"\"1\"", 0u}, {"1e3", 0u}}) {
        BOOST_TEST(read_saved_mail(R"({"id":"1","msg":1,"attempt":)" + std::string(text) + "}",
                                   read) == "");
        BOOST_TEST(read.attempt == attempt, text);
    }
}

BOOST_AUTO_TEST_SUITE_END()
