// Shows what a supervisor knows of its talk with a component, and what the component may not say.
#include "components/conformance/dialogue.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using talk = components::dialogue;
using words = std::vector<std::string>;

std::string fault_of(talk& d, std::string_view frame) {
    try {
        d.take(frame);
    } catch (const components::violation& v) {
        return v.what();
    }
    return {};
}

constexpr auto ack = R"({"type":"signal","signal":"ACK-CURRENT-MAIL"})";
constexpr auto ack_b = R"({"type":"signal","signal":"ACK-CURRENT-MAIL","data":{"ids":["b"]}})";

}  // namespace

BOOST_AUTO_TEST_SUITE(dialogue)

// An acknowledgement without ids is of the oldest mail; what is not in flight is none's.
BOOST_AUTO_TEST_CASE(acknowledgements) {
    talk d;
    BOOST_TEST(fault_of(d, ack) == "it sent ACK-CURRENT-MAIL while no mail was in flight");
    BOOST_TEST(d.deliver("a", "1") ==
               "{\"type\":\"mail\",\"from\":\"tester\",\"msg\":1,\"id\":\"a\",\"attempt\":1}\n");
    d.deliver("b", "2");
    d.deliver("c", "3");
    d.take(ack_b);
    BOOST_TEST(fault_of(d, ack_b).starts_with("it acknowledged \"b\", which is not in flight"));
    d.take(ack);
    BOOST_TEST(d.events() == (words{"ack b", "ack a"}), boost::test_tools::per_element());
    BOOST_TEST(d.in_flight().size() == 1u);
    BOOST_TEST(fault_of(d, R"({"type":"signal","signal":"ACK-CURRENT-MAIL","data":{"ids":[1]}})") ==
               "ACK-CURRENT-MAIL has \"data\":{\"ids\":[1]}: ids is not an array of strings");
}

// The window, the pause, and which windows there are not.
BOOST_AUTO_TEST_CASE(windows) {
    talk d;
    BOOST_TEST(!d.takes_mail());
    d.take(R"({"type":"signal","signal":"READY-TO-RECEIVE-MAIL","data":{"window":8}})");
    BOOST_TEST(d.takes_mail());
    BOOST_TEST(d.window() == 8u);
    d.take(R"({"type":"signal","signal":"NOT-READY-TO-RECEIVE-MAIL"})");
    BOOST_TEST(!d.takes_mail());
    d.take(R"({"type":"signal","signal":"READY-TO-RECEIVE-MAIL"})");
    BOOST_TEST(d.window() == 1u);
    for (const char* wrong : {"0", "-1", "\"8\"", "1.5", "null"})
        BOOST_TEST(
            fault_of(d, std::string(R"({"type":"signal","signal":"READY-TO-RECEIVE-MAIL",)") +
                            R"("data":{"window":)" + wrong + "}}") != "");
}

// What a supervisor answers: mail with an id, a request of the noticeboard, one for the config.
BOOST_AUTO_TEST_CASE(answers) {
    talk d(R"({"a":1})");
    BOOST_TEST(d.take(R"({"type":"mail","to":"x","msg":1})") == "");
    BOOST_TEST(d.take(R"({"type":"mail","to":"x","msg":1,"id":"i","receipt":true})") ==
               "{\"type\":\"signal\",\"signal\":\"MAIL-ACCEPTED\",\"data\":{\"id\":\"i\"}}\n"
               "{\"type\":\"signal\",\"signal\":\"MAIL-ACKED\",\"data\":{\"id\":\"i\"}}\n");
    BOOST_TEST(d.take(R"({"type":"signal","signal":"READY-FOR-CONFIG"})") ==
               "{\"type\":\"signal\",\"signal\":\"SUPE-START\",\"data\":{\"address\":\"/tested\","
               "\"config\":{\"a\":1}}}\n");
    BOOST_TEST(
        d.take(R"({"type":"signal","signal":"NOTICEBOARD-REQUEST","data":{"type":"watch",)"
               R"("notice":"n"}})") ==
        "{\"type\":\"signal\",\"signal\":\"NOTICEBOARD-RESPONSE\",\"data\":{\"type\":\"watch\","
        "\"notice\":\"n\",\"success\":true}}\n");
    BOOST_TEST(
        d.take(R"({"type":"signal","signal":"SUPERVISOR-REQUEST","data":{"id":"7","do":"stop",)"
               R"("name":"x"}})") ==
        "{\"type\":\"signal\",\"signal\":\"SUPERVISOR-RESPONSE\",\"data\":{\"id\":\"7\","
        "\"success\":false,\"error\":\"no such child: x\"}}\n");
}

// What is no frame, or says that nobody took the mail. Raw messages and other signals are allowed.
BOOST_AUTO_TEST_CASE(other_frames) {
    talk d;
    BOOST_TEST(fault_of(d, "{not json").starts_with("it sent a bad frame ("));
    BOOST_TEST(fault_of(d, R"({"type":"mail","to":5})").starts_with("it sent a bad frame ("));
    BOOST_TEST(fault_of(d, R"({"type":"signal","signal":"UNHANDLED-MAIL"})") != "");
    BOOST_TEST(fault_of(d, R"({"type":"signal","signal":"REJECT-MAIL","data":{"id":"a"}})") != "");
    for (const char* fine : {"1", "{}", R"({"cmd":"NODE_X"})", R"({"type":"signal","signal":"X"})",
                             R"({"type":"signal","signal":"COMPONENT-READY"})"})
        BOOST_TEST(fault_of(d, fine) == "");
}

BOOST_AUTO_TEST_SUITE_END()
