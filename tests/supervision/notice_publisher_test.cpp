// Who gets what a supervisor publishes: children that watch, listeners outside the tree, the
// supervisor above.
#include "supe/supervision/notice_publisher.hpp"

#include "tests/support/children_fixture.hpp"

using supe::child_entry;
using support::signal;
using support::words;

namespace {

/// A root, or a nested supervisor.
struct fixture : support::children_fixture {
    support::neighbour up{loop.time()};
    supe::uplink above{up.wire, out, loop.time()};
    supe::notice_publisher notices;

    explicit fixture(const std::string& address = "")
        : children_fixture(address),
          notices(children, out, loop.time(), address.empty() ? nullptr : &above) {}

    /// A request of this child. Returns what is wrong with it.
    std::string asks(child_entry& c, const std::string& members) {
        return notices.on_request(c.who, "{" + members + "}");
    }
    void watches(child_entry& c, const std::string& notice) {
        asks(c, fmt::format(R"("type":"watch","notice":"{}")", notice));
        received(c);
    }
    /// Appends to `into` what a listener of these names gets, as `NAME MESSAGE by SOURCE`.
    std::uint64_t listen(std::vector<std::string> names, words& into) {
        return notices.listen(std::move(names), [&into](const supe::published& n) {
            into.push_back(fmt::format("{} {} by {}", n.name, n.message, n.source));
        });
    }
    void on_ended(supe::child& c, const supe::child_end&) override { notices.forget_watches_of(c); }
};

std::string event(const char* notice, const char* message) {
    return signal(
        "NOTICEBOARD-EVENT",
        fmt::format(R"({{"type":"notice","notice":"{}","msg":{{"notice":{}}}}})", notice, message)
            .c_str());
}
std::string response(const char* members) {
    return signal("NOTICEBOARD-RESPONSE", fmt::format("{{{}}}", members).c_str());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(notice_publisher)

// A notice reaches the children that watch it and the listeners that want it, with its unchanged
// message, its source and its time. A listener that has stopped gets no more.
BOOST_AUTO_TEST_CASE(published) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& b = f.add("b");
    f.watches(a, "n");
    f.watches(b, "m");
    words all, some, others;
    const auto id = f.listen({}, all);
    f.listen({"n", "x"}, some);
    f.listen({"m"}, others);
    f.notices.publish("n", R"({"x" : 1.50})", "web");
    f.notices.publish("n", "");
    BOOST_TEST_SAME(f.received(a), {event("n", R"({"x" : 1.50})"), event("n", "null")});
    BOOST_TEST_SAME(f.received(b), {});
    BOOST_TEST_SAME(all, {R"(n {"x" : 1.50} by web)", "n null by supe"});
    BOOST_TEST(some == all);
    BOOST_TEST_SAME(others, {});
    f.notices.stop_listening(id);
    f.notices.publish("n", "2");
    BOOST_TEST(all.size() == 2u);
    BOOST_TEST(some.size() == 3u);
}

// The time of a notice is that of its publication, also from the cache.
BOOST_AUTO_TEST_CASE(when) {
    fixture f;
    std::vector<std::chrono::system_clock::time_point> at;
    const auto note = [&](const supe::published& n) { at.push_back(n.at); };
    f.notices.listen({"n"}, note);
    const auto then = f.loop.time().wall();
    f.notices.publish("n", "1");
    f.loop.advance(std::chrono::seconds(5));
    f.notices.listen({"n"}, note);
    BOOST_TEST((at == std::vector{then, then}));
}

// A notice with a malformed name is not published.
BOOST_AUTO_TEST_CASE(no_name) {
    fixture f;
    words all;
    f.listen({}, all);
    f.notices.publish("", "1");
    f.notices.publish(std::string(2000, 'n'), "1");
    BOOST_TEST_SAME(all, {});
}

// A notice about a child has three names and the same message: one for all components, npm's, and
// the child's own (contract §4).
BOOST_AUTO_TEST_CASE(about_a_child) {
    fixture f;
    words all;
    f.listen({}, all);
    f.notices.publish_about("web", "started", R"("pid":1,"restarts":0)");
    f.notices.publish_about("web", "stopped");
    BOOST_TEST_SAME(
        all, {R"(component-started {"name":"web","pid":1,"restarts":0} by web)",
              R"(citizen-started {"name":"web","pid":1,"restarts":0} by web)",
              R"(web-started {"name":"web","pid":1,"restarts":0} by web)",
              R"(component-stopped {"name":"web"} by web)",
              R"(citizen-stopped {"name":"web"} by web)", R"(web-stopped {"name":"web"} by web)"});
}

// A nested supervisor passes on the notices of `forward` in the same turn, and the notices that its
// code sends up, which are not published here. The root publishes those here.
BOOST_AUTO_TEST_CASE(to_the_supervisor_above) {
    fixture f("/dam");
    words all;
    f.listen({}, all);
    f.notices.set_forward({"n", "m"});
    f.notices.publish("n", "1", "web");
    f.notices.publish("x", "2");
    f.notices.notify_above("y", "3");
    const auto notify = [](const char* data) { return signal("NOTICEBOARD-REQUEST", data); };
    BOOST_TEST_SAME(f.up.received(), {notify(R"({"type":"notify","notice":"n","message":1})"),
                                      notify(R"({"type":"notify","notice":"y","message":3})")});
    BOOST_TEST_SAME(all, {"n 1 by web", "x 2 by supe"});
    f.notices.set_forward({});
    f.notices.publish("n", "4");
    BOOST_TEST_SAME(f.up.received(), {});

    fixture root;
    words there;
    root.listen({}, there);
    root.notices.set_forward({"n"});
    root.notices.publish("n", "1");
    root.notices.notify_above("y", "3");
    BOOST_TEST_SAME(there, {"n 1 by supe", "y 3 by supe"});
    BOOST_TEST_SAME(root.up.received(), {});
}

// A line of output is published only when that notice is watched, as a JSON string, whatever its
// bytes. A listener of all notices does not count: it would get every line.
BOOST_AUTO_TEST_CASE(lines) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& b = f.add("b");
    words all, of_b, errors;
    f.listen({}, all);
    f.notices.publish_line(b.who, supe::stream::out, "unheard");
    f.listen({"b-output"}, of_b);
    BOOST_TEST_SAME(of_b, {});  // it is not in the cache either
    f.watches(a, "b-error");
    f.notices.publish_line(b.who, supe::stream::out, "one \"1\" \xff");
    f.notices.publish_line(b.who, supe::stream::err, "two");
    f.notices.publish_line(a.who, supe::stream::out, "unheard");
    BOOST_TEST_SAME(of_b, {R"(b-output "one \"1\" \\xff" by b)"});
    BOOST_TEST_SAME(f.received(a), {event("b-error", "\"two\"")});
    // A notice whose name only ends so is an ordinary notice.
    f.notices.publish("disk-error", "1");
    BOOST_TEST_SAME(all, {"disk-error 1 by supe"});
}

// A new listener gets the last notice of each name first, by name or all of them; output only by
// name.
BOOST_AUTO_TEST_CASE(the_cached_ones_first) {
    fixture f;
    child_entry& a = f.add("a");
    words first;
    f.listen({"a-output"}, first);
    for (const char* message : {"1", "2"}) f.notices.publish("n", message, "web");
    f.notices.publish("m", "3");
    f.notices.publish_line(a.who, supe::stream::out, "line");
    words all, some, output;
    f.listen({}, all);
    f.listen({"m", "none"}, some);
    f.listen({"a-output"}, output);
    BOOST_TEST_SAME(all, {"n 2 by web", "m 3 by supe"});
    BOOST_TEST_SAME(some, {"m 3 by supe"});
    BOOST_TEST_SAME(output, {R"(a-output "line" by a)"});
}

// Each request is answered before its first event: a watch with the cache, a once-watch, an end of
// a watch. The source of a notice is the name of its component, alone or with the given source
// behind it.
BOOST_AUTO_TEST_CASE(requests) {
    fixture f;
    child_entry& a = f.add("a");
    words all;
    f.listen({"n"}, all);
    f.notices.publish("n", "1");
    BOOST_TEST(f.asks(a, R"("type":"watch","notice":"n","opts":{"useCache":true})") == "");
    BOOST_TEST(f.asks(a, R"("type":"notify","notice":"n","message":2.50)") == "");
    BOOST_TEST(f.asks(a, R"("type":"ignore","notice":"n")") == "");
    BOOST_TEST(f.asks(a, R"("type":"notify","notice":"n","message":3,"source":"db")") == "");
    const std::string notified = response(R"("type":"notify","notice":"n","success":true)");
    BOOST_TEST_SAME(
        f.received(a),
        {response(R"("type":"watch","notice":"n","success":true)"), event("n", "1"), notified,
         event("n", "2.50"), response(R"("type":"ignore","notice":"n","success":true)"), notified});
    BOOST_TEST_SAME(all, {"n 1 by supe", "n 2.50 by a", "n 3 by a-db"});
    BOOST_TEST(f.asks(a, R"("type":"watch","notice":"n","opts":{"once":true})") == "");
    f.received(a);
    for (int i = 0; i < 2; ++i) f.notices.publish("n", "4");
    BOOST_TEST_SAME(f.received(a), {event("n", "4")});
}

// A refused request is answered with the reason. A request without a name is a bad frame too, and
// publishes nothing.
BOOST_AUTO_TEST_CASE(refused_requests) {
    fixture f;
    child_entry& a = f.add("a");
    words all;
    f.listen({}, all);
    BOOST_TEST(f.asks(a, R"("type":"look","notice":"n")") == "");
    BOOST_TEST(f.asks(a, fmt::format(R"("type":"watch","notice":"{}")", std::string(1025, 'n'))) ==
               "");
    const words frames = f.received(a);
    BOOST_REQUIRE(frames.size() == 2u);
    BOOST_TEST(
        frames[0] ==
        response(
            R"("type":"look","notice":"n","success":false,"error":"type \"look\" is not one of watch, ignore, notify")"));
    BOOST_TEST(frames[1].find("has 1025 bytes, at most 1024 are allowed") != std::string::npos);
    BOOST_TEST(f.asks(a, R"("type":"notify","notice":"","message":1)") != "");
    BOOST_TEST(f.asks(a, R"("type":"notify","notice":7,"message":1)") != "");
    BOOST_TEST_SAME(all, {});
}

// A watch ends with the process: its next life gets only what it watches itself. While the child is
// down no notice counts as lost.
BOOST_AUTO_TEST_CASE(the_watches_of_a_life) {
    fixture f;
    child_entry& a = f.add("a");
    f.watches(a, "n");
    f.crash(a);
    words all;
    f.listen({}, all);
    f.notices.publish("n", "1");
    BOOST_TEST_SAME(all, {"n 1 by supe"});
    f.start(a);
    f.notices.publish("n", "2");
    BOOST_TEST_SAME(f.received(a), {});
    f.watches(a, "n");
    f.notices.publish("n", "3");
    BOOST_TEST_SAME(f.received(a), {event("n", "3")});
}

// A watcher that does not read loses the notice, which another notice reports; other watchers get
// it.
BOOST_AUTO_TEST_CASE(a_slow_watcher) {
    fixture f;
    child_entry& a = f.add("a");
    child_entry& b = f.add("b");
    f.watches(a, "n");
    f.watches(b, "n");
    words failures;
    f.listen({"notice-pipe-failure", "a-notice-pipe-failure"}, failures);
    a.who.link()->out() += '"' + std::string(4 << 20, 'x') + "\"\n";
    f.notices.publish("n", "1");
    BOOST_TEST_SAME(f.received(b), {event("n", "1")});
    const std::string why =
        R"({"name":"a","citizen":"a","notice":"n","error":"it does not read what it watches"} by a)";
    BOOST_TEST_SAME(failures, {"notice-pipe-failure " + why, "a-notice-pipe-failure " + why});
}

// A supervisor above that does not read loses what `forward` passes on, and what is published
// there: what waits for it is bounded, and notices report it at a bounded rate. It is there for
// others.
BOOST_AUTO_TEST_CASE(above_does_not_read) {
    fixture f("/dam");
    f.notices.set_forward({"n", "notice-pipe-failure"});
    words failures;
    std::size_t heard = 0;
    f.listen({"notice-pipe-failure"}, failures);
    f.notices.listen({"n"}, [&](const supe::published&) { ++heard; });
    const std::string message = '"' + std::string(900'000, 'x') + '"';
    for (int i = 0; i < 50; ++i) f.notices.publish("n", message);
    BOOST_TEST(heard == 50u);
    BOOST_TEST(f.up.wire->backlog() <= 2 * supe::channel::backlog_limit);
    const auto lost = [](const char* notice) {
        return fmt::format(R"(notice-pipe-failure {{"name":"supe","citizen":"supe","notice":"{}",)"
                           R"("error":"the supervisor above does not read what goes up"}} by supe)",
                           notice);
    };
    BOOST_TEST(failures.size() == 20u);
    BOOST_TEST(failures.front() == lost("n"));
    f.loop.advance(std::chrono::seconds(2));
    failures.clear();
    const std::size_t before = f.up.wire->backlog();
    f.notices.notify_above("y", message);
    BOOST_TEST(f.up.wire->backlog() == before);
    BOOST_TEST_SAME(failures, {lost("y")});
}

// A large notice to many watchers that do not read is held for some of them alone. The others lose
// it, which is a notice of its own.
BOOST_AUTO_TEST_CASE(many_slow_watchers) {
    fixture f;
    std::vector<child_entry*> watchers;
    for (int n = 0; n < 12; ++n) {
        watchers.push_back(&f.add(fmt::format("w{}", n)));
        f.watches(*watchers.back(), "n");
    }
    words lost;
    f.listen({"notice-pipe-failure"}, lost);
    f.notices.publish("n", '"' + std::string(15u << 20, 'x') + '"');
    std::size_t held = 0;
    for (const child_entry* w : watchers) held += w->who.link()->backlog();
    BOOST_TEST(held <= 80u << 20);
    BOOST_TEST(held >= 15u << 20);
    BOOST_TEST(lost.size() >= 5u);
}

BOOST_AUTO_TEST_SUITE_END()
