// Shows the members of a tree file, the text of each refusal, and that a tree is unchanged after it
// is written and read again (contract §5).
#include "supe/tree/tree_file.hpp"

#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using supe::parse_tree;
using words = std::vector<std::string>;

namespace {

supe::supervisor_spec parse(std::string_view text) {
    return parse_tree(text, "tree.json", "/srv/shop");
}

/// The one child of a tree with these further members.
supe::child_spec child(std::string_view members) {
    const std::string text =
        fmt::format(R"({{"name":"t","children":[{{"name":"c","command":["true"],{}}}]}})", members);
    return parse(text).children.at(0);
}

std::string refusal(std::string_view text, const std::string& directory = "/srv/shop") {
    try {
        parse_tree(text, "tree.json", directory);
    } catch (const supe::config_error& e) {
        return e.what();
    }
    return "accepted";
}

/// The refusal of a child's member, without its position, which is always line 1, column 51.
std::string refusal_of(std::string_view member) {
    const std::string why = refusal(
        fmt::format(R"({{"name":"t","children":[{{"name":"c","command":["a"],{}}}]}})", member));
    const auto start = why.find("children[0]");
    return start == why.npos ? why : why.substr(start);
}

std::string written(const supe::supervisor_spec& s) {
    return boost::json::serialize(supe::to_json(s));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tree_file)

// The defaults of contract §5, of the root and of a child.
BOOST_AUTO_TEST_CASE(defaults) {
    const auto t =
        parse(R"({"name":"shop","children":[{"name":"web","command":["node","web.js"]}]})");
    BOOST_TEST(t.name == "shop");
    BOOST_TEST((t.strategy == supe::strategy_kind::one_for_one));
    BOOST_TEST(!t.limit.count);  // it follows the number of children
    BOOST_TEST((t.limit.within == 10s));
    BOOST_TEST((t.auto_shutdown == supe::auto_shutdown_kind::never));
    BOOST_TEST(t.forward.empty());
    BOOST_TEST(!t.journal);
    const auto& c = t.children.at(0);
    BOOST_TEST(c.command == (words{"node", "web.js"}));
    BOOST_TEST(c.config->is_null());
    BOOST_TEST(c.directory == "/srv/shop/");
    BOOST_TEST(c.env->empty());
    BOOST_TEST((c.input == supe::stdin_kind::null));
    BOOST_TEST(c.channel);
    BOOST_TEST(c.may.empty());
    BOOST_TEST((c.kill_mode == supe::kill_mode_kind::group));
    BOOST_TEST((c.restart == supe::restart_type::permanent));
    BOOST_TEST(!c.significant);
    BOOST_TEST(c.limit.count == 10u);
    BOOST_TEST((c.limit.within == 60s));
    BOOST_TEST((c.on_excessive == supe::on_excessive_kind::stop && c.retry_after == 5min));
    BOOST_TEST((c.backoff->first == 0ms && c.backoff->max == 30s && c.backoff->reset_after == 60s));
    BOOST_TEST(c.backoff->factor == 2.0);
    BOOST_TEST(c.backoff->jitter == 0.1);
    BOOST_TEST((c.ready == supe::ready_kind::started));
    BOOST_TEST((c.start_timeout == 30s));
    BOOST_TEST((c.shutdown.limit == 8s));
    BOOST_TEST(!c.ask);
    BOOST_TEST(c.stop_signal == SIGTERM);
    BOOST_TEST(c.clean_exits->all == std::vector<int>{0});
    BOOST_TEST(!c.watchdog);
    BOOST_TEST(c.listen.empty());
    BOOST_TEST(!c.demand);
    BOOST_TEST(c.instances == 1u);
    BOOST_TEST(c.mail->limits.window == 1024u);
    BOOST_TEST(c.mail->limits.count == 100000u);
    BOOST_TEST(c.mail->limits.bytes == 256u << 20);
    BOOST_TEST(c.mail->limits.attempts == 3u);
    BOOST_TEST((c.mail->on_full == supe::on_full_kind::reject));
}

// Every member of the root.
BOOST_AUTO_TEST_CASE(all_of_the_root) {
    const auto t = parse(
        R"({"supe":1,"name":"a","strategy":"rest_for_one","max_restarts":0,"within":"5m","auto_shutdown":"all_significant",
        "forward":["x","component-crashed"],"children":[],"mail":{"journal":true}})");
    BOOST_TEST((t.strategy == supe::strategy_kind::rest_for_one));
    BOOST_TEST((t.limit.count == 0u));
    BOOST_TEST((t.limit.within == 5min));
    BOOST_TEST((t.auto_shutdown == supe::auto_shutdown_kind::all_significant));
    BOOST_TEST(t.forward == (words{"x", "component-crashed"}));
    BOOST_TEST(t.journal);
    BOOST_TEST(t.children.empty());
    BOOST_TEST((parse(R"({"name":"a","strategy":"one_for_all","auto_shutdown":"any_significant"})")
                    .strategy == supe::strategy_kind::one_for_all));
}

// Every member of a child.
BOOST_AUTO_TEST_CASE(all_of_a_child) {
    BOOST_TEST(boost::json::serialize(*child(R"("config":{"a":[1,{"b":null}]})").config) ==
               R"({"a":[1,{"b":null}]})");
    BOOST_TEST(child(R"("directory":"sub/dir")").directory == "/srv/shop/sub/dir");
    BOOST_TEST(child(R"("directory":"../x")").directory == "/srv/x");
    BOOST_TEST(child(R"("directory":"/abs")").directory == "/abs");
    BOOST_TEST((*child(R"("env":{"PORT":"80","EMPTY":""})").env ==
                std::map<std::string, std::string>{{"PORT", "80"}, {"EMPTY", ""}}));
    BOOST_TEST((child(R"("restart":"transient")").restart == supe::restart_type::transient));
    BOOST_TEST((child(R"("restart":"temporary")").restart == supe::restart_type::temporary));
    BOOST_TEST(child(R"("max_restarts":7)").limit.count == 7u);
    BOOST_TEST((child(R"("within":"250ms")").limit.within == 250ms));
    BOOST_TEST((child(R"("on_excessive":"retry")").on_excessive == supe::on_excessive_kind::retry));
    BOOST_TEST((child(R"("retry_after":"1h")").retry_after == 1h));
    BOOST_TEST(
        (child(R"("on_excessive":"escalate")").on_excessive == supe::on_excessive_kind::escalate));
    const auto b =
        child(R"("backoff":{"first":"1s","factor":1.5,"max":"1h","jitter":0,"reset_after":"0"})")
            .backoff;
    BOOST_TEST((b->first == 1s && b->max == 1h && b->reset_after == 0s));
    BOOST_TEST(b->factor == 1.5);
    BOOST_TEST(b->jitter == 0.0);
    BOOST_TEST((child(R"("ready":"signal")").ready == supe::ready_kind::signal));
    BOOST_TEST((child(R"("ready":"notify")").ready == supe::ready_kind::notify));
    BOOST_TEST((child(R"("start_timeout":"1m")").start_timeout == 1min));
    BOOST_TEST((child(R"("shutdown":"2s")").shutdown.limit == 2s));
    BOOST_TEST(child(R"("shutdown":"kill")").shutdown.at_once());
    BOOST_TEST(!child(R"("shutdown":"infinity")").shutdown.limit);
    BOOST_TEST(child(R"("ask":true)").ask);
    BOOST_TEST((child(R"("stdin":"open")").input == supe::stdin_kind::open));
    BOOST_TEST(!child(R"("channel":false)").channel);
    BOOST_TEST(child(R"("may":["scale"])").may.has(supe::order_kind::scale));
    BOOST_TEST((child(R"("kill_mode":"mixed")").kill_mode == supe::kill_mode_kind::mixed));
    BOOST_TEST(child(R"("stop_signal":"SIGINT")").stop_signal == SIGINT);
    BOOST_TEST(child(R"("stop_signal":"QUIT")").stop_signal == SIGQUIT);
    BOOST_TEST(child(R"("stop_signal":"SIGRTMIN+3")").stop_signal == SIGRTMIN + 3);
    BOOST_TEST(child(R"("clean_exits":[0,143,255])").clean_exits->all ==
               (std::vector<int>{0, 143, 255}));
    BOOST_TEST(child(R"("clean_exits":[])").clean_exits->all.empty());
    BOOST_TEST((child(R"("watchdog":"10s")").watchdog == 10s));
    BOOST_TEST(!child(R"("watchdog":null)").watchdog);
    BOOST_TEST(child(R"("listen":["127.0.0.1:8080","unix:web.sock"])").listen ==
               (words{"127.0.0.1:8080", "unix:web.sock"}));
    BOOST_TEST(child(R"("demand":true)").demand);
    BOOST_TEST(child(R"("instances":3)").instances == 3u);
    const auto m =
        child(
            R"("mail":{"window":1,"limit":2,"limit_bytes":"64KiB","on_full":"block","attempts":5})")
            .mail;
    BOOST_TEST(m->limits.window == 1u);
    BOOST_TEST(m->limits.count == 2u);
    BOOST_TEST(m->limits.bytes == 65536u);
    BOOST_TEST(m->limits.attempts == 5u);
    BOOST_TEST((m->on_full == supe::on_full_kind::block));
    BOOST_TEST(child(R"("mail":{"limit_bytes":4096})").mail->limits.bytes == 4096u);
}

// A child with children is a supervisor: `strategy` and the like are its own, and its stop has no
// limit.
BOOST_AUTO_TEST_CASE(a_nested_supervisor) {
    const auto t = parse(
        R"({"name":"t","children":[{"name":"n","restart":"transient","strategy":"one_for_all","max_restarts":4,"within":"1s",
        "auto_shutdown":"any_significant","forward":["f"],"mail":{"journal":true,"window":5},"shutdown":"1m",
        "children":[{"name":"c","component":"x","restart":"transient","significant":true}]},{"name":"m","children":[]}]})");
    const auto& n = t.children.at(0);
    BOOST_TEST_REQUIRE(n.supervisor.get());
    BOOST_TEST(n.supervisor->name == "n");
    BOOST_TEST((n.supervisor->strategy == supe::strategy_kind::one_for_all));
    BOOST_TEST((n.supervisor->limit.count == 4u));
    BOOST_TEST((n.supervisor->limit.within == 1s));
    BOOST_TEST((n.supervisor->auto_shutdown == supe::auto_shutdown_kind::any_significant));
    BOOST_TEST(n.supervisor->forward == words{"f"});
    BOOST_TEST(n.supervisor->journal);
    BOOST_TEST(n.mail->limits.window == 5u);
    BOOST_TEST((n.shutdown.limit == 1min));
    BOOST_TEST(n.supervisor->children.at(0).component == "x");
    BOOST_TEST(n.supervisor->children.at(0).significant);
    BOOST_TEST(!t.children.at(1).shutdown.limit);
    BOOST_TEST(!t.children.at(1).supervisor->limit.count);
}

// Comments, trailing commas, a byte order mark and Windows' line ends are allowed.
BOOST_AUTO_TEST_CASE(for_people) {
    const auto t = parse(
        "\xef\xbb\xbf// shop\r\n{ /* a\n b */ \"name\": \"t\", // the name\r\n\"children\": [\n"
        "{\"name\":\"a\",\"command\":[\"x\",/**/],},\r\n],\n}\n// end");
    BOOST_TEST(t.children.size() == 1u);
    BOOST_TEST(t.children.at(0).command == words{"x"});
    BOOST_TEST(child(R"("env":{"URL":"http://x/*y*/"})").env->at("URL") == "http://x/*y*/");
}

// The refusal of contract §5 has its position: lines and columns count from 1, columns in
// characters.
BOOST_AUTO_TEST_CASE(the_position) {
    BOOST_TEST(refusal(R"({
  "name": "t",
  "children": [
    { "name": "a", "command": ["x"] },
    { "name": "b", "command": ["x"] },
    { "name": "c",
      "command": ["x"],
      "restart":   "always" }
  ]
})") == R"(tree.json:8:20: children[2].restart: "always" is not one of permanent, transient, temporary)");
    BOOST_TEST(refusal("{\"name\":\"t\",\"forward\":[\"\xc3\xa4\xf0\x9f\x98\x80\", 5]}") ==
               "tree.json:1:30: forward[1]: must be a string, not 5");
    BOOST_TEST(
        refusal(
            R"({"name":"t","children":[{"name":"n","children":[{"name":"c","command":["x"],"ask":1}]}]})") ==
        "tree.json:1:83: children[0].children[0].ask: must be true or false, not 1");
}

// The refusal of an unknown key lists the known ones; that of a wrong word lists the choices.
BOOST_AUTO_TEST_CASE(choices) {
    BOOST_TEST(refusal(R"({"name":"t","childs":[]})") ==
               "tree.json:1:13: \"childs\" is not one of strategy, max_restarts, within, "
               "auto_shutdown, forward, children, supe, name, mail");
    BOOST_TEST(refusal(R"({"name":"t","mail":{"window":1}})") ==
               "tree.json:1:21: mail: \"window\" is not one of journal");
    BOOST_TEST(
        refusal_of(R"("comand":["x"])") ==
        "children[0]: \"comand\" is not one of name, command, component, config, directory, "
        "env, user, group, stdin, channel, may, restart, significant, on_excessive, retry_after, "
        "backoff, ready, start_timeout, shutdown, ask, stop_signal, stop_command, kill_mode, "
        "clean_exits, watchdog, listen, log, demand, instances, mail, "
        "max_restarts, within, children");
    BOOST_TEST(
        refusal_of(R"("backoff":{"min":"1s"})") ==
        "children[0].backoff: \"min\" is not one of first, factor, max, jitter, reset_after");
    BOOST_TEST(refusal_of(R"("mail":{"on_full":"wait"})") ==
               "children[0].mail.on_full: \"wait\" is not one of reject, block");
    BOOST_TEST(refusal_of(R"("may":["start","remove"])") ==
               "children[0].may[1]: \"remove\" is not one of start, stop, restart, scale");
    BOOST_TEST(refusal_of(R"("ready":"yes")") ==
               "children[0].ready: \"yes\" is not one of started, signal, notify");
    BOOST_TEST(refusal_of(R"("ready":null)") ==
               "children[0].ready: null is not one of started, signal, notify");
    BOOST_TEST(refusal_of(R"("on_excessive":"exit")") ==
               "children[0].on_excessive: \"exit\" is not one of stop, escalate, retry");
    BOOST_TEST(
        refusal(R"({"name":"t","strategy":"all"})") ==
        "tree.json:1:24: strategy: \"all\" is not one of one_for_one, one_for_all, rest_for_one");
    BOOST_TEST(refusal(R"({"name":"t","auto_shutdown":true})") ==
               "tree.json:1:29: auto_shutdown: true is not one of never, any_significant, "
               "all_significant");
}

// The refusal of a wrong time has what is expected, and the text of the file.
BOOST_AUTO_TEST_CASE(times) {
    const std::string duration =
        R"(must be a duration like "250ms", "8s", "5m", "1h", from 1ms to 3650d, not )";
    BOOST_TEST(refusal_of(R"("within":8)") == "children[0].within: " + duration + "8");
    BOOST_TEST(refusal_of(R"("within":"8")") == "children[0].within: " + duration + "\"8\"");
    BOOST_TEST(refusal_of(R"("within":"1.5s")") == "children[0].within: " + duration + "\"1.5s\"");
    BOOST_TEST(refusal_of(R"("within":"-1s")") == "children[0].within: " + duration + "\"-1s\"");
    BOOST_TEST(refusal_of(R"("within":"8 s")") == "children[0].within: " + duration + "\"8 s\"");
    BOOST_TEST(refusal_of(R"("within":"99999999h")") ==
               "children[0].within: " + duration + "\"99999999h\"");
    BOOST_TEST(refusal_of(R"("within":"0s")") == "children[0].within: " + duration + "\"0s\"");
    BOOST_TEST(refusal_of(R"("start_timeout":"0")") ==
               "children[0].start_timeout: " + duration + "\"0\"");
    BOOST_TEST(refusal_of(R"("watchdog":"0")") == "children[0].watchdog: " + duration + "\"0\"");
    BOOST_TEST(refusal_of(R"("watchdog":{})") == "children[0].watchdog: " + duration + "{}");
    BOOST_TEST(
        refusal_of(R"("shutdown":"never")") ==
        R"(children[0].shutdown: must be a duration like "8s", from 0ms to 3650d, or "kill", or "infinity", not "never")");
}

// The same for wrong types and ranges.
BOOST_AUTO_TEST_CASE(types_and_ranges) {
    BOOST_TEST(refusal_of(R"("max_restarts":-1)") ==
               "children[0].max_restarts: must be a whole number from 0 to 1000000, not -1");
    BOOST_TEST(refusal_of(R"("max_restarts":3.0)") ==
               "children[0].max_restarts: must be a whole number from 0 to 1000000, not 3.0");
    BOOST_TEST(refusal_of(R"("max_restarts":1000001)") ==
               "children[0].max_restarts: must be a whole number from 0 to 1000000, not 1000001");
    BOOST_TEST(refusal_of(R"("max_restarts":99999999999999999999)") ==
               "children[0].max_restarts: must be a whole number from 0 to 1000000, not "
               "99999999999999999999");
    BOOST_TEST(refusal_of(R"("max_restarts":"3")") ==
               "children[0].max_restarts: must be a whole number from 0 to 1000000, not \"3\"");
    BOOST_TEST(refusal_of(R"("instances":0)") ==
               "children[0].instances: must be a whole number from 1 to 10000, not 0");
    BOOST_TEST(refusal_of(R"("clean_exits":[0,256])") ==
               "children[0].clean_exits[1]: must be a whole number from 0 to 255, not 256");
    BOOST_TEST(refusal_of(R"("clean_exits":0)") ==
               "children[0].clean_exits: must be an array, not 0");
    BOOST_TEST(refusal_of(R"("backoff":{"factor":0.5})") ==
               "children[0].backoff.factor: must be a number from 1 to 1000, not 0.5");
    BOOST_TEST(refusal_of(R"("backoff":{"jitter":1.01})") ==
               "children[0].backoff.jitter: must be a number from 0 to 1, not 1.01");
    BOOST_TEST(refusal_of(R"("backoff":"1s")") ==
               "children[0].backoff: must be an object, not \"1s\"");
    BOOST_TEST(
        refusal_of(R"("mail":{"limit_bytes":"1MB"})") ==
        R"(children[0].mail.limit_bytes: must be a size like "64KiB", "256MiB", "10GiB", from 1B to 1024TiB, not "1MB")");
    BOOST_TEST(
        refusal_of(R"("mail":{"limit_bytes":0})") ==
        "children[0].mail.limit_bytes: must be a whole number from 1 to 1125899906842624, not 0");
    BOOST_TEST(refusal_of(R"("mail":{"window":0})") ==
               "children[0].mail.window: must be a whole number from 1 to 1000000, not 0");
    BOOST_TEST(
        refusal_of(R"("stop_signal":"SIGFOO")") ==
        R"(children[0].stop_signal: must be a signal like "SIGTERM", "SIGINT", "SIGQUIT", not "SIGFOO")");
    BOOST_TEST(
        refusal_of(R"("stop_signal":15)") ==
        R"(children[0].stop_signal: must be a signal like "SIGTERM", "SIGINT", "SIGQUIT", not 15)");
    BOOST_TEST(refusal_of(R"("env":{"a b\n":[]})") ==
               "children[0].env.\"a b\\n\": must be a string, a number, true or false, not []");
    BOOST_TEST(refusal_of(R"("env":{"A=B":"1"})") ==
               "children[0].env: \"A=B\" is no name of a variable");
    BOOST_TEST(refusal_of(R"("env":{"SUPE_ADDRESS":"/x"})") ==
               "children[0].env: \"SUPE_ADDRESS\" is set by the supervisor itself");
    BOOST_TEST(refusal_of(R"("directory":"a\u0000b")") ==
               R"(children[0].directory: must be a string without NUL characters, not "a\u0000b")");
    BOOST_TEST(refusal("[]") == "tree.json:1:1: must be an object, not []");
    BOOST_TEST(refusal(R"({"supe":2,"name":"t"})") ==
               "tree.json:1:9: supe: must be 1, the format that this version reads, not 2");
    BOOST_TEST(refusal_of("\"config\":1,\"listen\":[\"" + std::string(30, 'x') + "\xc3\xa4" +
                          std::string(300, 'y') + "\"],\"ask\":[\"" + std::string(54, 'x') +
                          "\xc3\xa4yyyy\"]") ==
               "children[0].ask: must be true or false, not [\"" + std::string(54, 'x') + "...");
}

// Names: contract §1, unique among siblings.
BOOST_AUTO_TEST_CASE(names) {
    const std::string rule =
        "must be 1 to 64 of A-Z a-z 0-9 _ - and none of supe, component, citizen, supervisor, "
        "mail, not ";
    for (const std::string name : {"", "a b", "a.b", "a/b", "\xc3\xa4", "supe", "component",
                                   "citizen", "supervisor", "mail"})
        BOOST_TEST(refusal("{\"name\":\"" + name + "\"}") ==
                   "tree.json:1:9: name: " + rule + "\"" + name + "\"");
    BOOST_TEST(refusal("{\"name\":\"" + std::string(65, 'a') + "\"}")
                   .starts_with("tree.json:1:9: name: " + rule));
    BOOST_TEST(refusal("{\"name\":\"" + std::string(64, 'a') + "\"}") == "accepted");
    BOOST_TEST(refusal("{}") == "tree.json:1:1: name is missing");
    BOOST_TEST(refusal(R"({"name":"t","children":[{"command":["x"]}]})") ==
               "tree.json:1:25: children[0]: name is missing");
    BOOST_TEST(refusal(R"({"name":"t","children":[{"name":"a","command":["x"]},
{"name":"a","command":["x"]}]})") ==
               "tree.json:2:1: children[1]: the name \"a\" is taken by an earlier child");
}

// Impossible combinations.
BOOST_AUTO_TEST_CASE(combinations) {
    BOOST_TEST(
        refusal(R"({"name":"t","children":[{"name":"a"}]})") ==
        "tree.json:1:25: children[0]: \"a\" needs exactly one of command, component, children");
    BOOST_TEST(refusal_of(R"("component":"x")") ==
               "children[0]: \"c\" needs exactly one of command, component, children");
    BOOST_TEST(refusal_of(R"("children":[])") ==
               "children[0]: \"c\" needs exactly one of command, component, children");
    BOOST_TEST(refusal(R"({"name":"t","children":[{"name":"a","command":[]}]})") ==
               "tree.json:1:47: children[0].command: must be a program and its arguments, not []");
    BOOST_TEST(refusal_of(R"("mail":{"journal":true})") ==
               "children[0]: journal is for supervisors: for the tree, or a child with children");
    BOOST_TEST(refusal(R"({"name":"t","children":[{"name":"a","command":[""]}]})") ==
               "tree.json:1:37: children[0]: the first word of command is empty");
    BOOST_TEST(
        refusal(
            R"({"name":"t","auto_shutdown":"any_significant","children":[{"name":"a","command":["x"],"significant":true}]})") ==
        "tree.json:1:87: children[0]: a significant child must be transient or temporary (a "
        "permanent one never ends of itself)");
    BOOST_TEST(refusal_of(R"("restart":"transient","significant":true)") ==
               "children[0]: significant has no meaning while auto_shutdown is never");
    BOOST_TEST(refusal_of(R"("restart":"transient","significant":true,"demand":true)") ==
               "children[0]: a child on demand ends whenever it has nothing to do, and cannot be "
               "significant");
    BOOST_TEST(refusal_of(R"("backoff":{"first":"1m"})") ==
               "children[0].backoff: first (1m) must not be longer than max (30s)");
    for (const std::string given : {R"("config":1)", R"("ready":"signal")", R"("ask":true)",
                                    R"("demand":true)", R"("may":["stop"])"})
        BOOST_TEST(refusal_of(R"("channel":false,)" + given) ==
                   fmt::format("children[0]: \"c\" has no channel, which {} needs",
                               given.substr(1, given.find(':') - 2)));
    for (const auto& [key, value] :
         std::vector<std::pair<std::string, std::string>>{{"config", "1"},
                                                          {"stdin", "\"open\""},
                                                          {"channel", "false"},
                                                          {"may", "[\"stop\"]"},
                                                          {"kill_mode", "\"mixed\""},
                                                          {"ready", "\"signal\""},
                                                          {"start_timeout", "\"1s\""},
                                                          {"watchdog", "\"1s\""},
                                                          {"listen", "[\":0\"]"},
                                                          {"demand", "true"},
                                                          {"instances", "2"}}) {
        const std::string text = fmt::format(
            "{{\"name\":\"t\",\"children\":[{{\"name\":\"n\",\"children\":[],\n\"{}\":{}}}]}}", key,
            value);
        BOOST_TEST(
            refusal(text) ==
            fmt::format("tree.json:2:1: children[0]: {} cannot be combined with children", key));
    }
}

// The position of what is not JSON.
BOOST_AUTO_TEST_CASE(syntax) {
    BOOST_TEST(refusal("") == "tree.json:1:1: expected a value, not end of file");
    BOOST_TEST(refusal("{\"name\":\"t\"") == "tree.json:1:12: expected , or }, not end of file");
    BOOST_TEST(refusal("{\"name\":\"t\",\n  \"a\" 1}") ==
               "tree.json:2:7: expected : after \"a\", not \"1\"");
    BOOST_TEST(refusal("{name:1}") ==
               "tree.json:1:2: expected a member's name in quotes or }, not \"n\"");
    BOOST_TEST(refusal("{\"name\":\"t\"} x") == "tree.json:1:14: unexpected \"x\" after the end");
    BOOST_TEST(refusal("{\"name\":\"t\",\"forward\":[1 2]}") ==
               "tree.json:1:26: expected , or ], not \"2\"");
    BOOST_TEST(refusal("{\"name\":\"t}") == "tree.json:1:9: a string is not closed");
    BOOST_TEST(refusal("{\"name\":\"t\n\"}") == "tree.json:1:9: a string is not closed");
    BOOST_TEST(refusal("\n /* open") == "tree.json:2:2: a comment is not closed");
    BOOST_TEST(refusal("{\"name\":True}") == "tree.json:1:9: \"True\" is not a JSON value");
    BOOST_TEST(refusal("{\"name\":01}") == "tree.json:1:9: \"01\" is not a JSON value");
    BOOST_TEST(refusal("{\"name\":\"\\x\"}") ==
               "tree.json:1:9: \"\\\"\\\\x\\\"\" is not a JSON value");
    BOOST_TEST(refusal("{\"name\":\"a\",\n\"name\":\"b\"}") ==
               "tree.json:2:1: \"name\" is given twice, first in line 1");
    BOOST_TEST(refusal("{,}") ==
               "tree.json:1:2: expected a member's name in quotes or }, not \",\"");
    BOOST_TEST(refusal(std::string(129, '[') + std::string(129, ']')) ==
               "tree.json:1:129: nested more than 128 levels deep");
    BOOST_TEST(refusal(std::string((16u << 20) + 1, ' ')) ==
               "tree.json:1:1: the file is larger than 16 MiB");
    BOOST_TEST(refusal(std::string("{\"name\":\"t\"}\0", 13)) ==
               "tree.json:1:13: unexpected \"\\u0000\" after the end");
}

// A hundred thousand members are read quickly (each object is searched for equal keys).
BOOST_AUTO_TEST_CASE(a_large_config) {
    std::string config = "{";
    for (int i = 0; i < 100000; ++i) config += fmt::format("\"key{}\":{},", i, i);
    BOOST_TEST(child("\"config\":" + config + "}").config->get_object().size() == 100000u);
}

// One child alone, as `supe add` reads it.
BOOST_AUTO_TEST_CASE(one_child) {
    BOOST_TEST(supe::parse_child(R"({"name":"c","component":"queue"})", "c.json", "/").component ==
               "queue");
    BOOST_CHECK_EXCEPTION(
        supe::parse_child("{}", "c.json", "/"), supe::config_error,
        [](const auto& e) { return std::string(e.what()) == "c.json:1:1: name is missing"; });
}

// From a file: an unreadable file is refused with the reason; directories are relative to the
// file's own.
BOOST_AUTO_TEST_CASE(files) {
    const support::temporary_directory here;
    const auto file = here.path() / "t.json";
    std::ofstream(file)
        << R"({"name":"t","children":[{"name":"c","command":["x"],"directory":"d"}]})";
    BOOST_TEST(supe::read_tree_file(file).children.at(0).directory == (here.path() / "d").string());
    const auto why = [](const std::filesystem::path& path) -> std::string {
        try {
            supe::read_tree_file(path);
        } catch (const supe::config_error& e) {
            return e.what();
        }
        return "accepted";
    };
    BOOST_TEST(why("no/such.json") == "no/such.json: No such file or directory");
    BOOST_TEST(why(here.path()) == here.path().string() + ": Is a directory");
    BOOST_TEST(why("/dev/zero") == "/dev/zero:1:1: the file is larger than 16 MiB");
}

// A tree is unchanged after it is written and read again, in each member; defaults are left out.
BOOST_AUTO_TEST_CASE(round_trip) {
    const std::string text =
        R"({"supe":1,"name":"t","strategy":"rest_for_one","max_restarts":5,"within":"1m","auto_shutdown":"any_significant",)"
        R"("forward":["a"],"children":[{"name":"c","command":["x","y\n"],"stdin":"open","kill_mode":"mixed","max_restarts":1,"within":"2s","ready":"notify","start_timeout":"1s",)"
        R"("watchdog":"5s","listen":["127.0.0.1:80"],"demand":true,"instances":2,"config":{"k":[1,2.5E0,null,"\u0000"]},"directory":"/d",)"
        R"("env":{"A":"1"},"restart":"transient","on_excessive":"retry","retry_after":"1s","backoff":{"first":"1ms","factor":1.1E0,"max":"1h",)"
        R"("jitter":2E-1,"reset_after":"0ms"},"shutdown":"infinity","ask":true,"stop_signal":"SIGINT","clean_exits":[],"mail":{"window":1,)"
        R"("limit":2,"limit_bytes":"3B","on_full":"block","attempts":4}},{"name":"k","component":"r","directory":"/","restart":"temporary",)"
        R"("significant":true,"shutdown":"kill"},{"name":"o","command":["x"],"channel":false,"directory":"/"},{"name":"q","command":["x"],"may":["stop","scale"],"directory":"/"},{"name":"n","directory":"/","shutdown":"8s","mail":{"journal":true},"strategy":"one_for_all",)"
        R"("children":[{"name":"m","directory":"/","children":[]}]}],"mail":{"journal":true}})";
    BOOST_TEST(written(parse(text)) == text);
    BOOST_TEST(
        written(
            parse_tree(R"({"name":"t","children":[{"name":"c","command":["x"]}]})", "f", "/")) ==
        R"({"supe":1,"name":"t","children":[{"name":"c","command":["x"],"directory":"/"}]})");
}

// What a child begins with fits in one frame: a tree of a nested supervisor that is larger than its
// text, since its directories are written out, is refused.
BOOST_AUTO_TEST_CASE(larger_than_a_frame) {
    std::string children;
    for (int i = 0; i < 4500; ++i)
        children += fmt::format(R"({}{{"name": "c{}", "component": "c"}})", i ? "," : "", i);
    const std::string text = fmt::format(
        R"({{"name": "t", "children": [{{"name": "n", "children": [{}]}}]}})", children);
    BOOST_TEST(refusal(text) == "accepted");
    BOOST_TEST(
        refusal(text, "/" + std::string(4000, 'x')).find("\"n\" would begin with a frame of ") !=
        std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
