// Components written for npm's supe run unchanged (contract §2): the package itself, under the real
// `supe run`.
#include "supe/text/json_text.hpp"
#include "tests/support/files.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"
#include "tests/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

using support::count;
using support::until;
using words = std::vector<std::string>;

namespace {

const std::string scripts = SUPE_SOURCE_DIR "/tests/node/";
const std::string packages = SUPE_NODE_MODULES;

std::string script(const std::string& name, const std::string& file,
                   const std::string& members = {}, const std::string& variables = {}) {
    return fmt::format(
        R"({{"name": "{}", "command": ["node", {}], "env": {{"NODE_PATH": {}{}}}, "backoff": {{"max": "0ms"}}{}}})",
        name, supe::json_quoted(file.starts_with('/') ? file : scripts + file),
        supe::json_quoted(packages), variables, members);
}

/// A running tree of Node scripts, its output, and all its notices.
struct fixture {
    support::operator_session session;
    std::unique_ptr<support::command> tree, board;

    void run(const words& children) {
        tree = session.run_tree(
            fmt::format(R"({{"name": "t", "children": [{}]}})", fmt::join(children, ", ")));
        board = session.begin({"notices", "--json", "--state", session.state()});
        BOOST_TEST_REQUIRE(published("component-created"), tree->err());
    }
    bool prints(const std::string& text, std::size_t n = 1) const {
        return until([&] { return count(tree->out(), text + "\n") >= n; });
    }
    /// True when `n` lines of `supe notices` have this text.
    bool published(const std::string& text, std::size_t n = 1) const {
        return until([&] { return count(board->out(), text) >= n; });
    }
    /// Sends a mail and waits for its ack: requests that the component sent before it are done
    /// then.
    void mail(const std::string& name, const std::string& json) const {
        const auto sent = session.ask({"mail", name, json, "--wait"});
        BOOST_TEST(sent.code == 0, sent.err);
    }
    /// Sends a mail without waiting for its ack.
    void post(const std::string& name, const std::string& json) const {
        BOOST_TEST(session.ask({"mail", name, json}).code == 0);
    }
    bool holds(const std::string& address, int queued, int in_flight) const {
        return until([&] {
            const auto box = session.status(address).at("mailbox");
            return box.at("queued") == queued && box.at("in_flight") == in_flight;
        });
    }
    void stop() {
        tree->signal(SIGTERM);
        BOOST_TEST(tree->wait() == 0);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node, fixture, *support::needs({"node", packages}))

// Mail from the supervisor to a component, from the component to a sibling, and from the sibling to
// the supervisor.
BOOST_AUTO_TEST_CASE(mail_in_both_directions) {
    run({script("ann", "talker.js"), script("bob", "talker.js")});
    mail("ann",
         R"({"to": "bob", "say": {"text": "grüß dich \ud83d\ude00", "n": [1.5, null, true]}})");
    const std::string said = R"({"text":"grüß dich 😀","n":[1.5,null,true]})";
    BOOST_TEST(prints("[ann] ann got {\"to\":\"bob\",\"say\":" + said + "} from supe"));
    BOOST_TEST(prints("[bob] bob got " + said + " from ann"));
    BOOST_TEST(published(R"("notice":"supervisor-mail","message":{"from":"bob","msg":{"got":)" +
                         said + R"(,"of":"ann"}})"));
    stop();
}

// A mail that is acknowledged later stays in flight until then, and the next one waits.
BOOST_AUTO_TEST_CASE(ack_later) {
    run({script("later", "later.js"), script("n", "notices.js")});
    const auto first =
        session.begin({"mail", "later", "\"one\"", "--wait", "--state", session.state()});
    BOOST_TEST(prints("[later] began one"));
    post("later", "\"two\"");
    BOOST_TEST(holds("/later", 1, 1));
    BOOST_TEST(!first->has_ended());
    mail("n", R"(["notify", "done", 1])");
    BOOST_TEST(first->wait() == 0);
    BOOST_TEST(prints("[later] began two"));
    BOOST_TEST(holds("/later", 0, 1));
    stop();
}

// A paused component gets no mail until it receives again, and then in order.
BOOST_AUTO_TEST_CASE(pause) {
    run({script("pausing", "pausing.js"), script("n", "notices.js")});
    mail("pausing", "\"pause\"");
    post("pausing", "\"a\"");
    post("pausing", "\"b\"");
    BOOST_TEST(holds("/pausing", 2, 0));
    BOOST_TEST(count(tree->out(), "took a") == 0u);
    mail("n", R"(["notify", "go on", 1])");
    BOOST_TEST(prints("[pausing] took b"));
    BOOST_TEST(tree->out().find("took a") < tree->out().find("took b"));
    BOOST_TEST(holds("/pausing", 0, 0));
    stop();
}

// npm's supe acknowledges mail that the component does not handle, and notice `mail-unhandled`
// reports it.
BOOST_AUTO_TEST_CASE(unhandled_mail) {
    run({script("careless", "careless.js")});
    mail("careless", "\"anybody?\"");
    BOOST_TEST(published(R"("notice":"mail-unhandled","message":{"name":"careless"})"));
    BOOST_TEST(holds("/careless", 0, 0));
    stop();
}

// A crash with a mail in flight: it comes again before fresh mail, and after three crashes it is a
// dead letter.
BOOST_AUTO_TEST_CASE(crash_with_mail_in_flight) {
    run({script("crashing", "crashing.js")});
    post("crashing", "\"poison\"");
    post("crashing", "\"fine\"");
    BOOST_TEST(prints("[crashing] took fine"));
    BOOST_TEST(count(tree->out(), "[crashing] took poison") == 3u);
    BOOST_TEST(published(R"("notice":"citizen-crashed","message":{"name":"crashing")", 3));
    BOOST_TEST(published(R"("notice":"mail-dead-lettered","message":{"to":"crashing")"));
    BOOST_TEST(count(session.ask({"dead", "list"}).out, "  /crashing  ") == 1u);
    stop();
}

// A watch gets every notice in order, also those of the supervisor, and nothing after `ignore`.
BOOST_AUTO_TEST_CASE(notices_watched) {
    run({script("a", "notices.js"), script("b", "notices.js")});
    mail("a", R"(["watch", "n"])");
    mail("a", R"(["watch", "b-crashed"])");
    mail("a", R"(["watch", "citizen-crashed"])");
    mail("b", R"(["notify", "n", {"x": [1]}])");
    mail("b", R"(["notify", "n", 0])");
    mail("b", R"(["notify", "n"])");
    mail("a", R"(["ignore", "n"])");
    mail("b", R"(["notify", "n", "too late"])");
    mail("b", R"(["crash"])");
    BOOST_TEST(until([&] {
        return count(tree->out(), R"([a] got citizen-crashed: {"name":"b","exit":{"code":7})") == 1;
    }));
    BOOST_TEST(until([&] {
        return count(tree->out(), R"([a] got b-crashed: {"name":"b","exit":{"code":7})") == 1;
    }));
    BOOST_TEST(count(tree->out(), "[a] got n: {\"x\":[1]}\n[a] got n: null\n[a] got n: null\n") ==
               1u);
    BOOST_TEST(count(tree->out(), "got n: ") == 3u);
    stop();
}

// A once-watch gets one notice, however many come.
BOOST_AUTO_TEST_CASE(notices_once) {
    run({script("a", "notices.js"), script("b", "notices.js")});
    mail("a", R"(["once", "n"])");
    mail("a", R"(["watch", "end"])");
    for (const char* text :
         {R"(["notify", "n", 1])", R"(["notify", "n", 2])", R"(["notify", "end", 1])"})
        mail("b", text);
    BOOST_TEST(prints("[a] got end: 1"));
    BOOST_TEST(count(tree->out(), "got n: ") == 1u);
    mail("a", R"(["once", "n"])");
    mail("b", R"(["notify", "n", 3])");
    BOOST_TEST(prints("[a] got n: 3"));
    stop();
}

// The last message of a name is for late watchers that request the cache, and for no others.
BOOST_AUTO_TEST_CASE(notices_cached) {
    run({script("a", "notices.js"), script("b", "notices.js")});
    for (const char* text : {R"(["notify", "n", 1])", R"(["notify", "n", 2])",
                             R"(["notify", "m", 3])", R"(["notify", "none"])"})
        mail("b", text);
    mail("a", R"(["watch", "m"])");
    mail("a", R"(["watch", "none", {"useCache": true}])");
    mail("a", R"(["watch", "n", {"useCache": true}])");
    BOOST_TEST(prints("[a] got n: 2"));
    mail("b", R"(["notify", "n", 4])");
    BOOST_TEST(prints("[a] got n: 4"));
    BOOST_TEST(count(tree->out(), "got") == 2u);
    stop();
}

// Everyone can get the notices of a component, whose source is the component and the source that it
// gave.
BOOST_AUTO_TEST_CASE(notices_sent) {
    run({script("b", "notices.js")});
    mail("b", R"(["notify", "sale", {"from": "node"}])");
    BOOST_TEST(published(R"("notice":"sale","message":{"from":"node"},"source":"b-test"})"));
    const auto late = session.begin({"notices", "sale", "--state", session.state()});
    BOOST_TEST(until([&] { return late->out().ends_with(" sale {\"from\":\"node\"}\n"); }));
    stop();
}

// A watch ends with its process: after a crash the component gets nothing before it watches again,
// and then the last message.
BOOST_AUTO_TEST_CASE(a_watcher_crashes_and_comes_back) {
    run({script("a", "notices.js"), script("b", "notices.js")});
    mail("a", R"(["watch", "n"])");
    mail("b", R"(["notify", "n", 1])");
    BOOST_TEST(prints("[a] got n: 1"));
    mail("a", R"(["crash"])");
    BOOST_TEST(prints("[a] up", 2));
    mail("b", R"(["notify", "n", 2])");
    mail("a", R"(["watch", "n", {"useCache": true}])");
    BOOST_TEST(prints("[a] got n: 2"));
    mail("b", R"(["notify", "n", 3])");
    BOOST_TEST(prints("[a] got n: 3"));
    BOOST_TEST(count(tree->out(), "got n: 2") == 1u);
    stop();
}

// The noticeboard behaves the same for npm's supe under npm's own supervisor and under ours.
BOOST_AUTO_TEST_CASE(the_noticeboard_is_the_same_as_under_npm) {
    const auto transcript = [this](const std::string& name) {
        return support::read_file(session.file(name));
    };
    const auto is_whole = [](const std::string& text) { return text.ends_with("\nend\n"); };
    {
        support::command_setup theirs;
        theirs.words = {"node", "-e", "require('supe')().start('transcript', process.argv[1])",
                        scripts + "transcript.js"};
        theirs.variables = {{"NODE_PATH", packages}, {"TRANSCRIPT", session.file("theirs")}};
        const support::command npm(std::move(theirs));
        BOOST_TEST(until([&] { return is_whole(transcript("theirs")); }), transcript("theirs"));
    }
    run({script("transcript", "transcript.js", {},
                ", \"TRANSCRIPT\": " + supe::json_quoted(session.file("ours")))});
    BOOST_TEST(until([&] { return is_whole(transcript("ours")); }), transcript("ours"));
    BOOST_TEST(transcript("ours") == transcript("theirs"));
    stop();
}

// A shutdown hook may delay the end when the child has `ask`; without it a child that never sent a
// frame gets the signal at once.
BOOST_AUTO_TEST_CASE(a_shutdown_hook_that_delays) {
    run({script("patient", "closing.js", R"(, "ask": true)"),
         script("hasty", "closing.js", R"(, "shutdown": "20s")")});
    BOOST_TEST(prints("[patient] up"));
    BOOST_TEST(prints("[hasty] up"));
    BOOST_TEST(session.ask({"stop", "patient"}).code == 0);
    BOOST_TEST(prints("[patient] closing\n[patient] closed"));
    BOOST_TEST(
        published(R"("notice":"patient-shutdown","message":{"name":"patient","exit":{"code":0}})"));
    BOOST_TEST(session.ask({"stop", "hasty"}).code == 0);
    BOOST_TEST(published(
        R"("notice":"hasty-shutdown","message":{"name":"hasty","exit":{"signal":"SIGTERM")"));
    BOOST_TEST(count(tree->out(), "[hasty] closed") == 0u);
    stop();
}

// A raw process.send becomes `component-message`; a socket that is sent along is refused, and later
// messages arrive.
BOOST_AUTO_TEST_CASE(a_raw_process_send) {
    run({script("raw", "raw.js"), script("go", "notices.js")});
    const auto event = [](const std::string& message) {
        return R"("notice":"component-message","message":{"name":"raw","message":)" + message + "}";
    };
    mail("go", R"(["notify", "go", 1])");
    for (const char* message :
         {R"({"hello":"world"})", R"("text")", "[1,null]", R"("said it all")"})
        BOOST_TEST(published(event(message)));
    BOOST_TEST(count(board->out(), "component-bad-frame") == 0u);
    BOOST_TEST(session.status("/raw").at("restarts") == 0);
    stop();
}

// A component that is a supervisor of npm's supe: its own children end with it, after a kill and
// after a stop.
BOOST_AUTO_TEST_CASE(an_npm_supervisor_as_a_child) {
    run({script("npm", "npm_supervisor.js")});
    const auto citizen = [this](std::size_t nth) {
        std::string text = board->out();
        for (std::size_t at = 0; nth > 0; --nth) {
            at = text.find(R"("message":{"from":"npm","msg":{"started":)");
            text = at == text.npos ? "" : text.substr(at + 41);
        }
        return std::atoi(text.c_str());
    };
    BOOST_TEST(prints(R"([npm] [talker] talker got "hello" from supe)"));
    BOOST_TEST(until([&] { return citizen(1) > 0; }));
    const pid_t first = citizen(1);
    BOOST_TEST(support::is_alive(first));
    ::kill(session.pid_of("/npm"), SIGKILL);
    BOOST_TEST(published(R"("notice":"npm-crashed")"));
    BOOST_TEST(!support::is_alive(first));
    BOOST_TEST(until([&] { return citizen(2) > 0; }));
    const pid_t second = citizen(2);
    BOOST_TEST(support::is_alive(second));
    stop();
    BOOST_TEST(!support::is_alive(second));
}

// The examples of the package, which its own tests run, work the same here.
BOOST_AUTO_TEST_CASE(the_citizens_of_the_package) {
    const std::string theirs = packages + "/supe/test/citizen/";
    run({script("routed-mail-receiver", theirs + "routed-mail-receiver.js"),
         script("routed-mail-sender", theirs + "routed-mail-sender.js"),
         script("key-analyzer", theirs + "key-analyzer.js")});
    BOOST_TEST(published(
        R"({"from":"routed-mail-receiver","msg":{"received_mail_from":"routed-mail-sender"}})"));
    mail("key-analyzer", "\"get_name\"");
    BOOST_TEST(published(
        R"({"from":"key-analyzer","msg":{"type":"key-analysis","key":"get_name","success":true,"exists":true,"typeof":"function")"));
    stop();
}

BOOST_AUTO_TEST_SUITE_END()
