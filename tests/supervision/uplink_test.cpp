// Requests and reports between two supervisors: what goes up, and requests that wait for nested
// supervisors.
#include "supe/supervision/uplink.hpp"

#include "supe/supervision/large_answer.hpp"
#include "tests/support/children_fixture.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

using namespace std::chrono_literals;
using boost::json::value;
using supe::child_entry;
using supe::supervisor_request;
using support::signal;
using support::words;
using kind = supe::signal_kind;

namespace {

struct fixture : support::children_fixture {
    supe::nested_requests below{loop.time()};

    child_entry* asked = nullptr;

    bool is_wanted = true;
    ~fixture() override { loop.stop(); }

    /// The answer to a request; without a value while the request waits.
    using answer = std::shared_ptr<std::optional<value>>;
    answer ask(child_entry& nested, const char* body = R"({"do":"status"})",
               supervisor_request::kind what = supervisor_request::kind::command) {
        auto into = std::make_shared<std::optional<value>>();
        asked = &nested;
        loop.start(wait(*this, nested, {what, boost::json::parse(body)}, into));
        loop.run_ready();
        return into;
    }
    static supe::awaitable<> wait(fixture& f, child_entry& nested, supervisor_request request,
                                  answer into) {
        const std::function<bool()> is_wanted = [&f] { return f.is_wanted; };
        *into = co_await f.below.ask(nested.who, std::move(request), is_wanted);
    }
    /// A signal from the nested supervisor.
    void sends(kind k, const char* data) {
        below.on_signal(asked->who, {k, std::string(name_of(k)), data});
        loop.run_ready();
    }
};

std::string text(const fixture::answer& a) {
    return *a ? boost::json::serialize(**a) : "no answer yet";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(uplink)

// Each report goes up as a signal at the end of the turn. A notice goes up with its unchanged
// message, or null without one.
BOOST_AUTO_TEST_CASE(reports) {
    support::router_fixture o;
    supe::uplink up(o.up.wire, o.out, o.time);
    BOOST_TEST(&up.link() == o.up.wire.get());
    up.send_ready();
    up.send_failed("child a: \"x\"");
    up.send_notice("n", R"({"x" : 1.50})");
    up.send_notice("m\"", "");
    up.send_working("7");
    supe::outgoing_answer answer("7", value{{"ok", true}});
    up.send_piece_of(answer);
    BOOST_TEST(answer.is_sent());
    BOOST_TEST_SAME(o.up.received(), {});
    o.out.flush();
    const auto notify = [](const char* notice, const char* message) {
        return signal(
            "NOTICEBOARD-REQUEST",
            fmt::format(R"({{"type":"notify","notice":{},"message":{}}})", notice, message)
                .c_str());
    };
    BOOST_TEST_SAME(
        o.up.received(),
        {R"({"type":"signal","signal":"COMPONENT-READY"})",
         signal("SUPE-FAILED", R"({"why":"child a: \"x\""})"), notify(R"("n")", R"({"x" : 1.50})"),
         notify(R"("m\"")", "null"), signal("SUPE-WORKING", R"({"id":"7"})"),
         signal("SUPE-ANSWER", R"({"id":"7","answer":{"ok":true}})")});
}

// Where the supervisor above does not read, what waits is bounded: a notice beyond it is lost. An
// answer has room behind notices, and goes before the next one. Once it reads, notices go again.
BOOST_AUTO_TEST_CASE(above_does_not_read) {
    support::router_fixture o;
    supe::uplink up(o.up.wire, o.out, o.time);
    const std::string notice = '"' + std::string(900'000, 'x') + '"';
    int sent = 0;
    while (sent < 100 && up.send_notice("n", notice)) {
        o.out.flush();
        ++sent;
    }
    BOOST_TEST(sent < 5);
    BOOST_TEST(o.up.wire->backlog() < supe::channel::upward::notices + notice.size() + 1000);
    BOOST_TEST(up.has_room());
    up.send_working("7");
    supe::outgoing_answer answer("7", value{{"ok", true}});
    up.send_piece_of(answer);
    BOOST_TEST(o.up.wire->out().ends_with(
        signal("SUPE-WORKING", R"({"id":"7"})") + "\n" +
        signal("SUPE-ANSWER", R"({"id":"7","answer":{"ok":true}})") + "\n"));
    while (o.up.wire->backlog() > 0) {
        o.up.received();
        o.up.wire->flush();
    }
    BOOST_TEST(up.send_notice("n", std::string(15u << 20, '1')));
    BOOST_TEST(!up.has_room());
    const std::size_t before = o.up.wire->backlog();
    up.send_working("8");
    BOOST_TEST(o.up.wire->backlog() == before);
    while (!up.has_room()) {
        o.up.received();
        o.up.wire->flush();
    }
    BOOST_TEST(!up.send_notice("n", "1"));
    while (o.up.wire->backlog() > supe::channel::upward::notices) {
        o.up.received();
        o.up.wire->flush();
    }
    BOOST_TEST(up.send_notice("n", "1"));
}

// Mail and answers that wait before it crowd no notice out.
BOOST_AUTO_TEST_CASE(a_notice_behind_mail) {
    support::router_fixture o;
    supe::uplink up(o.up.wire, o.out, o.time);
    o.up.wire->out() = std::string(supe::channel::upward::mail + (1u << 20), 'm') + "\n";
    BOOST_TEST(up.send_notice("n", "1"));
    int sent = 0;
    while (sent < 100 && up.send_notice("n", '"' + std::string(100'000, 'x') + '"')) ++sent;
    BOOST_TEST(sent == 11);
}

// A request from above is a command or a tree, with its id. Other data is no request.
BOOST_AUTO_TEST_CASE(requests) {
    using up = supe::uplink;
    const auto command = up::read_request(R"({"id":"3","request":{"do":"status"}})");
    BOOST_REQUIRE(command);
    BOOST_TEST(command->id == "3");
    BOOST_TEST((command->request().what == supervisor_request::kind::command));
    BOOST_TEST(boost::json::serialize(command->request().body) == R"({"do":"status"})");
    const auto tree = up::read_request(R"({"tree":{"children":[]},"id":"4"})");
    BOOST_REQUIRE(tree);
    BOOST_TEST((tree->request().what == supervisor_request::kind::reload));
    BOOST_TEST(boost::json::serialize(tree->request().body) == R"({"children":[]})");
    for (const char* data : {"", "null", "[1]", R"({"id":"5"})", R"({"id":"5","request":"status"})",
                             R"({"id":"5","tree":[1]})"})
        BOOST_TEST(!up::read_request(data), data);
}

// The list of a `restore` stands in the frame as it is, and comes out as it was. Nested too deep
// for that, or of several lines, it goes as a string.
BOOST_AUTO_TEST_CASE(list_in_place) {
    const std::string list = R"([{"msg":"\"1\"", "n":1.50}, "x"])";
    const std::string deep = std::string(511, '[') + std::string(511, ']');
    const std::string lines = "[1,\n2]";
    for (const std::string& mails : {list, deep, lines}) {
        fixture f;
        child_entry& n = f.add(support::nested_spec_of("n"));
        const auto asked =
            f.ask(n, boost::json::serialize(value{{"mails", mails}, {"do", "restore"}}).c_str());
        const words frames = f.received(n);
        BOOST_REQUIRE(frames.size() == 1u);
        BOOST_TEST((frames[0].find("\"mails\":[") != std::string::npos) == (mails == list));
        const supe::message m = supe::read_message(frames[0]);
        const auto* s = std::get_if<supe::signal_frame>(&m);
        BOOST_REQUIRE(s);
        const auto read = supe::uplink::read_request(s->data);
        BOOST_REQUIRE(read);
        const value body = read->request().body;
        BOOST_TEST(body.at("do") == "restore");
        BOOST_TEST((body.at("mails") == value(mails)));
    }
}

// --- nested_requests ---

// A request is sent at once, and its answer is any JSON; a reload sends a tree. An answer without
// its member is null.
BOOST_AUTO_TEST_CASE(asked_and_answered) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    const auto first = f.ask(n);
    BOOST_TEST_SAME(f.received(n), {signal("SUPE-ASK", R"({"id":"1","request":{"do":"status"}})")});
    BOOST_TEST(text(first) == "no answer yet");
    f.sends(kind::supe_answer, R"({"id":"1","answer":{"children":[1,2]}})");
    BOOST_TEST(text(first) == R"({"children":[1,2]})");
    const auto second = f.ask(n, R"({"name":"t"})", supervisor_request::kind::reload);
    BOOST_TEST_SAME(f.received(n), {signal("SUPE-ASK", R"({"id":"2","tree":{"name":"t"}})")});
    f.sends(kind::supe_answer, R"({"id":"2"})");
    BOOST_TEST(text(second) == "null");
}

// Several requests are under way at once, to one supervisor and to others; each gets its own
// answer, in any order.
BOOST_AUTO_TEST_CASE(several_at_once) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    child_entry& m = f.add(support::nested_spec_of("m"));
    const auto one = f.ask(n), two = f.ask(m), three = f.ask(n);
    BOOST_TEST(f.received(n).size() == 2u);
    f.sends(kind::supe_answer, R"({"id":"3","answer":"c"})");
    f.sends(kind::supe_answer, R"({"id":"9","answer":"x"})");
    f.sends(kind::supe_answer, R"({"answer":"x"})");
    f.sends(kind::supe_answer, R"({"id":"1","answer":"a"})");
    BOOST_TEST(text(one) == R"("a")");
    BOOST_TEST(text(two) == "no answer yet");
    BOOST_TEST(text(three) == R"("c")");
    BOOST_TEST(f.below.asked() == 1u);  // of `n` nothing is kept
}

// A large answer goes up in pieces that fit a frame, and arrives as it was: quotes, backslashes and
// characters of several bytes lie at the cuts. It stays text, and is text when it is passed on.
BOOST_AUTO_TEST_CASE(in_pieces) {
    for (const char* unit : {"x", "\"", "\\", "\x01", "ä", "€", "𝄞"}) {
        support::router_fixture o;
        supe::uplink up(o.up.wire, o.out, o.time);
        std::string letter = "1";
        while (letter.size() < (1u << 20)) letter += unit;
        const value whole{{"ok", letter}};
        supe::outgoing_answer sent("1", whole);
        while (!sent.is_sent()) up.send_piece_of(sent);
        const std::string frames = std::exchange(o.up.wire->out(), {});
        fixture f;
        child_entry& n = f.add(support::nested_spec_of("n"));
        const auto asked = f.ask(n);
        std::size_t pieces = 0;
        supe::frame_splitter splitter;
        splitter.feed(frames, [&](std::string_view frame) {
            ++pieces;
            BOOST_TEST(frame.size() <= supe::default_frame_limit);
            const supe::message m = supe::read_message(frame);
            const auto* s = std::get_if<supe::signal_frame>(&m);
            BOOST_REQUIRE(s);
            f.below.on_signal(n.who, *s);
            f.loop.advance(9s);
        });
        BOOST_TEST(pieces >= 3u);
        BOOST_REQUIRE(*asked);
        BOOST_TEST(supe::has_ok(**asked));
        BOOST_TEST((**asked != whole));
        BOOST_TEST((supe::answer_text(**asked) == boost::json::serialize(whole)));
        BOOST_TEST((supe::ok_of(**asked) == value(letter)));
    }
}

// Past the limits a request and an answer are refused with a word.
BOOST_AUTO_TEST_CASE(too_large) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    const std::string large(supe::request_limits::request, 'x');
    const auto asked = f.ask(n, fmt::format(R"({{"do":"{}"}})", large).c_str());
    BOOST_TEST(text(asked).starts_with(R"({"error":"the request is too large: )"));
    BOOST_TEST_SAME(f.received(n), {});
    const auto second = f.ask(n);
    const std::string piece(supe::request_limits::piece, 'x');
    for (std::size_t sent = 0; sent < supe::request_limits::answer; sent += piece.size())
        f.sends(kind::supe_answer,
                fmt::format(R"({{"id":"1","piece":"{}","last":false}})", piece).c_str());
    BOOST_TEST(text(second) == "no answer yet");
    f.sends(kind::supe_answer, R"({"id":"1","piece":"x","last":false})");
    BOOST_TEST(text(second).starts_with(R"({"error":"the answer is too large: )"));
    // Pieces that nobody waits for, and pieces that are no JSON, do no harm.
    f.sends(kind::supe_answer, R"({"id":"1","piece":"x","last":true})");
    const auto third = f.ask(n);
    f.sends(kind::supe_answer, R"({"id":"2","piece":"{","last":true})");
    BOOST_TEST(text(third) == "null");
}

// Of several answers, none of them too large, those that would take too much memory together are
// refused. What was refused counts no more.
BOOST_AUTO_TEST_CASE(too_many_large_answers) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    std::vector<fixture::answer> all;
    for (int i = 0; i < 3; ++i) all.push_back(f.ask(n));
    const std::string piece(supe::request_limits::answer / 8, 'x');
    const auto send = [&](int id, int pieces) {
        for (int i = 0; i < pieces; ++i)
            f.sends(kind::supe_answer,
                    fmt::format(R"({{"id":"{}","piece":"{}","last":false}})", id, piece).c_str());
    };
    send(1, 6);
    send(2, 6);
    send(3, 4);
    for (const auto& answer : all) BOOST_TEST(text(answer) == "no answer yet");
    send(3, 1);
    BOOST_TEST(text(all[2]).starts_with(R"({"error":"too many answers wait )"));
    send(1, 1);
    BOOST_TEST(text(all[0]) == "no answer yet");
}

// A supervisor that does not read has one request at most, and what waits for room is never sent to
// it. Where it reads, each goes in its turn.
BOOST_AUTO_TEST_CASE(not_reading) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    const std::string large =
        fmt::format(R"({{"do":"{}"}})", std::string(supe::request_limits::request / 2, 'x'));
    std::vector<fixture::answer> all;
    for (int i = 0; i < 3; ++i) all.push_back(f.ask(n, large.c_str()));
    const std::size_t backlog = n.who.link()->backlog();
    BOOST_TEST(backlog > supe::channel::backlog_limit);
    BOOST_TEST(backlog < large.size() + 1000);
    // … and a bounded number waits.
    std::size_t refused = 0;
    for (int i = 0; i < 10; ++i) refused += text(f.ask(n, large.c_str())) == "null";
    BOOST_TEST(refused > 0u);
    BOOST_TEST(refused < 10u);
    f.loop.advance(10s);
    for (const auto& answer : all) BOOST_TEST(text(answer) == "null");
    BOOST_TEST(n.who.link()->backlog() == backlog);
    BOOST_TEST(f.below.asked() == 0u);
    // It reads again.
    const auto late = f.ask(n), unwanted = f.ask(n);
    BOOST_TEST(n.who.link()->backlog() == backlog);
    while (n.who.link()->backlog() > 0) f.received(n);
    f.below.after_turn(n.who);
    f.loop.run_ready();
    BOOST_TEST(f.received(n).size() == 2u);
    f.loop.advance(9s);
    BOOST_TEST(text(late) == "no answer yet");
}

// A supervisor that sends nothing about a request for 10 s counts as silent. Each SUPE-WORKING adds
// 10 s; one about another request does not.
BOOST_AUTO_TEST_CASE(silent) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    const auto one = f.ask(n), two = f.ask(n);
    f.loop.advance(9s);
    f.sends(kind::supe_working, R"({"id":"2"})");
    f.loop.advance(999ms);
    BOOST_TEST(text(one) == "no answer yet");
    f.loop.advance(1ms);
    BOOST_TEST(text(one) == "null");
    for (int i = 0; i < 10; ++i) {
        f.loop.advance(8s);
        f.sends(kind::supe_working, R"({"id":"2"})");
    }
    BOOST_TEST(text(two) == "no answer yet");
    // A late answer has no effect, and the next request gets its own answer.
    f.sends(kind::supe_answer, R"({"id":"1","answer":"late"})");
    const auto three = f.ask(n);
    f.sends(kind::supe_answer, R"({"id":"3","answer":"c"})");
    BOOST_TEST(text(one) == "null");
    BOOST_TEST(text(three) == R"("c")");
    f.loop.advance(10s);
    BOOST_TEST(text(two) == "null");
}

// No request waits for a supervisor that is down, or that ends meanwhile; an answer that came
// before the end counts.
BOOST_AUTO_TEST_CASE(down) {
    fixture f;
    child_entry& n = f.children.add(support::nested_spec_of("n"));
    child_entry& m = f.add(support::nested_spec_of("m"));
    const auto never_up = f.ask(n);
    BOOST_TEST(text(never_up) == "null");
    const auto one = f.ask(m);
    f.below.on_ended(n.who);
    f.loop.run_ready();
    BOOST_TEST(text(one) == "no answer yet");
    const auto two = f.ask(m);
    f.below.on_signal(m.who, {kind::supe_answer, "", R"({"id":"1","answer":"a"})"});
    f.below.on_ended(m.who);
    f.loop.run_ready();
    BOOST_TEST(text(one) == R"("a")");
    BOOST_TEST(text(two) == "null");
}

// A request that nobody wants any more ends without an answer.
BOOST_AUTO_TEST_CASE(unwanted) {
    fixture f;
    child_entry& m = f.add(support::nested_spec_of("m"));
    const auto one = f.ask(m);
    f.below.look_again();
    f.loop.run_ready();
    BOOST_TEST(text(one) == "no answer yet");
    f.is_wanted = false;
    f.below.look_again();
    f.loop.run_ready();
    BOOST_TEST(text(one) == "null");
    BOOST_TEST(f.below.asked() == 0u);
}

// The supervisor may be removed while a request waits, and the request may be cancelled: neither
// touches what is gone.
BOOST_AUTO_TEST_CASE(gone_meanwhile) {
    fixture f;
    child_entry& n = f.add(support::nested_spec_of("n"));
    child_entry& m = f.add(support::nested_spec_of("m"));
    const auto one = f.ask(n);
    f.remove(n);
    f.loop.run(f.children.join_removed());
    BOOST_TEST(text(one) == "no answer yet");
    f.loop.advance(10s);
    BOOST_TEST(text(one) == "null");
    const auto two = f.ask(m);
    f.loop.stop();
    f.sends(kind::supe_answer, R"({"id":"2","answer":"a"})");
    f.below.on_ended(m.who);
    BOOST_TEST(text(two) == "no answer yet");
}

BOOST_AUTO_TEST_SUITE_END()
