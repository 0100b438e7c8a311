// The names of the signals of contract §2, and of those between supervisors, both ways.
#include "supe/channel/message.hpp"

#include <boost/test/unit_test.hpp>
#include <utility>

using kind = supe::signal_kind;

namespace {

/// As in the contract.
constexpr std::pair<kind, std::string_view> all[] = {
    {kind::ready_to_receive_mail, "READY-TO-RECEIVE-MAIL"},
    {kind::not_ready_to_receive_mail, "NOT-READY-TO-RECEIVE-MAIL"},
    {kind::ack_current_mail, "ACK-CURRENT-MAIL"},
    {kind::reject_mail, "REJECT-MAIL"},
    {kind::unhandled_mail, "UNHANDLED-MAIL"},
    {kind::ready_for_config, "READY-FOR-CONFIG"},
    {kind::noticeboard_request, "NOTICEBOARD-REQUEST"},
    {kind::component_ready, "COMPONENT-READY"},
    {kind::component_alive, "COMPONENT-ALIVE"},
    {kind::component_status, "COMPONENT-STATUS"},
    {kind::supervisor_request, "SUPERVISOR-REQUEST"},
    {kind::supe_start, "SUPE-START"},
    {kind::supe_shutdown, "SUPE-SHUTDOWN"},
    {kind::mail_accepted, "MAIL-ACCEPTED"},
    {kind::mail_acked, "MAIL-ACKED"},
    {kind::mail_undeliverable, "MAIL-UNDELIVERABLE"},
    {kind::noticeboard_response, "NOTICEBOARD-RESPONSE"},
    {kind::noticeboard_event, "NOTICEBOARD-EVENT"},
    {kind::supervisor_response, "SUPERVISOR-RESPONSE"},
    {kind::mail_withheld, "MAIL-WITHHELD"},
    {kind::supe_failed, "SUPE-FAILED"},
    {kind::supe_ask, "SUPE-ASK"},
    {kind::supe_working, "SUPE-WORKING"},
    {kind::supe_answer, "SUPE-ANSWER"},
};

}  // namespace

namespace names_of {  // `signal` alone is a function of the C library

BOOST_AUTO_TEST_SUITE(signal)

// Each signal has its name, and each name its signal; this table is complete.
BOOST_AUTO_TEST_CASE(names) {
    BOOST_TEST(std::size(all) == static_cast<std::size_t>(kind::supe_answer));
    for (const auto& [k, name] : all) {
        BOOST_TEST(supe::name_of(k) == name);
        BOOST_TEST((supe::signal_of(name) == k), name);
    }
}

// A name that is not exactly one of ours is unknown, and the unknown signal has no name.
BOOST_AUTO_TEST_CASE(unknown) {
    BOOST_TEST(supe::name_of(kind::unknown) == "");
    for (const char* name : {"", "supe-start", "SUPE-START ", "SUPE-STAR", "SUPE-STARTS", "WHAT"})
        BOOST_TEST((supe::signal_of(name) == kind::unknown), name);
}

// A frame is read with its signal, also when the name has escapes; an unknown signal keeps its name
// as it was sent.
BOOST_AUTO_TEST_CASE(read) {
    const auto read = [](const char* name) {
        const std::string frame =
            std::string(R"({"type":"signal","signal":")") + name + R"(","data":1})";
        return std::get<supe::signal_frame>(supe::read_message(frame)).name;
    };
    const auto kind_of = [](const char* name) {
        const std::string frame = std::string(R"({"type":"signal","signal":")") + name + "\"}";
        return std::get<supe::signal_frame>(supe::read_message(frame)).kind;
    };
    for (const auto& [k, name] : all) BOOST_TEST((kind_of(name.data()) == k), name);
    BOOST_TEST((kind_of(R"(SUPE\u002dSTART)") == kind::supe_start));
    BOOST_TEST((kind_of("Supe-Start") == kind::unknown));
    BOOST_TEST(read("Supe-Start") == "Supe-Start");
}

// A signal is printed the same by its kind as by its name, with data and without.
BOOST_AUTO_TEST_CASE(printed) {
    for (const auto& [k, name] : all) {
        for (const char* data : {"", R"({"id":"1"})"}) {
            std::string by_kind, by_name;
            supe::append_signal(by_kind, k, data);
            supe::append_signal(by_name, name, data);
            BOOST_TEST(by_kind == by_name);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace names_of
