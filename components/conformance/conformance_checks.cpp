// The checks, each a function.
#include "components/conformance/conformance.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto big_limit = 60s;  // a shell reads byte by byte

void require(bool holds, const std::string& wrong) {
    if (!holds) throw violation(wrong);
}

supe::awaitable<std::string> takes_mail(stage& s) {
    co_await s.start_and_await();
    co_return fmt::format("READY-TO-RECEIVE-MAIL, window {}", s.talk().window());
}

supe::awaitable<std::string> config(stage& s) {
    s.start(R"({"greeting":"hello","of":[1,2]})");
    co_await s.until_ready();
    s.deliver("1");
    co_await s.until_acked();
    co_return "a mail after SUPE-START was acknowledged";
}

supe::awaitable<std::string> acknowledges(stage& s) {
    co_await s.start_and_await();
    for (int i = 0; i < 10; ++i) {
        s.deliver(std::to_string(i));
        co_await s.until_acked();
    }
    co_return "10 mails, an acknowledgement each";
}

supe::awaitable<std::string> replies(stage& s) {
    co_await s.start_and_await();
    const std::string id = s.deliver(R"({"reply":"hello"})");
    co_await s.until_acked();
    const auto& talk = s.talk();
    const auto& events = talk.events();
    require(std::ranges::find(events, "mail") < std::ranges::find(events, "ack " + id),
            "the mail was acknowledged before its reply was sent: a crash between the two would "
            "lose the reply");
    require(talk.sent().size() == 1,
            fmt::format("{} mails came in place of one", talk.sent().size()));
    const auto& reply = talk.sent().front();
    require(reply.to == "tester",
            fmt::format("the reply goes to \"{}\": the mail was from \"tester\"", reply.to));
    require(supe::parse_json(reply.msg) == boost::json::value("hello"),
            fmt::format("the reply is {}, not \"hello\"", reply.msg));
    co_return "the reply came before the acknowledgement";
}

supe::awaitable<std::string> values(stage& s) {
    co_await s.start_and_await();
    // Blanks, escapes and all ranges of UTF-8; members with the names of a frame's own.
    static const std::vector<std::string> all{"null",
                                              "true",
                                              "0",
                                              "-1.5",
                                              "9007199254740991",
                                              R"("")",
                                              R"("a \"b\" \\ \n \u0000 / c")",
                                              R"("ä € 😀")",
                                              R"("\ud83d\ude00")",
                                              "[]",
                                              "{}",
                                              R"([[],{"":null},[1,[2]]])",
                                              R"({"type":"signal","signal":"SUPE-SHUTDOWN"})",
                                              R"({"msg":1,"id":"x","from":"y"})",
                                              R"("},\"id\":\"no\",\"msg\":{")"};
    for (const std::string& value : all) {
        const auto before = s.talk().sent().size();
        s.deliver(R"({"reply":)" + value + "}");
        co_await s.until_acked();
        const auto& sent = s.talk().sent();
        require(sent.size() == before + 1, fmt::format("no reply came for {}", value));
        require(supe::parse_json(sent.back().msg) == supe::parse_json(value),
                fmt::format("{} came back as {}", value, sent.back().msg));
    }
    co_return fmt::format("{} values came back as they were", all.size());
}

supe::awaitable<std::string> window(stage& s) {
    co_await s.start_and_await();
    const unsigned open = std::min(s.talk().window(), 64u);
    for (unsigned sent = 0; sent < 300;) {
        for (; sent < 300 && s.talk().in_flight().size() < open; ++sent)
            s.deliver(std::to_string(sent));
        co_await s.until_acked();
    }
    co_return fmt::format("300 mails, {} at once, an acknowledgement each", open);
}

supe::awaitable<std::string> redelivery(stage& s) {
    co_await s.start_and_await();
    const std::string id = s.deliver(R"({"reply":1})");
    co_await s.start_and_await();
    s.send(s.talk().deliver(id, R"({"reply":1})", 2));
    co_await s.until_acked();
    require(s.talk().sent().size() == 1, "attempt 2 of a mail was acknowledged and not handled");
    co_return "killed with a mail in flight; its next life handled attempt 2";
}

supe::awaitable<std::string> pauses(stage& s) {
    co_await s.start_and_await();
    const std::string id = s.deliver(R"({"pause":true})");
    co_await s.until_acked();
    co_await s.until_event("pause");
    co_await s.until_ready();
    // The last three events: the pause first, and the acknowledgement before mail may come again.
    const auto& all = s.talk().events();
    const std::vector<std::string> last(all.end() - 3, all.end());
    require(
        last == std::vector<std::string>{"pause", "ack " + id, "ready"},
        fmt::format("the order was {}, {}, {}: not pause, ack, ready", last[0], last[1], last[2]));
    s.deliver("1");
    co_await s.until_acked();
    co_return "it paused, and took mail again";
}

supe::awaitable<std::string> unknown_frames(stage& s) {
    co_await s.start_and_await();
    s.send(
        "{\"type\":\"signal\",\"signal\":\"SUPE-FUTURE\"}\n"
        "{\"type\":\"signal\",\"signal\":\"SUPE-FUTURE\",\"data\":{\"ids\":[1,null]}}\n"
        "{\"type\":\"signal\",\"signal\":\"MAIL-ACCEPTED\",\"data\":{\"id\":\"of-nobody\"}}\n"
        "{\"type\":\"signal\",\"signal\":\"MAIL-UNDELIVERABLE\",\"data\":{\"id\":\"of-nobody\","
        "\"reason\":\"removed\"}}\n"
        "{\"type\":\"future\",\"msg\":1}\n"
        "{\"cmd\":\"NODE_FUTURE\"}\n"
        "{}\n");
    s.deliver("1");
    co_await s.until_acked();
    std::string more = s.talk().deliver("with-more", R"({"reply":2})");
    more.insert(more.size() - 2, R"(,"future":{"a":[1]})");
    s.send(more);
    co_await s.until_acked();
    require(s.talk().sent().size() == 1, "a mail with a member more than usual had no reply");
    co_return "7 frames that it cannot know were ignored, and a member too";
}

supe::awaitable<std::string> torn_frames(stage& s) {
    co_await s.start_and_await();
    // In three pieces, the second torn inside a character; then two frames in one piece.
    const std::string frame = s.talk().deliver("torn", R"({"reply":"ä€😀"})");
    const auto inside = frame.find("€") + 1;
    s.send(frame.substr(0, 5));
    co_await s.pause();
    s.send(frame.substr(5, inside - 5));
    co_await s.pause();
    s.send(frame.substr(inside));
    co_await s.until_acked();
    require(!s.talk().sent().empty(), "the reply to a torn frame is missing");
    require(supe::parse_json(s.talk().sent().back().msg) == boost::json::value("ä€😀"),
            fmt::format("a torn frame was read as {}", s.talk().sent().back().msg));
    std::string both = "{\"type\":\"signal\",\"signal\":\"SUPE-FUTURE\"}\n";
    both += s.talk().deliver("joined", "1");
    s.send(both);
    co_await s.until_acked();
    co_return "a frame in three pieces, and two in one piece, were read";
}

supe::awaitable<std::string> big_frames(stage& s) {
    co_await s.start_and_await();
    s.deliver("\"" + std::string(supe::default_frame_limit - 64, 'x') + "\"");
    co_await s.until_acked(big_limit);
    s.deliver("1");
    co_await s.until_acked();
    co_return "a mail of 16 MiB was acknowledged, and the next one";
}

void require_clean(const supe::exit_status& end) {
    require(end == supe::exit_status::exited(0),
            fmt::format("it ended with {}, not with 0", end.text()));
}

supe::awaitable<std::string> shutdown(stage& s) {
    co_await s.start_and_await();
    const supe::exit_status end = co_await s.shut_down();
    require_clean(end);
    co_return "it ended with 0 after SUPE-SHUTDOWN";
}

supe::awaitable<std::string> shutdown_in_hand(stage& s) {
    co_await s.start_and_await();
    const unsigned open = std::min(s.talk().window(), 8u);
    for (unsigned i = 0; i < open; ++i) s.deliver(std::to_string(i));
    const supe::exit_status end = co_await s.shut_down();
    require_clean(end);
    co_return fmt::format("{} of {} mails were acknowledged before its end",
                          open - s.talk().in_flight().size(), open);
}

}  // namespace

const std::vector<conformance_check>& conformance_checks() {
    static const std::vector<conformance_check> all{
        {"takes-mail", "§2", "sends READY-TO-RECEIVE-MAIL within 10 s of its start", takes_mail},
        {"acknowledges", "§2", "sends one ACK-CURRENT-MAIL for each mail", acknowledges},
        {"config", "§2", "takes mail where SUPE-START is its first frame", config},
        {"replies", "§3", "sends what a mail makes it send before it acknowledges the mail",
         replies},
        {"values", "§2", "reads and writes any JSON value in UTF-8", values},
        {"window", "§2", "acknowledges each of the mails that its own window lets in at once",
         window},
        {"redelivery", "§3", "handles a mail of attempt 2 as any other", redelivery},
        {"pause", "§2", "sends NOT-READY-TO-RECEIVE-MAIL, and is ready later", pauses},
        {"unknown-frames", "§2", "ignores frames and members that it does not know",
         unknown_frames},
        {"torn-frames", "§2", "reads frames by their newline, however the bytes arrive",
         torn_frames},
        {"shutdown", "§5", "ends with code 0 soon after SUPE-SHUTDOWN", shutdown},
        {"shutdown-in-hand", "§5", "ends with code 0 after SUPE-SHUTDOWN with mail in hand, too",
         shutdown_in_hand},
        {"big-frames", "§2", "reads frames of up to 18 MiB", big_frames},
    };
    return all;
}

}  // namespace components
