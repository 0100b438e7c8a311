// Shows that all bytes are unchanged after base64, and that other text is refused.
#include "supe/text/base64.hpp"

#include <boost/test/unit_test.hpp>

namespace {

std::string encoded(std::string_view bytes) {
    std::string out = "before ";
    supe::append_base64(out, bytes);
    return out.substr(7);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(base64)

// The examples of RFC 4648 §10.
BOOST_AUTO_TEST_CASE(examples) {
    const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : examples) {
        BOOST_TEST(encoded(bytes) == text);
        BOOST_TEST(supe::from_base64(text).value() == bytes);
    }
}

// All bytes, at every length.
BOOST_AUTO_TEST_CASE(all_bytes) {
    std::string bytes;
    for (int c = 0; c < 512; ++c) {
        bytes += static_cast<char>(c * 7);
        BOOST_TEST((supe::from_base64(encoded(bytes)).value() == bytes));
    }
}

// Blanks, missing or misplaced padding, and other alphabets are refused.
BOOST_AUTO_TEST_CASE(what_is_refused) {
    using namespace std::string_literals;
    for (const std::string& text : {"Zg"s, "Zg="s, "Zg==="s, "Z==="s, "===="s, "Zg==Zg=="s,
                                    "Zm9v\n\n\n\n"s, "    Zm9v"s, "Zm-_"s, "Zm9v\0\0\0\0"s,
                                    "Zm\xff"
                                    "v"s,
                                    "Zm9vZg"s})
        BOOST_TEST(!supe::from_base64(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
