// Each frame of a component goes to its part of the supervisor. For malformed frames:
// strange_frames.
#include "supe/supervision/frame_dispatch.hpp"

#include "tests/support/children_fixture.hpp"

using namespace std::chrono_literals;
using supe::child_entry;
using support::nested_spec_of;
using support::signal;
using support::spec_of;
using support::words;

namespace {

struct fixture : support::children_fixture, supe::order_taker {
    supe::notice_publisher notices{children, out, loop.time(), nullptr};
    supe::nested_requests below{loop.time()};
    supe::frame_dispatch dispatch{*this, children, mail, notices, below, *this};
    words published;  // `NOTICE MESSAGE`
    words ordered;    // `CHILD DATA`

    fixture() {
        notices.listen({}, [this](const supe::published& n) {
            published.push_back(n.name + " " + n.message);
        });
    }
    ~fixture() override { loop.stop(); }

    std::string on_order(supe::child& asker, std::string_view data) override {
        ordered.push_back(fmt::format("{} {}", asker.spec().name, data));
        return data.empty() ? "an order without data" : "";
    }
    void sends(child_entry& c, const std::string& frame) {
        dispatch.on_frame(c.who, frame);
        dispatch.after_turn(c);
        mail.delivery.changed(*c.mail.destination);
        mail.flush();
        loop.run_ready();
    }
    void signals(child_entry& c, const char* name) {
        sends(c, fmt::format(R"({{"type":"signal","signal":"{}"}})", name));
    }
    void signals(child_entry& c, const char* name, const char* data) {
        sends(c, signal(name, data));
    }
    void posts(const char* to, int n) {
        for (int i = 0; i < n; ++i) mail.router.post(to, "1", {});
        mail.flush();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_dispatch)

// Mail is routed with its sender. Signals of the recipient decide how much it gets: nothing before
// it is ready, and nothing while it pauses.
BOOST_AUTO_TEST_CASE(mail) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& b = f.add("b");
    const std::string frame = R"({"type":"mail","to":"b","msg":[1, 2]})";
    f.sends(a, frame);
    BOOST_TEST_SAME(f.received(b), {});
    f.signals(b, "READY-TO-RECEIVE-MAIL");
    BOOST_TEST_SAME(f.received(b),
                    {R"({"type":"mail","from":"a","msg":[1, 2],"id":"id-1","attempt":1})"});
    f.signals(b, "NOT-READY-TO-RECEIVE-MAIL");
    f.signals(b, "ACK-CURRENT-MAIL");
    f.sends(a, frame);
    BOOST_TEST_SAME(f.received(b), {});
}

// A window is a whole number from 1; anything else means 1.
BOOST_AUTO_TEST_CASE(windows) {
    const std::pair<const char*, std::size_t> cases[] = {{R"({})", 1},
                                                         {R"({"window":3})", 3},
                                                         {R"({"window":0})", 1},
                                                         {R"({"window":-4})", 1},
                                                         {R"({"window":2.5})", 1},
                                                         {R"({"window":"3"})", 1},
                                                         {R"([3])", 1},
                                                         {R"({"window":1e30})", 1},
                                                         {R"({"window":9999999999})", 5}};
    for (const auto& [data, taken] : cases) {
        fixture f;
        child_entry& a = f.add("a");
        f.posts("a", 5);
        f.signals(a, "READY-TO-RECEIVE-MAIL", data);
        BOOST_TEST(f.received(a).size() == taken, data);
    }
}

// An ack is for the oldest mail in flight, or for the ids that it names; with an empty list it has
// no effect.
BOOST_AUTO_TEST_CASE(acks) {
    fixture f;
    child_entry& a = f.add("a");
    f.signals(a, "READY-TO-RECEIVE-MAIL", R"({"window":9})");
    f.posts("a", 5);
    const auto in_flight = [&] {
        std::string ids;
        a.mail.box.for_each([&](const supe::held_mail& m) { ids += m.id().substr(3); });
        return ids;
    };
    f.signals(a, "ACK-CURRENT-MAIL");
    BOOST_TEST(in_flight() == "2345");
    f.signals(a, "ACK-CURRENT-MAIL", R"({"ids":["id-4","id-2","id-9",7]})");
    BOOST_TEST(in_flight() == "35");
    for (const char* data : {R"({"ids":[]})", R"({"ids":7})"}) {
        f.signals(a, "ACK-CURRENT-MAIL", data);
        BOOST_TEST(in_flight() == "35");
    }
    f.signals(a, "ACK-CURRENT-MAIL", R"({"\u0069d\u0073":["\u0069d-5"]})");
    BOOST_TEST(in_flight() == "3", "the key is escaped, and the ids in it count all the same");
    f.posts("a", 1);
    f.signals(a, "ACK-CURRENT-MAIL", R"({"window":1})");
    BOOST_TEST(in_flight().size() == 1u);
}

// Rejected mail goes to the dead letters with the reason, or back to its position; without an id it
// is the oldest.
BOOST_AUTO_TEST_CASE(rejections) {
    fixture f;
    child_entry& a = f.add("a");
    f.signals(a, "READY-TO-RECEIVE-MAIL", R"({"window":9})");
    f.posts("a", 3);
    f.taken(), f.received(a);
    f.signals(a, "REJECT-MAIL", R"({"id":"id-2","requeue":true,"reason":"later"})");
    BOOST_TEST_SAME(f.received(a),
                    {R"({"type":"mail","from":"supe","msg":1,"id":"id-2","attempt":2})"});
    f.signals(a, "REJECT-MAIL", R"({"id":"id-3","reason":"too old"})");
    f.signals(a, "REJECT-MAIL");
    BOOST_TEST_SAME(f.taken(),
                    {"dead: 1 to a: rejected: too old after 1", "dead: 1 to a: rejected after 1"});
    BOOST_TEST(a.mail.box.in_flight() == 1u);
}

// Of a reason 1 KiB is kept, whole characters: with the mail that goes back, and with the letter.
BOOST_AUTO_TEST_CASE(long_reasons) {
    fixture f;
    child_entry& a = f.add("a");
    f.signals(a, "READY-TO-RECEIVE-MAIL");
    f.posts("a", 1);
    std::string reason = "x", kept = "x";
    for (int n = 0; n < 5000; ++n) reason += "é";
    for (int n = 0; n < 511; ++n) kept += "é";
    const auto rejects = [&](const char* how) {
        f.sends(
            a,
            fmt::format(
                R"({{"type":"signal","signal":"REJECT-MAIL","data":{{"requeue":{},"reason":"{}"}}}})",
                how, reason));
    };
    rejects("true");
    a.mail.box.for_each([&](const supe::held_mail& m) {
        const auto history = a.mail.box.history(m);
        BOOST_REQUIRE(history.size() == 1u);
        BOOST_TEST(history[0].what == "rejected: " + kept);
    });
    BOOST_TEST(!a.mail.box.empty());
    f.taken();
    rejects("false");
    BOOST_TEST_SAME(f.taken(), {"dead: 1 to a: rejected: " + kept + " after 2"});
}

// A life has taken mail when it acks or rejects mail in flight. Signals about mail that it does not
// have, and requeued mail, do not count.
BOOST_AUTO_TEST_CASE(took_mail) {
    fixture f;
    child_entry& a = f.add("a");
    f.signals(a, "READY-TO-RECEIVE-MAIL");
    f.signals(a, "ACK-CURRENT-MAIL");
    f.signals(a, "REJECT-MAIL");
    BOOST_TEST(!a.took_mail);
    f.posts("a", 2);
    f.signals(a, "REJECT-MAIL", R"({"requeue":true})");
    BOOST_TEST(!a.took_mail);
    f.signals(a, "ACK-CURRENT-MAIL");
    BOOST_TEST(a.took_mail);
    a.took_mail = false;
    f.signals(a, "REJECT-MAIL");
    BOOST_TEST(a.took_mail);
    f.signals(a, "ACK-CURRENT-MAIL");
    BOOST_TEST(a.took_mail);  // it stays so in this life
}

// An ack of an instance with nothing in flight is no work of its own, whatever its siblings have.
BOOST_AUTO_TEST_CASE(siblings_took_mail) {
    fixture f;
    supe::child_spec spec = spec_of("w");
    spec.instances = 2;
    supe::child_group& group = f.children.add_group(spec);
    child_entry& one = f.children.add_instance(group, 1);
    child_entry& two = f.children.add_instance(group, 2);
    for (child_entry* const c : {&one, &two}) c->begin(), f.start(*c);
    f.signals(one, "READY-TO-RECEIVE-MAIL");
    f.posts("w", 1);
    BOOST_TEST(one.mail.box.in_flight() == 1u);
    f.signals(two, "ACK-CURRENT-MAIL");
    f.signals(two, "REJECT-MAIL");
    BOOST_TEST(!two.took_mail);
    f.signals(one, "ACK-CURRENT-MAIL");
    BOOST_TEST(one.took_mail);
}

// Signals about the process reach its lifecycle: ready and alive.
BOOST_AUTO_TEST_CASE(the_process) {
    fixture f;
    supe::child_spec spec = spec_of("a");
    spec.ready = supe::ready_kind::signal;
    spec.watchdog = 1s;
    child_entry& a = f.add(spec);
    BOOST_TEST_SAME(f.taken(), {});
    f.signals(a, "COMPONENT-READY");
    BOOST_TEST_SAME(f.taken(), {"ready: a"});
    for (int i = 0; i < 3; ++i) {
        f.loop.advance(900ms);
        f.signals(a, "COMPONENT-ALIVE");
    }
    BOOST_TEST_SAME(f.taken(), {});
    f.loop.advance(1s);
    BOOST_TEST_SAME(f.taken(), {"ended: a watchdog: no ping for 1s"});
}

// A component that has sent mail or a signal knows SUPE-SHUTDOWN. Other bytes do not show that.
BOOST_AUTO_TEST_CASE(has_spoken) {
    for (const char* frame : {"rubbish", "[1]", R"({"cmd":"NODE_DISCONNECT"})",
                              R"({"type":"signal"})", R"({"type":"mail","to":7})"}) {
        fixture f;
        child_entry& a = f.add("a");
        f.sends(a, frame);
        BOOST_TEST(!a.who.state().has_spoken(), frame);
    }
    for (const char* frame : {R"({"type":"mail"})", R"({"type":"signal","signal":"WHAT"})"}) {
        fixture f;
        child_entry& a = f.add("a");
        f.sends(a, frame);
        BOOST_TEST(a.who.state().has_spoken(), frame);
    }
}

// READY-FOR-CONFIG is answered with config and address; requests about notices are answered;
// unhandled mail is a notice.
BOOST_AUTO_TEST_CASE(requests) {
    fixture f;
    supe::child_spec spec = spec_of("a");
    spec.config = boost::json::value{{"port", 80}};
    child_entry& a = f.add(spec);
    f.signals(a, "READY-FOR-CONFIG");
    f.signals(a, "NOTICEBOARD-REQUEST", R"({"type":"watch","notice":"n"})");
    BOOST_TEST_SAME(
        f.received(a),
        {signal("SUPE-START", R"({"address":"/a","config":{"port":80}})"),
         signal("NOTICEBOARD-RESPONSE", R"({"type":"watch","notice":"n","success":true})")});
    f.signals(a, "UNHANDLED-MAIL");
    BOOST_TEST_SAME(f.published, {R"(mail-unhandled {"name":"a"})"});
    f.signals(a, "NOTICEBOARD-REQUEST", R"({"type":"watch"})");
    BOOST_TEST(
        f.published.back().starts_with(R"(component-bad-frame {"name":"a","reason":"NOTICE)"));
}

// Only the message of a notice may be long: a supervisor that looks into more stands still for that
// time.
BOOST_AUTO_TEST_CASE(long_signals) {
    fixture f;
    child_entry& a = f.add("a");
    const std::string junk = '"' + std::string(1u << 20, 'x') + '"';
    const std::string data = R"({"status":"s","id":"1","junk":)" + junk + "}";
    int count = 0;
    for (const char* name : {"COMPONENT-STATUS", "ACK-CURRENT-MAIL", "READY-TO-RECEIVE-MAIL",
                             "REJECT-MAIL", "SUPERVISOR-REQUEST"}) {
        f.signals(a, name, data.c_str());
        const std::string reason =
            fmt::format("{}: `data` has {} bytes, and may have 1048576", name, data.size());
        BOOST_TEST_SAME(
            std::exchange(f.published, {}),
            {fmt::format(R"(component-bad-frame {{"name":"a","reason":"{}","count":{}}})", reason,
                         ++count)});
    }
    BOOST_TEST(a.who.status_text().empty());
    const auto notify = [&](const char* member) {
        const std::string whole =
            fmt::format(R"({{"type":"notify","notice":"n","{}":{}}})", member, junk);
        f.signals(a, "NOTICEBOARD-REQUEST", whole.c_str());
        return std::exchange(f.published, {});
    };
    BOOST_TEST_SAME(notify("message"), {"n " + junk});
    BOOST_TEST(
        notify("opts").front().starts_with(R"(component-bad-frame {"name":"a","reason":"N)"));
}

// What a component asks of its supervisor is passed on; a fault in it is a bad frame.
BOOST_AUTO_TEST_CASE(orders) {
    fixture f;
    child_entry& a = f.add("a");
    f.signals(a, "SUPERVISOR-REQUEST", R"({"id":"1","do":"stop","name":"b"})");
    BOOST_TEST_SAME(f.ordered, {R"(a {"id":"1","do":"stop","name":"b"})"});
    BOOST_TEST_SAME(f.published, {});
    f.signals(a, "SUPERVISOR-REQUEST");
    BOOST_TEST_SAME(
        f.published,
        {R"(component-bad-frame {"name":"a","reason":"an order without data","count":1})"});
}

// What it says of itself is one line; only a string counts.
BOOST_AUTO_TEST_CASE(status) {
    fixture f;
    child_entry& a = f.add("a");
    f.signals(a, "COMPONENT-STATUS", R"({"status":"one\ntwo \u001b[1mthree"})");
    BOOST_TEST(a.who.status_text() == "onetwo [1mthree");
    for (const char* data : {R"({"status":7})", "{}", "[1]"})
        f.signals(a, "COMPONENT-STATUS", data);
    BOOST_TEST(a.who.status_text() == "onetwo [1mthree");
    BOOST_TEST(f.published.size() == 3u);
    f.signals(a, "COMPONENT-STATUS", R"({"status":""})");
    BOOST_TEST(a.who.status_text() == "");
}

// However often a component asks for its config in one turn: it gets one answer, and none before it
// has read what it was sent.
BOOST_AUTO_TEST_CASE(one_config_a_turn) {
    fixture f;
    supe::child_spec spec = spec_of("a");
    spec.config = boost::json::value(std::string(100, 'x'));
    child_entry& a = f.add(spec);
    const std::string asks = R"({"type":"signal","signal":"READY-FOR-CONFIG"})";
    for (int n = 0; n < 200; ++n) f.dispatch.on_frame(a.who, asks);
    f.signals(a, "READY-FOR-CONFIG");
    BOOST_TEST(f.received(a).size() == 1u);
    f.signals(a, "UNHANDLED-MAIL");
    BOOST_TEST_SAME(f.received(a), {});
    a.who.link()->out() += std::string(2 * supe::channel::backlog_limit, 'x') + "\n";
    f.signals(a, "READY-FOR-CONFIG");
    BOOST_TEST(a.wants_config);
}

// A nested supervisor reports the outcome of mail, the reason of its failure, and its answers.
BOOST_AUTO_TEST_CASE(from_a_supervisor) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& n = f.add(nested_spec_of("n"));
    f.signals(n, "READY-TO-RECEIVE-MAIL", R"({"window":9})");
    for (const char* id : {"1", "2"})
        f.sends(
            a, fmt::format(R"({{"type":"mail","to":"n/x","msg":1,"id":"{}","receipt":true}})", id));
    f.signals(n, "MAIL-WITHHELD", R"({"id":"id-2"})");
    f.signals(n, "ACK-CURRENT-MAIL", R"({"ids":["id-1"]})");
    f.signals(n, "MAIL-ACKED", R"({"id":"id-1"})");
    f.signals(n, "MAIL-UNDELIVERABLE", R"({"id":"id-2","reason":"mailbox-full"})");
    BOOST_TEST_SAME(
        f.received(a),
        {signal("MAIL-ACCEPTED", R"({"id":"1"})"), signal("MAIL-ACKED", R"({"id":"1"})"),
         signal("MAIL-UNDELIVERABLE", R"({"id":"2","reason":"mailbox-full"})")});
    f.signals(n, "SUPE-FAILED", R"({"why":"child x: exit code 1"})");
    BOOST_REQUIRE(n.failure_below);
    BOOST_TEST(*n.failure_below == "child x: exit code 1");
    struct asker {
        static supe::awaitable<> ask(fixture& f, child_entry& n, std::string& answer) {
            supe::supervisor_request request;
            const std::function<bool()> is_wanted = [] { return true; };
            const boost::json::value got =
                co_await f.below.ask(n.who, std::move(request), is_wanted);
            answer = got.is_string() ? std::string(got.get_string()) : "none";
        }
    };
    std::string answer;
    f.loop.start(asker::ask(f, n, answer));
    f.loop.run_ready();
    f.loop.advance(9s);
    f.signals(n, "SUPE-WORKING", R"({"id":"1"})");
    f.loop.advance(9s);
    BOOST_TEST(answer == "");
    f.signals(n, "SUPE-ANSWER", R"({"id":"1","answer":"done"})");
    BOOST_TEST(answer == "done");
    BOOST_TEST_SAME(f.published, {});
}

// A component cannot send the signals of a nested supervisor, and no child those of a supervisor to
// its children: such signals count as unknown.
BOOST_AUTO_TEST_CASE(not_for_us) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& n = f.add(nested_spec_of("n"));
    f.signals(a, "READY-TO-RECEIVE-MAIL");
    f.posts("a", 1);
    words expected;
    for (const char* name : {"MAIL-ACKED", "MAIL-UNDELIVERABLE", "MAIL-WITHHELD", "SUPE-FAILED",
                             "SUPE-ANSWER", "SUPE-WORKING"}) {
        f.signals(a, name, R"({"id":"id-1","why":"x"})");
        expected.push_back(fmt::format(R"(component-signal {{"name":"a","signal":"{}"}})", name));
    }
    BOOST_TEST(!a.failure_below);
    BOOST_TEST(a.mail.box.in_flight() == 1u);
    for (const char* name : {"SUPE-START", "SUPE-SHUTDOWN", "MAIL-ACCEPTED", "NOTICEBOARD-RESPONSE",
                             "NOTICEBOARD-EVENT", "SUPE-ASK", "SUPERVISOR-RESPONSE", "WHAT"}) {
        f.signals(n, name);
        expected.push_back(fmt::format(R"(component-signal {{"name":"n","signal":"{}"}})", name));
    }
    BOOST_TEST(f.published == expected, boost::test_tools::per_element());
}

// Bad frames are counted for each child; the log has the first, the tenth, the hundredth.
BOOST_AUTO_TEST_CASE(bad_frames) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& b = f.add("b");
    f.taken();
    for (int i = 1; i <= 100; ++i) f.dispatch.on_bad_frame(a.who, fmt::format("why {}", i));
    f.dispatch.on_bad_frame(b.who, "why");
    BOOST_TEST_SAME(f.taken(), {"log: a sent 1 bad frame so far, the latest: why 1",
                                "log: a sent 10 bad frames so far, the latest: why 10",
                                "log: a sent 100 bad frames so far, the latest: why 100",
                                "log: b sent 1 bad frame so far, the latest: why"});
    BOOST_TEST(f.published.back() ==
               R"(component-bad-frame {"name":"b","reason":"why","count":1})");
}

BOOST_AUTO_TEST_SUITE_END()
