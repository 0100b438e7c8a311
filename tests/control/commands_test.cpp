// Shows the answers of a running tree to an operator, with real supervisors and simulated children
// (contract §6).
#include "tests/support/operated_world.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

namespace json = boost::json;
using namespace std::chrono_literals;
using support::has;
using router = support::operated_world;

namespace {

std::string keys_of(const json::value& object) {
    std::string all;
    for (const auto& member : object.get_object())
        all += (all.empty() ? "" : " ") + std::string(member.key());
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(commands)

// The status is one object for the root, with its children nested in the same form, with exactly
// the members of the contract.
BOOST_AUTO_TEST_CASE(status_of_the_whole_tree) {
    router w;
    w.crash("/web");
    w.advance(2s);
    const auto root = w.ask(R"({"do": "status", "address": "/"})").at("ok");
    const std::string members =
        "name address pid state restarts uptime_ms mailbox last_exit children";
    BOOST_TEST(keys_of(root) == members);
    BOOST_TEST(root.at("address") == "/");
    BOOST_TEST(root.at("name") == "shop");
    const auto& web = root.at("children").at(0);
    BOOST_TEST(keys_of(web) == members);
    BOOST_TEST(web.at("pid") == w.pid_of("/web"));
    BOOST_TEST(web.at("state") == "running");
    BOOST_TEST(web.at("restarts") == 1);
    BOOST_TEST(web.at("uptime_ms").to_number<int>() > 0);
    BOOST_TEST(json::serialize(web.at("mailbox")) == R"({"queued":0,"in_flight":0})");
    BOOST_TEST(json::serialize(web.at("last_exit")) ==
               R"({"signal":"SIGKILL","core":false,"asked_for":false})");
    const auto& queue = root.at("children").at(1).at("children").at(0);
    BOOST_TEST(keys_of(queue) == members);
    BOOST_TEST(queue.at("address") == "/dam/queue");
    BOOST_TEST(queue.at("last_exit").is_null());
}

// A reload is the root's: it performs what was given for it, and says what is not done.
BOOST_AUTO_TEST_CASE(reload) {
    router w;
    const char* request = R"({"do": "reload", "address": "/"})";
    BOOST_TEST(w.error_of(request) == "1 there is no tree file to read again");
    std::string problem;
    w.root_commands->on_reload([&problem]() -> supe::awaitable<std::string> { co_return problem; });
    BOOST_TEST(w.ask(request).at("ok") == "reloaded");
    problem = "nothing is changed: t.json:1:1: odd";
    BOOST_TEST(w.error_of(request) == "1 " + problem);
    BOOST_TEST(has(w.error_of(R"({"do": "reload", "address": "/web"})"), "is not one of status"));
}

// A child that is down has no pid, but a mailbox.
BOOST_AUTO_TEST_CASE(status_of_what_is_down) {
    router w;
    BOOST_TEST(w.ask(R"({"do": "stop", "address": "web"})").at("ok") == "/web is stopped");
    w.mail("/web", "1");
    const auto web = w.ask(R"({"do": "status", "address": "web"})").at("ok");
    BOOST_TEST(web.at("pid").is_null());
    BOOST_TEST(web.at("state") == "stopped");
    BOOST_TEST(web.at("mailbox").at("queued") == 1);
}

// The status of one child also has the ends of its lives, oldest first.
BOOST_AUTO_TEST_CASE(deaths_of_one_child) {
    router w;
    w.crash("/web");
    w.advance(1s);
    w.exit("/web", 3);
    const auto deaths =
        w.ask(R"({"do": "status", "address": "/web"})").at("ok").at("deaths").as_array();
    BOOST_REQUIRE(deaths.size() == 2u);
    BOOST_TEST(deaths[0].at("text") == "SIGKILL");
    BOOST_TEST(deaths[1].at("text") == "exit code 3");
    BOOST_TEST(json::serialize(deaths[1].at("exit")) == R"({"code":3})");
    BOOST_TEST(deaths[1].at("clean") == false);
    BOOST_TEST(std::string(deaths[1].at("at").as_string()).ends_with("Z"));
}

// A command is done when it is answered, below a nested supervisor too, also when it takes longer
// than a supervisor may be silent.
BOOST_AUTO_TEST_CASE(commands_are_done_when_answered) {
    router w;
    const auto before = w.pid_of("/dam/queue");
    BOOST_TEST(w.ask(R"({"do": "restart", "address": "/dam/queue"})").at("ok") ==
               "/dam/queue is up");
    BOOST_TEST(w.pid_of("/dam/queue") != before);
    BOOST_TEST(w.ask(R"({"do": "stop", "address": "/dam/deaf"})").at("ok") ==
               "/dam/deaf is stopped");
    BOOST_TEST(w.pid_of("/dam/deaf") == 0);
    BOOST_TEST(w.ask(R"({"do": "start", "address": "dam/deaf/"})").at("ok") == "/dam/deaf is up");

    router patient(R"({"name": "t", "children": [{"name": "dam", "children": [
        {"name": "deaf", "component": "stubborn", "shutdown": "40s"}]}]})");
    const auto asked = patient.time().now();
    BOOST_TEST(patient.ask(R"({"do": "stop", "address": "/dam/deaf"})").at("ok") ==
               "/dam/deaf is stopped");
    BOOST_TEST((patient.time().now() - asked >= 40s));
}

// Children are added to and removed from a running tree, below a nested supervisor too; the others
// are not touched.
BOOST_AUTO_TEST_CASE(add_and_remove) {
    router w;
    const auto web = w.pid_of("/web");
    BOOST_TEST(
        w.ask(R"({"do": "add", "address": "/", "child": {"name": "x", "component": "diligent"}})")
            .at("ok") == "/x is up");
    BOOST_TEST(
        w.ask(R"({"do": "add", "address": "dam", "child": {"name": "y", "component": "diligent"}})")
            .at("ok") == "/dam/y is up");
    BOOST_TEST(w.pid_of("/dam/y") > 0);
    BOOST_TEST(w.ask(R"({"do": "remove", "address": "/dam/y"})").at("ok") == "/dam/y is removed");
    BOOST_TEST(w.error_of(R"({"do": "status", "address": "/dam/y"})") ==
               "3 no such child: /dam/y (there is /dam/queue, /dam/deaf)");
    BOOST_TEST(
        w.error_of(
            R"({"do": "add", "address": "/", "child": {"name": "x", "component": "diligent"}})") ==
        "1 the name \"x\" is taken by an earlier child");
    BOOST_TEST(
        w.error_of(
            R"({"do": "add", "address": "/", "child": {"name": "z", "restart": "always", "component": "d"}})") ==
        "2 child:1:23: restart: \"always\" is not one of permanent, transient, temporary");
    BOOST_TEST(
        w.error_of(
            R"({"do": "add", "address": "/web", "child": {"name": "x", "component": "diligent"}})") ==
        "3 /web is no supervisor: there is nothing under it");
    BOOST_TEST(w.pid_of("/web") == web);
}

// A command that cannot be performed is answered with one line and its exit code.
BOOST_AUTO_TEST_CASE(refusals) {
    router w;
    BOOST_TEST(w.error_of(R"({"do": "stop", "address": "wbe"})") ==
               "3 no such child: /wbe (there is /web, /dam)");
    BOOST_TEST(w.error_of(R"({"do": "stop", "address": "/web/x"})") ==
               "3 /web is no supervisor: there is nothing under it");
    BOOST_TEST(w.error_of(R"({"do": "mail", "to": "/dam/quene", "msg": 1})") ==
               "3 no such child: /dam/quene (supe tree shows all that there are)");
    BOOST_TEST(w.error_of(R"({"do": "stop", "address": "/"})") ==
               "2 stop needs the address of a child");
    BOOST_TEST(w.error_of(R"({"do": "dance", "address": "web"})")
                   .starts_with("2 \"dance\" is not one of status, start, stop"));
    BOOST_TEST(w.error_of(R"({})") == "2 a request needs the address of a child");
    BOOST_TEST(w.error_of(R"({"do": "add", "address": "/"})") ==
               "2 add needs a child, of at most 1 MiB");
    BOOST_TEST(w.error_of(R"({"do": "scale", "address": "web", "instances": 0})")
                   .starts_with("2 instances: must be"));
    BOOST_TEST(w.error_of(R"({"do": "mail"})") == "2 mail needs an address in `to`");
    w.ask(R"({"do": "stop", "address": "dam"})");
    BOOST_TEST(w.error_of(R"({"do": "stop", "address": "/dam/queue"})") ==
               "3 /dam is stopped: there is nothing under it (supe start /dam)");
}

// A nested supervisor that does not answer is an error after 10 s; the status marks it as silent
// and shows the rest.
BOOST_AUTO_TEST_CASE(a_silent_supervisor) {
    router deaf(
        R"({"name": "t", "children": [{"name": "web", "component": "diligent"}, {"name": "dam", "children": []},
        {"name": "weir", "children": []}]})",
        true);
    const auto asked = deaf.time().now();
    BOOST_TEST(deaf.error_of(R"({"do": "stop", "address": "/dam/queue"})") ==
               "4 /dam does not answer (for 10 s)");
    BOOST_TEST((deaf.time().now() - asked < 11s));
    const auto before = deaf.time().now();
    const auto root = deaf.ask(R"({"do": "status", "address": "/"})").at("ok");
    BOOST_TEST((deaf.time().now() - before < 11s));  // both are asked at the same time
    BOOST_TEST(!root.at("children").at(0).get_object().contains("silent"));
    BOOST_TEST(root.at("children").at(1).at("silent") == true);
    BOOST_TEST(root.at("children").at(2).at("silent") == true);
}

// A large dead letter below a nested supervisor can be shown and listed: the answer comes in
// pieces.
BOOST_AUTO_TEST_CASE(a_large_dead_letter_below) {
    router w;
    const std::string big = "\"" + std::string(12u << 20, 'x') + "\"";
    w.mail("/dam/deaf", big);
    w.run_ready();
    BOOST_TEST(w.ask(R"({"do": "remove", "address": "/dam/deaf"})").at("ok") ==
               "/dam/deaf is removed");
    const auto list = w.ask(R"({"do": "dead", "what": "list"})").at("ok");
    BOOST_REQUIRE(list.as_array().size() == 1u);
    const std::string id(list.at(0).at("id").as_string());
    const auto letter =
        w.ask(fmt::format(R"({{"do": "dead", "what": "show", "id": "{}"}})", id)).at("ok");
    BOOST_TEST((letter.at("msg").as_string() == std::string_view(big)));
}

// What an operator asked of a supervisor and is under way is part of its status, here and below,
// with the number of those that wait.
BOOST_AUTO_TEST_CASE(status_of_operations) {
    router w;
    const auto member = [](const json::value& node, const char* key) {
        const auto* found = node.get_object().if_contains(key);
        return found ? json::serialize(*found) : "none";
    };
    const auto restart = w.begin(w.perform({{"do", "restart"}, {"address", "/dam/queue"}}));
    const auto start = w.begin(w.perform({{"do", "start"}, {"address", "/dam/queue"}}));
    w.run_ready();
    auto root = w.ask(R"({"do": "status"})").at("ok");
    BOOST_TEST(member(root, "operation") == "none");
    BOOST_TEST(member(root.at("children").at(1), "operation") == R"("restart queue")");
    BOOST_TEST(member(root.at("children").at(1), "operations_waiting") == "1");
    const auto dam = w.begin(w.perform({{"do", "stop"}, {"address", "/dam"}}));
    w.run_ready();
    root = w.ask(R"({"do": "status"})").at("ok");
    BOOST_TEST(member(root, "operation") == R"("stop dam")");
    BOOST_TEST(member(root, "operations_waiting") == "0");
    w.advance(1min);
    BOOST_TEST((restart->has_value() && start->has_value() && dam->has_value()));
    root = w.ask(R"({"do": "status"})").at("ok");
    BOOST_TEST(member(root, "operation") == "none");
}

// Mail is answered when it is accepted, or acknowledged; an undeliverable mail has an exit code of
// its own.
BOOST_AUTO_TEST_CASE(mail) {
    router w;
    BOOST_TEST(w.ask(R"({"do": "mail", "to": "web", "msg": {"a": 1}})").at("ok") == "accepted");
    BOOST_TEST(w.ask(R"({"do": "mail", "to": "/dam/queue", "msg": null, "wait": true})").at("ok") ==
               "acknowledged");
    BOOST_TEST(w.error_of(R"({"do": "mail", "to": "wbe", "msg": 1})") ==
               "3 no such child: /wbe (there is /web, /dam)");
    BOOST_TEST(w.ask(R"({"do": "mail", "to": "supe", "msg": 7})").at("ok") == "accepted");
    BOOST_TEST(w.messages("supervisor-mail").back() == R"({"from":"supe","msg":7})");
    // No component acknowledges it: with --wait the command waits for the ack.
    BOOST_TEST(w.ask(R"({"do": "mail", "to": "/dam/deaf", "msg": 1})").at("ok") == "accepted");
    BOOST_TEST(w.ask(R"({"do": "mail", "to": "/dam/deaf", "msg": 1, "wait": true})", 5min) ==
               "no answer");
    BOOST_TEST(
        w.error_of(
            R"({"do": "mail", "to": "/dam/deaf", "msg": 1, "wait": true, "timeout_ms": 5000})") ==
        "4 mail to /dam/deaf was not acknowledged within 5s: it stays accepted, and is "
        "delivered as any other");
    BOOST_TEST(
        w.ask(R"({"do": "mail", "to": "/dam/queue", "msg": 1, "wait": true, "timeout_ms": 5000})")
            .at("ok") == "acknowledged");
}

// Children by their role, below nested supervisors too.
BOOST_AUTO_TEST_CASE(find) {
    router w;
    BOOST_TEST(json::serialize(w.ask(R"({"do": "find", "component": "slow"})").at("ok")) ==
               R"([{"address":"/dam/queue","state":"running"}])");
    BOOST_TEST(w.ask(R"({"do": "find", "component": "nobody"})").at("ok").as_array().empty());
    w.ask(R"({"do": "stop", "address": "dam"})");
    BOOST_TEST(json::serialize(w.ask(R"({"do": "find", "component": "slow"})").at("ok")) ==
               R"([{"address":"/dam/queue","state":"stopped"}])");
    BOOST_TEST(w.error_of(R"({"do": "find"})") == "2 find needs a component");
}

// A call ends with the child's answer, which is not published as mail to the supervisor.
BOOST_AUTO_TEST_CASE(call) {
    router w(
        R"({"name": "t", "children": [{"name": "a", "component": "picky"}, {"name": "dam", "children": [{"name": "b", "component": "echo"}]}]})");
    BOOST_TEST(w.ask(R"({"do": "call", "address": "/dam/b", "msg": [1]})").at("ok") ==
               json::parse(R"({"you said": [1]})"));
    BOOST_TEST(w.count("supervisor-mail") == 0u);
    BOOST_TEST(w.error_of(R"({"do": "call", "address": "/dam/b", "msg": "silence"})") ==
               "4 /dam/b does not answer (for 10 s)");
    BOOST_TEST(w.error_of(R"({"do": "call", "address": "a", "msg": "no"})") ==
               "1 mail to /a: dead-lettered");
    BOOST_TEST(w.error_of(R"({"do": "call", "address": "wbe", "msg": 1})")
                   .starts_with("3 no such child: /wbe"));
    BOOST_TEST(w.error_of(R"({"do": "call", "address": "a"})") ==
               "2 msg must be the text of a JSON value");
}

// Mail that is not accepted within 10 s is an error, and not lost.
BOOST_AUTO_TEST_CASE(mail_to_silence) {
    router w(R"({"name": "t", "children": [{"name": "dam", "children": []}]})", true);
    BOOST_TEST(w.error_of(R"({"do": "mail", "to": "/dam/queue", "msg": 1})")
                   .starts_with("4 mail to /dam/queue was not accepted within 10s"));
}

// A saved mailbox is restored with its ids and senders, below a nested supervisor too, as far as
// the mailbox has capacity.
BOOST_AUTO_TEST_CASE(restore) {
    router w(R"({"name": "t", "children": [{"name": "dam", "children": [
        {"name": "deaf", "component": "stubborn", "mail": {"limit": 2}}]}]})");
    const auto answer = w.ask(R"({"do": "restore", "address": "/dam/deaf", "mails": [
        {"id": "x-1", "from": "web", "msg": 1}, "{\"id\": \"x-2\", \"msg\": [2]}", {"id": "x-3", "from": "web", "msg": 3}]})");
    BOOST_TEST(json::serialize(answer) == R"({"ok":{"taken":2,"problem":"mailbox-full"}})");
    BOOST_TEST(
        w.ask(R"({"do": "status", "address": "/dam/deaf"})").at("ok").at("mailbox").at("queued") ==
        2);
    w.ask(R"({"do": "remove", "address": "/dam/deaf"})");
    const auto letters = w.ask(R"({"do": "dead", "what": "list"})").at("ok");
    BOOST_TEST(letters.at(0).at("id") == "x-1");
    BOOST_TEST(letters.at(0).at("from") == "web");
    BOOST_TEST(w.error_of(R"({"do": "restore", "address": "/dam", "mails": []})")
                   .starts_with("2 /dam is a supervisor"));
}

// What a saved mail had besides comes back with it: the call that it answers, and members that
// nobody here knows.
BOOST_AUTO_TEST_CASE(restore_all_members) {
    router w(
        R"({"name": "t", "children": [{"name": "deaf", "component": "stubborn", "max_restarts": 0}]})");
    w.crash("/deaf");  // down, so that all of its mail waits
    w.ask(R"({"do": "restore", "address": "/deaf", "mails": [
        {"id": "x-1", "from": "web", "msg": 1, "re":"c-1","mine":[1, 2]},
        {"id": "x-2", "from": "web", "msg": 2,"call":"c-2"}]})");
    std::vector<std::string> extras;
    std::vector<bool> answers;
    w.root().entry_of(*w.root().find("deaf")).mail.box.for_each([&](const supe::held_mail& m) {
        extras.emplace_back(m.view().extras);
        answers.push_back(m.view().answer);
    });
    BOOST_TEST(
        extras == (std::vector<std::string>{R"(,"re":"c-1","mine":[1, 2])", R"(,"call":"c-2")"}),
        boost::test_tools::per_element());
    BOOST_TEST(answers == (std::vector<bool>{true, false}), boost::test_tools::per_element());
}

// A list with something else in it is refused before any of it is put: a second try duplicates
// nothing.
BOOST_AUTO_TEST_CASE(restore_all_or_nothing) {
    router w;
    for (const char* bad :
         {R"({"id": "x-2"})", "7", R"("{")", R"({"id": "x-2", "msg": 1, "to": 1})"})
        BOOST_TEST(w.error_of(fmt::format(R"({{"do": "restore", "address": "/dam/deaf", "mails": [
            {{"id": "x-1", "msg": 1}}, {}]}})",
                                          bad))
                       .starts_with("2 no saved mail"),
                   bad);
    BOOST_TEST(
        w.ask(R"({"do": "status", "address": "/dam/deaf"})").at("ok").at("mailbox").at("queued") ==
        0);
}

// The mailbox of another child is a copy: its mail has ids of its own here.
BOOST_AUTO_TEST_CASE(restore_of_another) {
    router w(R"({"name": "t", "children": [{"name": "deaf", "component": "stubborn"}]})");
    for (const char* whose : {R"("of_another": true, )", ""})
        BOOST_TEST(w.ask(fmt::format(R"({{"do": "restore", "address": "/deaf", {}"mails": [
            {{"id": "x-1", "msg": 1}}]}})",
                                     whose))
                       .at("ok")
                       .at("taken") == 1);
    BOOST_TEST(w.ask(R"({"do": "remove", "address": "deaf"})").as_object().contains("ok"));
    const auto letters = boost::json::serialize(w.ask(R"({"do": "dead", "what": "list"})"));
    BOOST_TEST(letters.find(R"("x-1@deaf")") != letters.npos, letters);
    BOOST_TEST(letters.find(R"("x-1")") != letters.npos, letters);
}

// The client was killed before it noted what was taken, and sends the same lines again: they are
// taken, and the mailbox has each once. A line that was refused is put, and so are the lines of
// another file, whatever the ids of its mail are.
BOOST_AUTO_TEST_CASE(restore_again) {
    router w(R"({"name": "t", "mail": {"journal": true}, "children": [
        {"name": "deaf", "component": "stubborn", "mail": {"limit": 3}}]})");
    const auto restore = [](const char* lines) {
        return fmt::format(R"({{"do": "restore", "address": "/deaf", "lines": {}, "mails": [
            {{"id": "x-1", "msg": 1}}, {{"id": "x-2", "msg": 2}}]}})",
                           lines);
    };
    const auto outcome = [&](const char* lines) {
        return json::serialize(w.ask(restore(lines)).at("ok"));
    };
    const auto queued = [&] { return w.root().entry_of(*w.root().find("deaf")).mail.box.queued(); };
    const char* const first = R"(["f:1", "f:2"])";
    // The client is killed before the journal has the mail.
    supe::nursery client(w.time());
    client.start([](supe::control::commands& to, std::string request) -> supe::awaitable<> {
        co_await to.perform(*supe::control::parse_request(request));
    }(*w.root_commands, restore(first)));
    w.run_ready();
    client.cancel();
    w.run_ready();
    BOOST_TEST(outcome(first) ==
               R"({"taken":0,"problem":"an earlier request for it is under way"})");
    w.advance(1s);
    BOOST_TEST(outcome(first) == R"({"taken":2,"problem":""})");
    BOOST_TEST(queued() == 2u);
    BOOST_TEST(outcome(R"(["g:1", "g:2"])") == R"({"taken":1,"problem":"mailbox-full"})");
    BOOST_TEST(outcome(R"(["f:2", "g:2"])") == R"({"taken":1,"problem":"mailbox-full"})");
    BOOST_TEST(queued() == 3u);
}

// A nested supervisor ends while its journal writes: what is on disk was accepted, and its sender
// hears that.
BOOST_AUTO_TEST_CASE(accepted_at_the_end) {
    router w(R"({"name": "t", "children": [{"name": "dam", "mail": {"journal": true}, "children": [
        {"name": "q", "component": "diligent"}]}]})");
    w.disk("/dam").commit_takes = std::chrono::seconds(1);
    const auto request =
        supe::control::parse_request(R"({"do": "mail", "to": "/dam/q", "msg": 1})");
    const auto sent = w.begin(w.perform(*request));
    w.advance(std::chrono::milliseconds(500));
    BOOST_TEST(!*sent);
    BOOST_TEST(w.ask(R"({"do": "remove", "address": "dam"})").at("ok") == "/dam is removed");
    w.run_ready();
    BOOST_REQUIRE(*sent);
    BOOST_TEST(**sent == R"({"ok":"accepted"})");
    BOOST_TEST(w.disk("/dam").mails.size() == 1u);
}

// Instances: as many as requested, each with its own name, below one node for their common name.
BOOST_AUTO_TEST_CASE(scale) {
    router w;
    const auto first = w.pid_of("/web");
    BOOST_TEST(w.ask(R"({"do": "scale", "address": "web", "instances": 3})").at("ok") ==
               "/web has 3 instances");
    const auto web = w.ask(R"({"do": "status", "address": "web"})").at("ok");
    BOOST_TEST(web.at("address") == "/web");
    BOOST_TEST(web.at("state") == "running");
    BOOST_REQUIRE(web.at("children").as_array().size() == 3u);
    BOOST_TEST(web.at("children").at(0).at("pid") == first);
    BOOST_TEST(w.ask(R"({"do": "status", "address": "/web.2"})").at("ok").at("name") == "web.2");
    BOOST_TEST(w.ask(R"({"do": "restart", "address": "/web.2"})").at("ok") == "/web.2 is up");
    BOOST_TEST(w.ask(R"({"do": "scale", "address": "web", "instances": 1})").at("ok") ==
               "/web has 1 instance");
    BOOST_TEST(w.pid_of("/web") + w.pid_of("/web.1") == first);
    BOOST_TEST(w.error_of(R"({"do": "scale", "address": "dam", "instances": 2})")
                   .starts_with("1 dam is a supervisor"));
}

// The message of a request keeps its bytes, which Boost.JSON might change; a request must be an
// object.
BOOST_AUTO_TEST_CASE(requests) {
    const auto request = supe::control::parse_request(
        R"({"do":"mail","msg":{"n":1.0, "big":12345678901234567890123,"u":"\ud800"}})");
    BOOST_REQUIRE(request);
    BOOST_TEST(request->at("msg") == R"({"n":1.0, "big":12345678901234567890123,"u":"\ud800"})");
    for (const char* bad :
         {"", "[]", "1", "{", "{\"do\":}", "{\"do\":1}x", "\xff", "{\"msg\":\"\xff\"}"})
        BOOST_TEST(!supe::control::parse_request(bad), bad);
    const std::string deep = "{\"msg\":" + std::string(100000, '[');
    BOOST_TEST(!supe::control::parse_request(deep));
    // What nobody asks for is not built: it may be long.
    const std::string long_one =
        fmt::format(R"({{"do":"add","child":"{}"}})", std::string(2 << 20, 'x'));
    BOOST_TEST(!supe::control::parse_request(long_one)->contains("child"));
    std::string repeated = R"({"do":"status")";
    for (int n = 0; n < 100; ++n) repeated += R"(,"do":"status")";
    BOOST_TEST(!supe::control::parse_request(repeated + "}"));
    const auto known = supe::control::parse_request(R"({"do":"status","x":[[],[]]})");
    BOOST_TEST((known && known->contains("do") && !known->contains("x")));
}

BOOST_AUTO_TEST_SUITE_END()
