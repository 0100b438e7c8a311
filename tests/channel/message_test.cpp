// Shows how each frame of contract §2 is read, and how ours are printed.
#include "supe/channel/message.hpp"

#include "supe/text/json_text.hpp"

#include <boost/test/unit_test.hpp>

using supe::bad_frame;
using supe::mail_frame;
using supe::node_frame;
using supe::raw_frame;
using supe::read_message;
using supe::signal_frame;

namespace {

/// Reads a frame that must be a T. The frame outlives the result, whose views point into it.
template <class T>
T read(std::string_view frame) {
    supe::message m = read_message(frame);
    BOOST_TEST_REQUIRE(std::holds_alternative<T>(m), frame);
    return std::get<T>(std::move(m));
}

std::string why_bad(std::string_view frame) { return read<bad_frame>(frame).reason; }

}  // namespace

BOOST_AUTO_TEST_SUITE(message)

// A mail with all members that a component may send.
BOOST_AUTO_TEST_CASE(a_full_mail) {
    const auto m = read<mail_frame>(
        R"({"type":"mail","to":"\u0062ob","msg": {"a": [1, 2]} ,"id":"7","receipt":true})");
    BOOST_TEST(m.to.value() == "bob");
    BOOST_TEST(m.msg == R"({"a": [1, 2]})");
    BOOST_TEST(m.id.value() == "7");
    BOOST_TEST(m.receipt);
    BOOST_TEST(!m.from);
    BOOST_TEST(m.attempt == 1u);
    BOOST_TEST(!m.answer);
    BOOST_TEST(m.extras == "");
}

// Without `to` it goes to the supervisor, without `msg` it is null, without `id` it wants no
// answer.
BOOST_AUTO_TEST_CASE(a_bare_mail) {
    const auto m = read<mail_frame>(R"({"type":"mail"})");
    BOOST_TEST(!m.to);
    BOOST_TEST(m.msg == "null");
    BOOST_TEST(!m.id);
    BOOST_TEST(!m.receipt);
}

// msg is any value, and its bytes are unchanged: digits, escapes, blanks, equal keys.
BOOST_AUTO_TEST_CASE(msg_is_unchanged) {
    for (const std::string msg :
         {"null", "false", "0", "1e400", "123456789012345678901234567890", "-0.0",
          R"("\u0041\/\ud83d")", "[ ]", "{ \"a\" : 1 , \"a\" : 2 }", "\"\xc3\xa4\""}) {
        const std::string frame = "{\"msg\":" + msg + ",\"type\":\"mail\"}";
        BOOST_TEST(read<mail_frame>(frame).msg == msg);
    }
}

// A delivery, as a component and the next hop read it.
BOOST_AUTO_TEST_CASE(a_delivery) {
    const auto m = read<mail_frame>(
        R"({"type":"mail","from":"/a/b","msg":1,"id":"x-1","attempt":3,"receipt":true,"to":"/c/d","re":"9"})");
    BOOST_TEST(m.from.value() == "/a/b");
    BOOST_TEST(m.attempt == 3u);
    BOOST_TEST(m.to.value() == "/c/d");
    BOOST_TEST(m.answer);
    BOOST_TEST(m.extras == R"(,"re":"9")");
}

// Unknown members are passed on unchanged and in order, and so are members of other kinds of frame.
BOOST_AUTO_TEST_CASE(unknown_members_are_passed_on) {
    const auto m = read<mail_frame>(
        R"({"b": [1, 2],"type":"mail","k\u0065y":{"x":"\/"},"msg":1,"a":null,"b":2})");
    BOOST_TEST(m.extras == R"(,"b":[1, 2],"k\u0065y":{"x":"\/"},"a":null,"b":2)");
    const auto odd =
        read<mail_frame>(R"({"type":"mail","data":5,"signal":"x","cmd":"y","call":"3"})");
    BOOST_TEST(odd.extras == R"(,"call":"3","signal":"x","data":5,"cmd":"y")");
}

// … up to a number. What is no mail may have more.
BOOST_AUTO_TEST_CASE(many_unknown_members) {
    std::string members;
    for (std::size_t n = 0; n < supe::unknown_members_limit; ++n) members += ",\"x\":1";
    BOOST_TEST(read<mail_frame>(R"({"type":"mail")" + members + "}").extras == members);
    members += ",\"x\":1";
    BOOST_TEST(read<bad_frame>(R"({"type":"mail")" + members + "}").reason ==
               "mail: 1025 members that are not of a mail, and at most 1024 are passed on");
    read<supe::raw_frame>(R"({"type":"other")" + members + "}");
}

// An escaped key or word has the same meaning.
BOOST_AUTO_TEST_CASE(escaped_keys_and_words) {
    const auto m =
        read<mail_frame>(R"({"t\u0079pe":"m\u0061il","\u0074o":"a","m\u0073g":5,"r\u0065":"1"})");
    BOOST_TEST(m.to.value() == "a");
    BOOST_TEST(m.msg == "5");
    BOOST_TEST(m.answer);
    BOOST_TEST(m.extras == R"(,"r\u0065":"1")");
    BOOST_TEST(read<signal_frame>(R"({"type":"sign\u0061l","signal":"A\u0042"})").name == "AB");
    BOOST_TEST(read<node_frame>(R"({"cmd":"NODE\u005fHANDLE"})").handle);
}

// Of equal keys the last counts, as in JavaScript.
BOOST_AUTO_TEST_CASE(equal_keys) {
    const auto m =
        read<mail_frame>(R"({"type":"signal","to":"a","msg":1,"type":"mail","to":"b","msg":2})");
    BOOST_TEST(m.to.value() == "b");
    BOOST_TEST(m.msg == "2");
}

// A component may send members that only supervisors set. They are no error, and are ignored.
BOOST_AUTO_TEST_CASE(from_and_attempt_of_any_type) {
    for (const std::string attempt :
         {"\"2\"", "-1", "1.5", "1e3", "99999999999999999999", "null", "[]"}) {
        const std::string frame = "{\"type\":\"mail\",\"from\":[1],\"attempt\":" + attempt + "}";
        const auto m = read<mail_frame>(frame);
        BOOST_TEST(!m.from);
        BOOST_TEST(m.attempt == 1u);
    }
    BOOST_TEST(read<mail_frame>(R"({"type":"mail","attempt":4294967295})").attempt == 4294967295u);
}

// The error of a malformed mail names the member, and what it should be.
BOOST_AUTO_TEST_CASE(malformed_mail) {
    BOOST_TEST(why_bad(R"({"type":"mail","to":5})") == "mail: to must be a string, not 5");
    BOOST_TEST(why_bad(R"({"type":"mail","to":null})") == "mail: to must be a string, not null");
    BOOST_TEST(why_bad(R"({"type":"mail","id":7})") == "mail: id must be a string, not 7");
    BOOST_TEST(why_bad(R"({"type":"mail","receipt":"yes"})") ==
               R"(mail: receipt must be true or false, not "yes")");
    BOOST_TEST(why_bad("{\"type\":\"mail\",\"to\":[" + std::string(100, '1') + "]}").size() < 100u);
}

// Signals: the name, and the unchanged data. Other members are ignored.
BOOST_AUTO_TEST_CASE(signals) {
    const auto s = read<signal_frame>(
        R"({"type":"signal","signal":"READY-TO-RECEIVE-MAIL","data": {"window": 5} ,"x":1})");
    BOOST_TEST(s.name == "READY-TO-RECEIVE-MAIL");
    BOOST_TEST(s.data == R"({"window": 5})");
    BOOST_TEST(read<signal_frame>(R"({"type":"signal","signal":"X"})").data == "");
    BOOST_TEST(why_bad(R"({"type":"signal"})") == "signal: the member signal is missing");
    BOOST_TEST(why_bad(R"({"type":"signal","signal":1})") == "signal must be a string, not 1");
}

// Node's own frames are recognized by `cmd`, whatever else they have: Node on the other side treats
// them as its own too.
BOOST_AUTO_TEST_CASE(node_frames) {
    BOOST_TEST(!read<node_frame>(R"({"cmd":"NODE_DISCONNECT"})").handle);
    BOOST_TEST(read<node_frame>(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":1})").handle);
    BOOST_TEST(!read<node_frame>(R"({"type":"mail","cmd":"NODE_"})").handle);
    read<raw_frame>(R"({"cmd":"NODE"})");
    read<raw_frame>(R"({"cmd":5})");
}

// Any other JSON is a raw process.send.
BOOST_AUTO_TEST_CASE(raw_frames) {
    for (const std::string frame :
         {"1", "null", "\"mail\"", "[{\"type\":\"mail\"}]", "{}", "{\"type\":\"post\"}",
          "{\"type\":5}", "{\"Type\":\"mail\"}", " {\"a\":1} ", "{\"type\":[\"mail\"]}", "1\r"})
        read<raw_frame>(frame);
}

// The error of a frame that is not JSON shows its beginning in one line of UTF-8.
BOOST_AUTO_TEST_CASE(not_json) {
    BOOST_TEST(why_bad("hello") == "not JSON in UTF-8: \"hello\"");
    BOOST_TEST(why_bad("{\"type\":\"mail\",\"msg\":1,}").starts_with("not JSON in UTF-8: \"{"));
    for (const std::string frame :
         {"{\"type\":\"mail\",\"msg\":\"\xff\"}", "{\"type\":\"mail\"", "{\"type\":\"mail\"}}",
          "{\"type\":\"mail\",\"msg\":01}", "\x01\x02", "{\"type\":\"mail\",\"msg\":\"a\tb\"}",
          "{\"x\":\"\xed\xa0\x80\",\"type\":\"signal\",\"signal\":\"A\"}"}) {
        const std::string why = why_bad(frame);
        BOOST_TEST(supe::is_json(supe::json_quoted(why)));
        BOOST_TEST(why.find('\n') == why.npos);
        BOOST_TEST(why.size() < 120u);
    }
    BOOST_TEST(why_bad(std::string(1000000, 'x')).size() < 100u);
}

// Deliveries are printed without blanks and in a fixed order, and are read back unchanged.
BOOST_AUTO_TEST_CASE(prints_deliveries) {
    std::string out = "before\n";
    supe::append_delivery(out, {.from = "a\"b",
                                .msg = "{\"x\":1}",
                                .id = "t-1",
                                .extras = ",\"re\":\"2\"",
                                .to = {},
                                .attempt = 1});
    BOOST_TEST(out ==
               "before\n{\"type\":\"mail\",\"from\":\"a\\\"b\",\"msg\":{\"x\":1},\"id\":\"t-1\","
               "\"attempt\":1,\"re\":\"2\"}\n");
    out.clear();
    supe::append_delivery(out, {.from = "/a",
                                .msg = "1",
                                .id = "i",
                                .extras = {},
                                .to = "/b/c",
                                .attempt = 2,
                                .receipt = true});
    BOOST_TEST(out ==
               "{\"type\":\"mail\",\"from\":\"/"
               "a\",\"msg\":1,\"id\":\"i\",\"attempt\":2,\"receipt\":true,\"to\":\"/b/c\"}\n");
    out.pop_back();
    const auto m = read<mail_frame>(out);
    BOOST_TEST(m.to.value() == "/b/c");
    BOOST_TEST(m.attempt == 2u);
    BOOST_TEST(m.receipt);
}

BOOST_AUTO_TEST_CASE(prints_signals) {
    std::string out;
    supe::append_signal(out, "SUPE-SHUTDOWN");
    supe::append_signal(out, "X\n", "{\"a\":1}");
    BOOST_TEST(out ==
               "{\"type\":\"signal\",\"signal\":\"SUPE-SHUTDOWN\"}\n{\"type\":\"signal\","
               "\"signal\":\"X\\n\",\"data\":{\"a\":1}}\n");
}

BOOST_AUTO_TEST_SUITE_END()
