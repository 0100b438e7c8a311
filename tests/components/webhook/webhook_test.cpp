// Shows that what is kept of a webhook is what came, byte for byte, and that nothing concerns the
// connection it came by.
#include "components/webhook/webhook.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <random>

using namespace std::chrono_literals;
using components::http_fields;

namespace {

components::webhook sample() {
    return {"01HZX",     1700000000123, "POST", "/a?b=c", {{"Content-Type", "text/plain"}},
            "192.0.2.1", "hello"};
}

components::webhook there_and_back(const components::webhook& w) {
    const std::string text = components::to_json(w);
    return components::webhook_from_json(text);
}

void check_same(const components::webhook& a, const components::webhook& b) {
    BOOST_TEST(a.id == b.id);
    BOOST_TEST(a.received_at == b.received_at);
    BOOST_TEST(a.method == b.method);
    BOOST_TEST((a.target == b.target));
    BOOST_TEST((a.headers == b.headers));
    BOOST_TEST(a.remote == b.remote);
    BOOST_TEST((a.body == b.body));
}

std::string names(const http_fields& fields) {
    std::string text;
    for (const auto& [name, value] : fields) text += name + "=" + value + ";";
    return text;
}

std::string fault(const std::string& text) {
    try {
        components::webhook_from_json(text);
    } catch (const std::exception& e) {
        return e.what();
    }
    return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook)

// The shape that the queue and operators see.
BOOST_AUTO_TEST_CASE(one_object_with_the_id_first) {
    BOOST_TEST(components::to_json(sample()) ==
               R"({"id":"01HZX","received_at":1700000000123,"method":"POST","target":"/a?b=c",)"
               R"("headers":[["Content-Type","text/plain"]],"remote":"192.0.2.1","text":"hello"})");
}

// A body is text where it is no longer so than in base64. What an earlier version stored is read
// all the same.
BOOST_AUTO_TEST_CASE(bodies) {
    const auto stored = [](std::string body) {
        components::webhook w = sample();
        w.body = std::move(body);
        const std::string text = components::to_json(w);
        return text.substr(text.find(R"("192.0.2.1",)") + 12);
    };
    BOOST_TEST(stored("") == R"("text":""})");
    BOOST_TEST(stored(R"({"a":"b"})") == R"("body":"eyJhIjoiYiJ9"})");  // each quote has an escape
    BOOST_TEST(stored(R"({"a": 1, "b": [true]})") == R"("text":"{\"a\": 1, \"b\": [true]}"})");
    BOOST_TEST(stored("\xc3\xa4, a word") == "\"text\":\"\xc3\xa4, a word\"}");
    BOOST_TEST(stored("a word\xff") == R"("body":"YSB3b3Jk/w=="})");
    BOOST_TEST(stored(std::string(6, '\0')) == R"("body":"AAAAAAAA"})");
    const components::webhook old = components::webhook_from_json(
        R"({"id":"a","received_at":1,"method":"POST","target":"/","headers":[],"remote":"::1",)"
        R"("body":"aGVsbG8="})");
    BOOST_TEST(old.body == "hello");
}

// What is not there, and the usual, takes no room; the queue reads its own members first.
BOOST_AUTO_TEST_CASE(members_of_a_route) {
    components::webhook w = sample();
    w.route = "shop";
    w.order_key = "k\"1";
    w.dedupe_key = "d";
    w.verified = "github";
    w.proxied = true;
    w.secure = true;
    const std::string text = components::to_json(w);
    BOOST_TEST(text.starts_with(R"({"id":"01HZX","route":"shop","order_key":"k\"1",)"
                                R"("dedupe_key":"d","verified":"github","received_at":)"),
               text);
    const components::webhook back = there_and_back(w);
    BOOST_TEST(back.route == "shop");
    BOOST_TEST(back.order_key == "k\"1");
    BOOST_TEST(back.dedupe_key == "d");
    BOOST_TEST(back.verified == "github");
    BOOST_TEST((back.proxied && back.secure));
    const components::webhook plain = there_and_back(sample());
    BOOST_TEST(plain.route == "default");
    BOOST_TEST((plain.order_key.empty() && plain.verified.empty()));
    BOOST_TEST((!plain.proxied && !plain.secure));
}

// Every length and every byte of a body, and of what stands in the head.
BOOST_AUTO_TEST_CASE(bytes_come_back) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    for (std::size_t n = 0; n < 70; ++n) {
        components::webhook w = sample();
        w.body = all.substr(256 - n) + all.substr(0, n);
        check_same(there_and_back(w), w);
    }
    components::webhook w = sample();
    w.target = "/\"\\\xff\x80\xc3\xa4\t\x01?q=%00";
    w.headers = {{"X-A", "\xff\xfe"},
                 {"x-a", ""},
                 {"X-\"", "\\\"\x01\x7f"},
                 {"X-U", "\xc3\xa4\xed\xa0\x80"},
                 {"X-R", "\xef\xbf\xbd"}};
    w.method = "PATCH";
    w.body = all + std::string(100000, '\0') + all;
    check_same(there_and_back(w), w);
}

// The same with rubbish of any kind.
BOOST_AUTO_TEST_CASE(random_bytes_come_back) {
    std::mt19937_64 dice(7);
    const auto rubbish = [&](std::size_t most) {
        std::string text(dice() % most, '\0');
        for (char& c : text) {
            c = static_cast<char>(dice());
            if (c == '\r' || c == '\n' || c == '\0') c = ' ';
        }
        return text;
    };
    for (int i = 0; i < 300; ++i) {
        components::webhook w = sample();
        w.target = "/" + rubbish(50);
        for (std::uint64_t n = dice() % 6; n > 0; --n)
            w.headers.emplace_back("X-" + rubbish(10), rubbish(40));
        w.body = rubbish(3000) + std::string(1, '\0');
        check_same(there_and_back(w), w);
    }
}

// What is no webhook is refused with the member's name; above all what would break out of its line
// of a head.
BOOST_AUTO_TEST_CASE(faults_are_named) {
    const std::string good = components::to_json(sample());
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        return text.replace(text.find(from), from.size(), to);
    };
    BOOST_TEST(fault(good) == "");
    BOOST_TEST(fault("[]") == "a webhook is an object");
    BOOST_TEST(fault("{}") == "webhook.id is missing");
    BOOST_TEST(fault(with("\"01HZX\"", "7")) == "webhook.id is not a string");
    BOOST_TEST(fault(with("1700000000123", "\"x\"")) == "webhook.received_at is not a number");
    BOOST_TEST(fault(with(R"("text":"hello")", R"("body":"aGVsbG8")")) ==
               "webhook.body is not base64");
    BOOST_TEST(fault(with(R"("text":"hello")", R"("body":"aGV*bG8=")")) ==
               "webhook.body is not base64");
    BOOST_TEST(fault(with(R"("text":"hello")", R"("text":7)")) == "webhook.text is not a string");
    BOOST_TEST(fault(with(R"(,"text":"hello")", "")) == "webhook.body is missing");
    BOOST_TEST(fault(with("[[\"Content-Type\",\"text/plain\"]]", "{}")) ==
               "webhook.headers is not an array");
    BOOST_TEST(fault(with("[\"Content-Type\",\"text/plain\"]", "[\"a\"]")) ==
               "webhook.headers: not a pair");
    BOOST_TEST(fault(with("text/plain", "a\\r\\nX-Evil: 1")) ==
               "webhook.headers has a line break in it");
    BOOST_TEST(fault(with("Content-Type", "A\\nB")) == "webhook.headers has a line break in it");
    BOOST_TEST(fault(with("\"text/plain\"", R"({"base64":"DQo="})")) ==
               "webhook.headers has a line break in it");
    BOOST_TEST(fault(with("/a?b=c", "/ HTTP/1.1\\r\\n")) ==
               "webhook.target has a line break in it");
    BOOST_TEST(fault(with("POST", "POST\\n")) == "webhook.method has a line break in it");
    BOOST_TEST(fault(with("192.0.2.1", "\\u0000")) == "webhook.remote has a line break in it");
}

// Fields of this connection are dropped, also those for a proxy (and no others that begin so), and
// those that Connection names, in any case and any number of lines; the others keep order, case and
// repeats (RFC 9110 §7.6.1).
BOOST_AUTO_TEST_CASE(end_to_end_fields) {
    const http_fields came{{"Host", "h"},
                           {"Connection", "close, X-One ,x-TWO"},
                           {"Keep-Alive", "timeout=5"},
                           {"X-One", "1"},
                           {"B", "1"},
                           {"Proxy-Authorization", "p"},
                           {"proxy-connection", "p"},
                           {"Proxy-Authenticate", "p"},
                           {"Proxy-Authentication-Info", "p"},
                           {"Proxy-Customer", "7"},
                           {"TE", "trailers"},
                           {"Trailer", "T"},
                           {"Transfer-Encoding", "chunked"},
                           {"Upgrade", "h2c"},
                           {"Expect", "100-continue"},
                           {"A", "2"},
                           {"x-two", "2"},
                           {"b", "3"},
                           {"CONNECTION", "\t,x-three,,"},
                           {"X-Three", "3"},
                           {"X-Four", "4"},
                           {"A", "2"}};
    BOOST_TEST(names(components::end_to_end(came)) ==
               "Host=h;B=1;Proxy-Customer=7;A=2;b=3;X-Four=4;A=2;");
    BOOST_TEST(names(components::end_to_end({})) == "");
}

// Names are the same in any case, and the first of several is the one that counts.
BOOST_AUTO_TEST_CASE(fields_by_name) {
    const http_fields fields{{"A", "1"}, {"b", "2"}, {"B", "3"}};
    BOOST_TEST(components::field(fields, "B") == "2");
    BOOST_TEST(components::field(fields, "a") == "1");
    BOOST_TEST(components::field(fields, "c") == "");
    BOOST_TEST(!components::same_field("a", "ab"));
}

// An id of 26 characters that sorts by its time in ms, and tells apart what came in the same one.
BOOST_AUTO_TEST_CASE(ids_sort_by_time) {
    const auto at = [](std::int64_t ms) {
        return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
    };
    const auto ones = [] { return ~std::uint64_t(0); };
    const auto noughts = [] { return std::uint64_t(0); };
    // The time's example of the ULID specification.
    BOOST_TEST(components::new_webhook_id(at(1469918176385), noughts) ==
               "01ARYZ6S410000000000000000");
    BOOST_TEST(components::new_webhook_id(at(1469918176385), ones) == "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
    std::mt19937_64 dice(1);
    std::string last;
    for (std::int64_t ms : {1ll, 31ll, 32ll, 1023ll, 1024ll, 1700000000000ll, 1700000000001ll,
                            1800000000000ll, 9000000000000ll}) {
        const std::string id = components::new_webhook_id(at(ms), std::ref(dice));
        BOOST_TEST(id.size() == 26u);
        BOOST_TEST(last < id);
        BOOST_TEST(id != components::new_webhook_id(at(ms), std::ref(dice)));
        last = id;
    }
}

BOOST_AUTO_TEST_SUITE_END()
