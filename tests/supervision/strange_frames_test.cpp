// Shows what a supervisor does with malformed frames and with frames that are not for it: they are
// dropped, counted and published (contract §2).
#include "supe/async/unique_fd.hpp"
#include "supe/channel/message.hpp"
#include "supe/simulation/world.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::simulation::process_start;
using supe::simulation::world;
using words = std::vector<std::string>;

namespace {

/// A child that writes these bytes to its channel, and stays. received() returns what the
/// supervisor wrote.
struct speaker {
    explicit speaker(world& w, std::string bytes) {
        w.provide_program("speaker", [this, &w, bytes](process_start start) {
            return run(w, start.channel_fd, bytes);
        });
        w.run(
            R"({"name":"t","children":[{"name":"s","component":"speaker","restart":"temporary"}]})");
        w.run_ready();
    }
    awaitable<int> run(world& w, int channel_fd, std::string bytes) {
        const supe::unique_fd fd(channel_fd);
        supe::timer for_ever(w.time());
        for (std::size_t at = 0; at < bytes.size();) {
            const auto n =
                ::send(fd.get(), bytes.data() + at, bytes.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n > 0) at += static_cast<std::size_t>(n);
            if (n <= 0) co_await w.time().sleep_for(1ms);
        }
        fd_ = fd.get();
        co_await for_ever.wait();
        co_return 0;
    }
    std::string received() {
        std::string buffer(1 << 16, '\0');
        const auto n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return buffer.substr(0, n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    int fd_ = -1;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(strange_frames)

// A notice has the reason of a malformed frame, and the count of such frames. Other frames are
// handled.
BOOST_AUTO_TEST_CASE(bad_frames) {
    world w;
    speaker s(w,
              "hello\n{\"type\":\"mail\",\"to\":5}\n{\"type\":\"signal\"}\n{\"type\":\"mail\","
              "\"msg\":\"still here\"}\n");
    BOOST_TEST(
        w.messages("component-bad-frame") ==
        (words{R"({"name":"s","reason":"not JSON in UTF-8: \"hello\"","count":1})",
               R"({"name":"s","reason":"mail: to must be a string, not 5","count":2})",
               R"({"name":"s","reason":"signal: the member signal is missing","count":3})"}));
    BOOST_TEST(w.messages("supervisor-mail") == words{R"({"from":"s","msg":"still here"})"});
    BOOST_TEST(std::ranges::count_if(w.lines(), [](const std::string& line) {
                   return line.find("bad frame") != line.npos;
               }) == 1);  // the log has the first one, then the tenth
}

// A frame over the limit is reported once, and the one behind it arrives.
BOOST_AUTO_TEST_CASE(a_frame_too_long) {
    world w;
    speaker s(w, "{\"type\":\"mail\",\"msg\":\"" + std::string(17 << 20, 'x') +
                     "\"}\n{\"type\":\"mail\",\"msg\":1}\n");
    w.advance(1s);
    BOOST_TEST(w.messages("component-bad-frame") ==
               words{R"({"name":"s","reason":"longer than 16777216 bytes","count":1})"});
    BOOST_TEST(w.count("supervisor-mail") == 1u);
}

// A request whose id is longer than a supervisor keeps is malformed; the longest one is answered.
BOOST_AUTO_TEST_CASE(ids_of_requests) {
    world w;
    const std::string longest(supe::id_limit, 'i');
    const auto request = [](const std::string& id) {
        return R"({"type":"signal","signal":"SUPERVISOR-REQUEST","data":{"do":"status","name":"s","id":")" +
               id + "\"}}\n";
    };
    speaker s(w, request(longest + "i") + request(longest));
    BOOST_TEST(
        w.messages("component-bad-frame") ==
        words{
            R"({"name":"s","reason":"SUPERVISOR-REQUEST: `id` has 1025 bytes, and may have 1024","count":1})"});
    const std::string answers = s.received();
    BOOST_TEST(answers.find("SUPERVISOR-RESPONSE") != answers.npos);
    BOOST_TEST(answers.find("SUPERVISOR-RESPONSE") == answers.rfind("SUPERVISOR-RESPONSE"));
    BOOST_TEST(answers.find(longest) != answers.npos);
}

// A frame cut short by a crash is dropped and reported, after the whole frames before it.
BOOST_AUTO_TEST_CASE(a_frame_cut_short) {
    world w;
    speaker s(w, "{\"type\":\"mail\",\"msg\":1}\n{\"type\":\"mail\",\"msg\":2");
    BOOST_TEST(w.count("component-bad-frame") == 0u);
    w.crash("/s");
    w.advance(1s);
    BOOST_TEST(w.messages("supervisor-mail") == words{R"({"from":"s","msg":1})"});
    BOOST_TEST(
        w.messages("component-bad-frame") ==
        words{
            R"({"name":"s","reason":"cut short after 22 bytes by the end of the channel","count":1})"});
    BOOST_TEST(w.count("component-crashed") == 1u);
}

// Raw messages and unknown signals have notices of their own; Node's frames are ignored, and a
// handle is refused.
BOOST_AUTO_TEST_CASE(raw_and_unknown) {
    world w;
    speaker s(w,
              "{\"hello\":[1, "
              "2]}\n\"x\"\n{\"type\":\"signal\",\"signal\":\"WHAT\"}\n{\"cmd\":\"NODE_DISCONNECT\"}"
              "\n{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\"}\n");
    BOOST_TEST(
        w.messages("component-message") ==
        (words{R"({"name":"s","message":{"hello":[1, 2]}})", R"({"name":"s","message":"x"})"}));
    BOOST_TEST(w.messages("component-signal") == words{R"({"name":"s","signal":"WHAT"})"});
    BOOST_TEST(w.count("component-bad-frame") == 0u);
    BOOST_TEST(s.received() == "{\"cmd\":\"NODE_HANDLE_NACK\"}\n");
}

// A request about a notice without a name has no effect. It is answered as by npm's supe, with the
// name as it was sent, and is reported.
BOOST_AUTO_TEST_CASE(notices_without_a_name) {
    const auto request = [](const std::string& members) {
        return R"({"type":"signal","signal":"NOTICEBOARD-REQUEST","data":{)" + members + "}}\n";
    };
    const auto answer = [](const std::string& members) {
        return R"({"type":"signal","signal":"NOTICEBOARD-RESPONSE","data":{)" + members + "}}\n";
    };
    world w;
    speaker s(w, request(R"("type":"watch","notice":"")") +
                     request(R"("type":"notify","notice":[5, 0],"message":1)") +
                     request(R"("type":"ignore")") + request(R"("type":"look","notice":"n")"));
    BOOST_TEST(
        s.received() ==
        answer(R"("type":"watch","notice":"","success":true)") +
            answer(R"("type":"notify","notice":[5, 0],"success":true)") +
            answer(R"("type":"ignore","success":true)") +
            answer(
                R"("type":"look","notice":"n","success":false,"error":"type \"look\" is not one of watch, ignore, notify")"));
    const std::string reason =
        R"({"name":"s","reason":"NOTICEBOARD-REQUEST: notice must be a string with something in it, not )";
    BOOST_TEST(w.messages("component-bad-frame") ==
               (words{reason + R"(\"\"","count":1})", reason + R"([5, 0]","count":2})",
                      reason + R"(missing","count":3})"}));
}

// A watcher that does not read loses notices and delays no one. A notice names it, at a bounded
// rate, under npm's names too.
BOOST_AUTO_TEST_CASE(a_watcher_that_does_not_read) {
    world w;
    speaker s(
        w,
        R"({"type":"signal","signal":"NOTICEBOARD-REQUEST","data":{"type":"watch","notice":"n"}})"
        "\n"
        R"({"type":"signal","signal":"NOTICEBOARD-REQUEST","data":{"type":"watch","notice":"notice-pipe-failure"}})"
        "\n");
    for (int i = 0; i < 1000; ++i)
        w.root().notices().publish("n", '"' + std::string(10'000, 'x') + '"');
    const std::string failure =
        R"({"name":"s","citizen":"s","notice":"n","error":"it does not read what it watches"})";
    for (const char* name : {"notice-pipe-failure", "component-notice-pipe-failure",
                             "citizen-notice-pipe-failure", "s-notice-pipe-failure"})
        BOOST_TEST(w.messages(name) == words(20, failure));
    BOOST_TEST(w.count("n") == 1000u);
    w.advance(2s);
    w.root().notices().publish("n", "1");
    BOOST_TEST(w.count("notice-pipe-failure") == 21u);
}

// Notices about bad frames come at a bounded rate, and all frames are counted.
BOOST_AUTO_TEST_CASE(a_bounded_rate) {
    world w;
    std::string rubbish;
    for (int i = 0; i < 1000; ++i) rubbish += "rubbish\n";
    speaker s(w, rubbish + "cut");
    BOOST_TEST(w.count("component-bad-frame") == 20u);
    w.advance(2s);
    w.crash("/s");
    w.advance(1s);
    BOOST_TEST(
        w.messages("component-bad-frame").back() ==
        R"({"name":"s","reason":"cut short after 3 bytes by the end of the channel","count":1001})");
}

// A child without config gets SUPE-START only when it asks, with null (contract §2).
BOOST_AUTO_TEST_CASE(no_config) {
    world w;
    speaker quiet(w, "");
    BOOST_TEST(quiet.received() == "");
    world other;
    speaker asking(other, "{\"type\":\"signal\",\"signal\":\"READY-FOR-CONFIG\"}\n");
    BOOST_TEST(asking.received() ==
               "{\"type\":\"signal\",\"signal\":\"SUPE-START\",\"data\":{\"address\":\"/"
               "s\",\"config\":null}}\n");
}

// A config with numbers beyond a double and 100 levels of nesting arrives unchanged, below nested
// supervisors too.
BOOST_AUTO_TEST_CASE(odd_configs) {
    world w;
    std::string got;
    w.provide("c", [&got](supe::component& self) -> awaitable<> {
        got = boost::json::serialize(co_await self.config());
        co_await self.shutdown_requested();
    });
    const std::string config = std::string(100, '[') + "1e400,\"\\ud83d\"" + std::string(100, ']');
    std::string tree = fmt::format(R"({{"name":"c","component":"c","config":{}}})", config);
    for (int i = 0; i < 3; ++i) tree = fmt::format(R"({{"name":"n{}","children":[{}]}})", i, tree);
    w.run(tree);
    BOOST_TEST(got == std::string(100, '[') + "1.7976931348623157E308,\"\xef\xbf\xbd\"" +
                          std::string(100, ']'));
    BOOST_TEST(w.stop());
}

BOOST_AUTO_TEST_SUITE_END()
