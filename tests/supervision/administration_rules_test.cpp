// The refusals of an operator's requests, and the actions that follow from them, step by step. The
// supervisor is a fake, which performs the actions on processes that only read.
#include "supe/supervision/administration.hpp"
#include "supe/supervision/no_such_child.hpp"
#include "supe/tree/tree_file.hpp"

#include "tests/support/children_fixture.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

using namespace std::chrono_literals;
using supe::child_entry;
using supe::child_spec;
using support::nested_spec_of;
using support::signal;
using support::spec_of;
using support::words;

namespace {

child_spec several(const std::string& name, unsigned instances) {
    child_spec spec = spec_of(name);
    spec.instances = instances;
    return spec;
}
/// Its process ends two seconds after SUPE-SHUTDOWN.
child_spec slow(child_spec spec) {
    spec.shutdown.limit = 2s;
    return spec;
}

struct managed : support::children_fixture, supe::administered {
    supe::supervisor_spec tree;
    supe::restarter restarts;
    supe::notice_publisher notices{children, out, loop.time(), nullptr};
    supe::nested_requests below{loop.time()};
    supe::administration admin;
    supe::timer changed{loop.time()};
    words performed;  // actions, in order
    bool over = false;

    explicit managed(std::vector<child_spec> specs)
        : tree(tree_of(std::move(specs))), restarts(
                                               tree, [] { return 0.5; }, [](int) { return false; }),
          admin(*this, children, restarts, notices, below, loop.time(), tree, all) {
        for (const child_spec& spec : tree.children) {
            supe::child_group* group = spec.instances > 1 ? &children.add_group(spec) : nullptr;
            for (unsigned i = 1; i <= spec.instances; ++i) {
                child_entry& entry = group ? children.add_instance(*group, i) : children.add(spec);
                restarts.add(entry.who.number(), entry.who.spec(), now(),
                             {.group = group ? std::optional(group->id) : std::nullopt});
                entry.begin();
            }
        }
        perform(restarts.boot(now()));
        loop.run_ready();
        performed.clear();
    }
    ~managed() override {
        all.cancel();
        loop.stop();
    }

    static supe::supervisor_spec tree_of(std::vector<child_spec> specs) {
        supe::supervisor_spec spec;
        spec.name = "t";
        spec.children = std::move(specs);
        return spec;
    }
    supe::time_point now() const { return loop.now(); }

    using answer = std::shared_ptr<std::optional<std::string>>;
    answer begin(supe::awaitable<std::string> request) {
        auto into = std::make_shared<std::optional<std::string>>();
        loop.start(wait(std::move(request), into));
        loop.run_ready();
        return into;
    }
    static supe::awaitable<> wait(supe::awaitable<std::string> request, answer into) {
        *into = co_await std::move(request);
    }
    /// Performs a request, and advances the time until it is done.
    std::string ask(supe::awaitable<std::string> request) {
        const answer into = begin(std::move(request));
        for (int s = 0; s < 60 && !*into; ++s) loop.advance(1s);
        loop.run(children.join_removed());
        return into->value_or("no answer");
    }
    /// As ask(), without any time.
    std::string ask_at_once(supe::awaitable<std::string> request) {
        return begin(std::move(request))->value_or("no answer");
    }
    words actions() { return std::exchange(performed, {}); }
    words order_of_start() {
        words names;
        for (const int number : restarts.in_order())
            names.push_back(children.at(number).who.spec().name);
        return names;
    }
    child_entry& at(const char* name) { return *children.find(name); }

    // administered
    void perform(const supe::restarter::actions& actions) override {
        using kind = supe::restarter::kind;
        for (const auto& a : actions) {
            if (!a.child) continue;
            child_entry& entry = children.at(*a.child);
            const std::string name = entry.who.spec().name;
            if (a.what == kind::start)
                performed.push_back("start " + name), entry.who.start(request_for(entry.who));
            if (a.what == kind::stop) performed.push_back("stop " + name), entry.who.stop();
            if (a.what == kind::stopped) performed.push_back("stopped " + name);
            if (a.what != kind::remove) continue;
            performed.push_back("remove " + name);
            admin.on_removed(entry);
            remove(entry);
        }
        changed.notify();
    }
    bool is_over() const override { return over; }
    supe::timer& change() override { return changed; }
    void on_mail_limits(child_entry&) override {}
    supe::awaitable<> until_free(std::string) override { co_return; }

    // child_host
    void on_ready(supe::child& c) override { perform(restarts.ready(c.number(), now())); }
    void on_ended(supe::child& c, const supe::child_end& end) override {
        child_entry& entry = children.at(c.number());
        supe::death d;
        d.text = end.text();
        entry.add_death(d);
        if (!end.asked_for) ++entry.failures;
        perform(restarts.ended(c.number(),
                               {.clean = end.clean,
                                .asked_for = end.asked_for,
                                .start_failed = end.never_started() || !end.was_ready,
                                .text = end.text()},
                               now()));
    }
};

supe::awaitable<> wait(supe::awaitable<std::string> request) { co_await std::move(request); }

/// Asks, and is gone a moment later.
supe::awaitable<> hang_up(managed& m, supe::awaitable<std::string> request) {
    supe::nursery client(m.loop.time());
    client.start(wait(std::move(request)));
    co_await m.loop.time().sleep_for(1ms);
    client.cancel();
    co_await client.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(administration_rules)

// The error for an unknown child names it, and no action follows.
BOOST_AUTO_TEST_CASE(unknown_children) {
    managed m({spec_of("a"), several("w", 2)});
    for (const char* name : {"x", "", "a.1", "w.3", "/a"}) {
        const std::string why = "no such child: " + std::string(name);
        BOOST_TEST(m.ask(m.admin.start(name)) == why);
        BOOST_TEST(m.ask(m.admin.stop(name)) == why);
        BOOST_TEST(m.ask(m.admin.restart(name)) == why);
        BOOST_TEST(m.ask(m.admin.remove(name)) == why);
        BOOST_TEST(m.ask(m.admin.scale(name, 2)) == why);
        BOOST_TEST(supe::is_no_such_child(why));
    }
    BOOST_TEST_SAME(m.actions(), {});
}

// A child that cannot be added leaves nothing behind: its name is taken, `significant` would have
// no meaning, its sockets cannot be opened.
BOOST_AUTO_TEST_CASE(additions_refused) {
    managed m({spec_of("a"), several("w", 2)});
    std::size_t created = 0;
    m.notices.listen({"component-created"}, [&](const supe::published&) { ++created; });
    for (const char* name : {"a", "w"})
        BOOST_TEST(m.ask(m.admin.add(spec_of(name))) ==
                   fmt::format("the name \"{}\" is taken by an earlier child", name));
    child_spec spec = spec_of("b");
    spec.significant = true;
    BOOST_TEST(m.ask(m.admin.add(spec)) ==
               "b: significant has no meaning while auto_shutdown is never");
    spec = several("b", 3);
    spec.listen = {"unix:/no/such/directory/socket"};
    BOOST_TEST(m.ask(m.admin.add(spec)).starts_with("b cannot listen on "));
    BOOST_TEST(!m.children.is_taken("b"));
    BOOST_TEST(created == 0u);
    BOOST_TEST_SAME(m.actions(), {});
}

// The number of instances is from 1 to 10,000. Neither one instance nor a supervisor can be scaled.
BOOST_AUTO_TEST_CASE(scales_refused) {
    managed m({spec_of("a"), several("w", 2), nested_spec_of("n")});
    BOOST_TEST(m.ask(m.admin.scale("a", 0)) == "0 is not a number of instances from 1 to 10000");
    BOOST_TEST(m.ask(m.admin.scale("w", 10001)) ==
               "10001 is not a number of instances from 1 to 10000");
    BOOST_TEST(m.ask(m.admin.scale("w.2", 3)) == "w.2 is an instance of w; scale that");
    BOOST_TEST(m.ask(m.admin.scale("n", 2)) == "n is a supervisor, and has no instances");
    BOOST_TEST(m.ask(m.admin.scale("a", 1)) == "");
    BOOST_TEST(m.ask(m.admin.scale("w", 2)) == "");
    BOOST_TEST_SAME(m.actions(), {});
}

// While the tree ends no operation begins. Those under way and those that wait end at once, and say
// so.
BOOST_AUTO_TEST_CASE(at_the_end) {
    managed m({slow(spec_of("a")), slow(spec_of("b"))});
    const auto stop = m.begin(m.admin.stop("a"));
    const auto restart = m.begin(m.admin.restart("b"));
    const auto remove = m.begin(m.admin.remove("b"));
    const auto reload = m.begin(m.admin.reload(m.tree_of({})));
    m.perform(m.restarts.shutdown(m.now()));
    m.loop.run_ready();
    m.actions();
    BOOST_TEST(stop->value_or("no answer") == "/a: its supervisor is ending");
    BOOST_TEST(restart->value_or("no answer") == "/b: its supervisor is ending");
    BOOST_TEST(remove->value_or("no answer") == "/b: its supervisor is ending");
    BOOST_TEST(reload->value_or("no answer") ==
               "the reload was cut short: the supervisor is ending");
    BOOST_TEST(m.ask(m.admin.add(spec_of("c"))) == "/c: its supervisor is ending");
    BOOST_TEST(m.ask(m.admin.start("a")) == "/a: its supervisor is ending");
    BOOST_TEST(m.ask(m.admin.scale("a", 2)) == "/a: its supervisor is ending");
    BOOST_TEST_SAME(m.actions(), {});
    BOOST_TEST(!m.admin.operations().current());
}

// One operation at a time, in the order in which they came. The present one is known by its text.
BOOST_AUTO_TEST_CASE(one_at_a_time) {
    managed m({slow(spec_of("a")), slow(spec_of("b"))});
    const auto restart = m.begin(m.admin.restart("a"));
    const auto scale = m.begin(m.admin.scale("b", 2));
    const auto again = m.begin(m.admin.restart("b.1"));
    BOOST_TEST_SAME(m.actions(), {"stop a"});
    BOOST_TEST(m.admin.operations().current()->text() == "restart a");
    BOOST_TEST(m.admin.operations().waiting() == 2u);
    m.loop.advance(2s);
    BOOST_TEST(restart->value_or("no answer") == "");
    BOOST_TEST(scale->value_or("no answer") == "");
    BOOST_TEST_SAME(m.actions(), {"start a", "start b.2", "stop b.1"});
    BOOST_TEST(m.admin.operations().current()->text() == "restart b.1");
    m.loop.advance(2s);
    BOOST_TEST(again->value_or("no answer") == "");
    BOOST_TEST(!m.admin.operations().current());
}

// An operation goes on to its end when nobody waits for it any more.
BOOST_AUTO_TEST_CASE(goes_on_alone) {
    managed m({slow(spec_of("a"))});
    m.loop.run(hang_up(m, m.admin.restart("a")));
    m.loop.run(hang_up(m, m.admin.scale("a", 2)));
    BOOST_TEST_SAME(m.actions(), {"stop a"});
    m.loop.advance(2s);
    BOOST_TEST_SAME(m.actions(), {"start a", "start a.2"});
    BOOST_TEST(!m.admin.operations().current());
}

// A queue has its limit. What is refused has no effect.
BOOST_AUTO_TEST_CASE(too_many) {
    managed m({slow(spec_of("a"))});
    const auto first = m.begin(m.admin.restart("a"));
    for (std::size_t i = 1; i < supe::operation_queue::limit; ++i) m.begin(m.admin.start("a"));
    BOOST_TEST(m.ask_at_once(m.admin.remove("a")) ==
               "64 operations wait already: try again when some are done");
    m.loop.advance(2s);
    BOOST_TEST(first->value_or("no answer") == "");
    BOOST_TEST(m.children.is_taken("a"));
    BOOST_TEST(m.ask(m.admin.remove("a")) == "");
}

// A stop or a removal that waits ends the wait for a child that does not become ready: of a start,
// a restart and an addition. Then it is down, and the later start counts.
BOOST_AUTO_TEST_CASE(stopped_while_it_starts) {
    child_spec never = spec_of("n");
    never.ready = supe::ready_kind::signal;
    never.start_timeout = 24h;
    managed m({spec_of("a")});
    const auto add = m.begin(m.admin.add(never));
    const auto start = m.begin(m.admin.start("n"));
    BOOST_TEST((!*add && !*start));
    const auto stop = m.begin(m.admin.stop("n"));
    const std::string why = "/n is not waited for: it is to be stopped";
    BOOST_TEST(add->value_or("no answer") == why);
    BOOST_TEST(start->value_or("no answer") == why);
    BOOST_TEST(stop->value_or("no answer") == "");
    BOOST_TEST_SAME(m.actions(), {"start n", "stop n", "stopped n"});
    const auto restart = m.begin(m.admin.restart("n"));
    const auto other = m.begin(m.admin.stop("a"));
    BOOST_TEST((!*restart && !*other));
    BOOST_TEST(m.ask_at_once(m.admin.remove("n")) == "");
    BOOST_TEST(restart->value_or("no answer") == why);
    BOOST_TEST(other->value_or("no answer") == "");
}

// One child: stopped and started once for several requests, restarted by a stop and a start, and
// counted nowhere.
BOOST_AUTO_TEST_CASE(one_child) {
    managed m({spec_of("a"), spec_of("b")});
    BOOST_TEST(m.ask(m.admin.start("a")) == "");
    BOOST_TEST_SAME(m.actions(), {});
    for (int i = 0; i < 2; ++i) BOOST_TEST(m.ask(m.admin.stop("a")) == "");
    BOOST_TEST_SAME(m.actions(), {"stop a", "stopped a"});
    for (int i = 0; i < 2; ++i) BOOST_TEST(m.ask(m.admin.start("a")) == "");
    BOOST_TEST_SAME(m.actions(), {"start a"});
    BOOST_TEST(m.ask(m.admin.restart("a")) == "");
    BOOST_TEST_SAME(m.actions(), {"stop a", "start a"});
    BOOST_TEST(m.at("a").who.life() == 3u);
    BOOST_TEST(m.restarts.restarts_of(m.at("a").who.number()) == 0u);
    m.ask(m.admin.stop("a"));
    m.actions();
    BOOST_TEST(m.ask(m.admin.restart("a")) == "");  // a child that is down is started
    BOOST_TEST_SAME(m.actions(), {"start a"});
    BOOST_TEST(m.ask(m.admin.remove("a")) == "");
    BOOST_TEST_SAME(m.actions(), {"stop a", "remove a"});
    BOOST_TEST_SAME(m.order_of_start(), {"b"});
}

// All instances of a name: stopped in reverse, started in order, restarted one after the other, so
// that at most one is down. One instance by its own name.
BOOST_AUTO_TEST_CASE(all_instances) {
    managed m({several("w", 3)});
    BOOST_TEST(m.ask(m.admin.restart("w")) == "");
    BOOST_TEST_SAME(m.actions(),
                    {"stop w.1", "start w.1", "stop w.2", "start w.2", "stop w.3", "start w.3"});
    BOOST_TEST(m.ask(m.admin.stop("w")) == "");
    words done = m.actions();
    BOOST_REQUIRE(done.size() == 6u);
    done.resize(3);
    BOOST_TEST_SAME(done, {"stop w.3", "stop w.2", "stop w.1"});
    BOOST_TEST(m.ask(m.admin.start("w")) == "");
    BOOST_TEST_SAME(m.actions(), {"start w.1", "start w.2", "start w.3"});
    BOOST_TEST(m.ask(m.admin.restart("w.2")) == "");
    BOOST_TEST_SAME(m.actions(), {"stop w.2", "start w.2"});
    BOOST_TEST(m.ask(m.admin.remove("w")) == "");
    BOOST_TEST_SAME(m.actions(),
                    {"stop w.3", "remove w.3", "stop w.2", "remove w.2", "stop w.1", "remove w.1"});
    BOOST_TEST(!m.children.is_taken("w"));
}

// An instance that crashes while another one is restarted starts again by itself. Its own restart,
// when its turn comes, does not count that crash as a failure.
BOOST_AUTO_TEST_CASE(crashed_before_its_turn) {
    managed m({slow(several("w", 2))});
    const auto restart = m.begin(m.admin.restart("w"));
    BOOST_TEST_SAME(m.actions(), {"stop w.1"});
    m.crash(m.at("w.2"));
    BOOST_TEST_SAME(m.actions(), {"start w.2"});
    m.loop.advance(10s);
    BOOST_TEST(restart->value_or("no answer") == "");
    BOOST_TEST_SAME(m.actions(), {"start w.1", "stop w.2", "start w.2"});
}

// A start that fails is answered with the reason. The child stays in the tree, and is stopped. One
// of a reload is tried again.
BOOST_AUTO_TEST_CASE(a_start_that_fails) {
    managed m({spec_of("a")});
    m.ask(m.admin.stop("a"));
    m.actions();
    m.launcher.fail_next("/a", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(m.ask(m.admin.start("a")) == "/a did not come up: Resource temporarily unavailable");
    BOOST_TEST_SAME(m.actions(), {"start a"});
    BOOST_TEST(m.ask(m.admin.start("a")) == "");
    m.launcher.fail_next("/a", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(m.ask(m.admin.restart("a")) ==
               "/a did not come up: Resource temporarily unavailable");
    BOOST_TEST_SAME(m.actions(), {"start a", "stop a", "start a"});
    m.ask(m.admin.start("a"));
    m.actions();
    auto next = m.tree_of({spec_of("a")});
    next.children[0].env.edit()["KEY"] = "value";
    m.launcher.fail_next("/a", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(m.ask(m.admin.reload(next)) ==
               "/a did not come up: Resource temporarily unavailable");
    BOOST_TEST_SAME(m.actions(), {"stop a", "start a", "start a"});
}

// A new child is the last one. A child whose first start fails is removed again, and so are all
// instances of a new name; a child without a process is not stopped.
BOOST_AUTO_TEST_CASE(added) {
    managed m({spec_of("a")});
    BOOST_TEST(m.ask(m.admin.add(spec_of("b"))) == "");
    BOOST_TEST(m.ask(m.admin.add(several("w", 2))) == "");
    BOOST_TEST_SAME(m.actions(), {"start b", "start w.1", "start w.2"});
    BOOST_TEST_SAME(m.order_of_start(), {"a", "b", "w.1", "w.2"});
    child_spec broken = spec_of("c");
    broken.command = {"nobody"};
    BOOST_TEST(m.ask(m.admin.add(broken)) ==
               "/c could not be started: nobody: No such file or directory");
    BOOST_TEST_SAME(m.actions(), {"start c", "remove c"});
    m.launcher.fail_next("/v.2", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(m.ask(m.admin.add(several("v", 3))) ==
               "/v.2 could not be started: Resource temporarily unavailable");
    BOOST_TEST_SAME(m.actions(),
                    {"start v.1", "start v.2", "remove v.2", "stop v.1", "remove v.1"});
    BOOST_TEST((!m.children.is_taken("c") && !m.children.is_taken("v")));
}

// New instances get the lowest free numbers, each at its position among the others; the highest
// numbers are removed first. The ones that stay are not touched, nor is a child that had no
// instances.
BOOST_AUTO_TEST_CASE(scaled) {
    managed m({spec_of("a"), spec_of("b")});
    BOOST_TEST(m.ask(m.admin.scale("a", 4)) == "");
    BOOST_TEST_SAME(m.actions(), {"start a.2", "start a.3", "start a.4"});
    BOOST_TEST_SAME(m.order_of_start(), {"a.1", "a.2", "a.3", "a.4", "b"});
    BOOST_TEST(m.at("a.1").who.life() == 1u);
    m.ask(m.admin.remove("a.2"));
    m.actions();
    BOOST_TEST(m.ask(m.admin.scale("a", 4)) == "");
    BOOST_TEST_SAME(m.actions(), {"start a.2"});
    BOOST_TEST_SAME(m.order_of_start(), {"a.1", "a.2", "a.3", "a.4", "b"});
    BOOST_TEST(m.ask(m.admin.scale("a", 2)) == "");
    BOOST_TEST_SAME(m.actions(), {"stop a.4", "remove a.4", "stop a.3", "remove a.3"});
    m.launcher.fail_next("/a.3", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(m.ask(m.admin.scale("a", 5)) ==
               "/a.3 could not be started: Resource temporarily unavailable");
    BOOST_TEST_SAME(m.actions(), {"start a.3", "remove a.3"});  // no further one is tried
}

// A reload applies what differs from the file before, and nothing else: policy takes effect without
// a new process, changes of an operator stay, the order is that of the file.
BOOST_AUTO_TEST_CASE(reloaded) {
    managed m({spec_of("a"), spec_of("b"), spec_of("c"), spec_of("d")});
    m.ask(m.admin.stop("a"));
    m.actions();
    auto next = m.tree_of({spec_of("e"), spec_of("d"), spec_of("b"), spec_of("a")});
    next.limit = {77, 5s};
    next.children[1].restart = supe::restart_type::transient;
    next.children[2].env.edit()["KEY"] = "value";
    BOOST_TEST(m.ask(m.admin.reload(next)) == "");
    BOOST_TEST_SAME(m.actions(), {"stop c", "remove c", "start e", "stop b", "start b"});
    BOOST_TEST_SAME(m.order_of_start(), {"e", "d", "b", "a"});
    BOOST_TEST((m.tree.limit.count == 77u));
    BOOST_TEST((m.at("d").who.spec().restart == supe::restart_type::transient));
    next.name = "u";
    BOOST_TEST(m.ask(m.admin.reload(next)) == "the name stays t until the tree is started again");
    BOOST_TEST_SAME(m.actions(), {});
}

// A nested supervisor gets its own part when that differs, and its error is the error of the
// reload.
BOOST_AUTO_TEST_CASE(reloaded_below) {
    managed m({spec_of("a"), nested_spec_of("n")});
    m.at("n").who.post(supe::lifecycle::event::ready);
    m.loop.run_ready();
    m.received("/n"), m.actions();
    auto next = m.tree_of({spec_of("a"), nested_spec_of("n")});
    BOOST_TEST(m.ask(m.admin.reload(next)) == "");
    BOOST_TEST_SAME(m.received("/n"), {});
    next.children[1].supervisor = std::make_shared<supe::supervisor_spec>();
    next.children[1].supervisor->limit.count = 77;
    const auto reload = m.begin(m.admin.reload(next));
    const words asked = m.received("/n");
    BOOST_REQUIRE(asked.size() == 1u);
    BOOST_TEST(
        asked[0].starts_with(R"({"type":"signal","signal":"SUPE-ASK","data":{"id":"1","tree":)"));
    BOOST_TEST(asked[0].find(R"("max_restarts":77)") != std::string::npos);
    m.below.on_signal(m.children.find("n")->who,
                      {supe::signal_kind::supe_answer, "",
                       R"({"id":"1","answer":{"error":"/n/x did not come up","code":1}})"});
    m.loop.run_ready();
    BOOST_TEST(reload->value_or("no answer") == "/n/x did not come up");
    BOOST_TEST_SAME(m.actions(), {});
    // One that is silent, and one that ends, are told apart.
    next.children[1].supervisor = std::make_shared<supe::supervisor_spec>();
    BOOST_TEST(m.ask(m.admin.reload(next)) ==
               "/n does not answer (for 10 s): whether it has its new tree is not known");
}

// A reload does not wait for a nested supervisor that is to be stopped.
BOOST_AUTO_TEST_CASE(stopped_in_a_reload_below) {
    managed m({spec_of("a"), nested_spec_of("n")});
    m.at("n").who.post(supe::lifecycle::event::ready);
    m.loop.run_ready();
    m.actions();
    auto next = m.tree_of({spec_of("a"), nested_spec_of("n")});
    next.children[1].supervisor = std::make_shared<supe::supervisor_spec>();
    next.children[1].supervisor->limit.count = 77;
    const auto reload = m.begin(m.admin.reload(next));
    BOOST_TEST(!reload->has_value());
    const auto another = m.begin(m.admin.start("a"));
    BOOST_TEST(!reload->has_value());
    const auto stop = m.begin(m.admin.stop("n"));
    BOOST_TEST(reload->value_or("waits") == "/n is not waited for: it is to be stopped");
    BOOST_TEST(m.actions().front() == "stop n");
}

BOOST_AUTO_TEST_SUITE_END()
