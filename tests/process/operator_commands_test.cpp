// The real binary with a running tree: logs, mail, the choice of a tree, and trees that do not
// answer (contract §6).
#include "supe/async/unique_fd.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <sstream>

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;
using support::operator_session;
using support::until;

namespace {

constexpr const char* shop = R"({"name": "shop", "children": [
    {"name": "web", "command": ["sh", "-c", "echo hello; echo oops >&2; exec sleep 1000"]},
    {"name": "dam", "children": [{"name": "queue", "command": ["sh", "-c", "echo deep; exec sleep 1000"]}]}]})";

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

/// A child that prints numbered lines of a hundred bytes, and ends.
std::string printer(const std::string& name, int lines) {
    return R"({"name": ")" + name +
           R"(", "restart": "temporary", "command": ["sh", "-c", "seq -f '%0100.0f' 1 )" +
           std::to_string(lines) + R"(; echo end of )" + name + "\"]}";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(operator_commands)

// The output can be read while the tree runs and after it was killed: all of it, of one child, or
// the last lines.
BOOST_AUTO_TEST_CASE(logs) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    BOOST_TEST(until([&] { return has(tree->out(), "deep") && has(tree->err(), "oops"); }));
    BOOST_TEST(d.ask({"logs", "web"}).out.size() ==
               std::string("[web] hello\n[web] oops\n").size());
    BOOST_TEST(d.ask({"logs", "/dam"}).out == "[/dam/queue] deep\n");
    const auto as_json = lines_of(d.ask({"logs", "dam", "--json"}).out);
    BOOST_REQUIRE(as_json.size() == 1u);
    BOOST_TEST(json::parse(as_json[0]).at("address") == "/dam/queue");
    const auto nobody = d.ask({"logs", "wbe"});
    BOOST_TEST(nobody.code == 3);
    BOOST_TEST(has(nobody.err, "no such child: /wbe"));
    tree->signal(SIGKILL);
    tree->wait();
    BOOST_TEST(has(d.ask({"logs"}).out, "[/dam/queue] deep\n"));
    BOOST_TEST(d.ask({"logs", "web", "-n", "1"}).out.size() < 13u);
    BOOST_TEST(d.ask({"logs", "wbe"}).code == 3);
    BOOST_TEST(d.supe({"logs", "--state", d.file("none")}).code == 3);
}

// However much is printed, 8 files of 8 MiB are kept; a follower gets every line once and in order
// across the files.
BOOST_AUTO_TEST_CASE(logs_rotate_and_are_followed) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    const auto follow = d.begin({"logs", "-f", "big", "--state", d.state()});
    BOOST_TEST(follow->wait() == 3);  // not yet
    BOOST_TEST(
        d.ask({"add", "/", support::write_file(d.file("small.json"), printer("big", 10))}).code ==
        0);
    BOOST_TEST(until([&] { return has(d.ask({"logs", "big"}).out, "end of big"); }));
    const auto all = d.begin({"logs", "-f", "big", "--state", d.state()});
    BOOST_TEST(until([&] { return has(all->out(), "end of big"); }));
    const std::size_t before = all->out().size();
    constexpr int many = 100'000;  // 21 MB in the files
    BOOST_TEST(
        d.ask({"add", "/", support::write_file(d.file("big.json"), printer("big", many))}).code ==
        0);
    BOOST_TEST(until([&] { return has(all->out().substr(before), "end of big"); }));
    const auto seen = lines_of(all->out());
    BOOST_REQUIRE(seen.size() == 11u + many + 1u);
    for (int i = 1; i <= many; ++i) {
        if (std::stoi(seen[static_cast<std::size_t>(10 + i)].substr(6)) != i)
            BOOST_FAIL("line " << i << " is " << seen[static_cast<std::size_t>(10 + i)]);
    }
    BOOST_TEST(std::distance(fs::directory_iterator(fs::path(d.state()) / "logs"), {}) >= 3);
}

// A reader of our stdout that does not read stops nothing: the tree answers, and the child goes on
// when it reads again.
BOOST_AUTO_TEST_CASE(an_unread_stdout) {
    const operator_session d;
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const auto tree = d.run_tree(R"({"name": "t", "children": [)" + printer("big", 50'000) +
                                     R"(, {"name": "web", "command": ["sleep", "1000"]}]})",
                                 {}, ends[1]);
    ::close(ends[1]);
    BOOST_TEST(d.is_up());
    BOOST_TEST(d.status("big").at("state") == "running");  // it waits for its pipe to be read
    BOOST_TEST(d.ask({"restart", "web"}).code == 0);
    BOOST_TEST(until([&] { return d.status().as_object().contains("output_stuck"); }));
    BOOST_TEST(has(d.ask({"status"}).out, "Its output is not read"));
    BOOST_TEST(has(tree->err(), "[supe] our output is not read (for 5 s)"));
    std::string seen;
    char buffer[65536];
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    BOOST_TEST(until([&] {
        for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
            seen.append(buffer, static_cast<std::size_t>(n));
        return has(seen, "[big] end of big\n");
    }));
    BOOST_TEST(lines_of(seen).size() == 50'001u);
    BOOST_TEST(until([&] { return has(tree->err(), "our output is read again"); }));
    BOOST_TEST(!d.status().as_object().contains("output_stuck"));
    ::close(ends[0]);
    BOOST_TEST(d.ask({"restart", "web"}).code == 0);  // nor does a reader that closes
    tree->signal(SIGTERM);
    BOOST_TEST(tree->wait() == 0);
}

// Without --state or --tree the only running tree is used; when several run, the error names them.
BOOST_AUTO_TEST_CASE(target_tree) {
    const operator_session d;
    const auto none = d.supe({"status"});
    BOOST_TEST(none.code == 3);
    BOOST_TEST(has(none.err, "supe: no tree runs (none under " + d.file("home") + "/supe"));
    const auto first = d.begin(
        {"run", support::write_file(d.file("a.json"), R"({"name": "one", "children": []})")});
    BOOST_TEST(until([&] { return d.supe({"status"}).code == 0; }));
    BOOST_TEST(has(d.supe({"tree"}).out, "one  running"));
    const auto second = d.begin(
        {"run", support::write_file(d.file("b.json"), R"({"name": "two", "children": []})")});
    BOOST_TEST(until([&] { return d.supe({"status", "--tree", "two"}).code == 0; }));
    const auto both = d.supe({"status"});
    BOOST_TEST(both.code == 2);
    BOOST_TEST(both.err == "supe: several trees run: one, two; say which with --tree NAME\n");
    BOOST_TEST(has(d.supe({"--tree", "one", "tree"}).out, "one  running"));
    BOOST_TEST(d.supe({"status", "--tree", "three"}).code == 3);
}

// The STATUS of a child (sd_notify) is in its status.
BOOST_AUTO_TEST_CASE(status_text) {
    const operator_session d;
    const auto tree = d.run_tree(fmt::format(R"({{"name": "t", "children": [
        {{"name": "web", "command": ["{}"], "ready": "notify", "env": {{"SUPE_TEST_ROLE": "service"}}}}]}})",
                                             fs::read_symlink("/proc/self/exe").string()));
    BOOST_TEST(has(d.ask({"status", "web"}).out, "\nIt says: serving"));
    BOOST_TEST(has(d.ask({"status", "web", "--json"}).out, R"("status":"serving)"));
}

// The command mail ends when the mail is accepted, or with --wait acknowledged; a message that is
// not JSON is refused here.
BOOST_AUTO_TEST_CASE(mail) {
    const operator_session d;
    const std::string reader =
        R"({"name": "reader", "command": ["sh", "-c", "printf '{\"type\":\"signal\",\"signal\":\"READY-TO-RECEIVE-MAIL\"}\\n' >&$NODE_CHANNEL_FD; while read -r line <&$NODE_CHANNEL_FD; do echo \"$line\"; printf '{\"type\":\"signal\",\"signal\":\"ACK-CURRENT-MAIL\"}\\n' >&$NODE_CHANNEL_FD; done"]})";
    const auto tree = d.run_tree(R"({"name": "t", "children": [)" + reader +
                                 R"(, {"name": "deaf", "command": ["sleep", "1000"]}]})");
    BOOST_TEST(d.ask({"mail", "reader", "{\"n\": 1.0,\n \"u\": \"\\u00e4\"}", "--wait"}).code == 0);
    BOOST_TEST(until([&] {
        return has(tree->out(), R"("msg":{"n": 1.0,  "u": "\u00e4"})");
    }));  // its bytes, except line ends
    BOOST_TEST(d.ask({"mail", "deaf", "1"}).code == 0);
    BOOST_TEST(d.status("deaf").at("mailbox").at("queued") == 1);
    const auto nobody = d.ask({"mail", "nobody", "1"});
    BOOST_TEST(nobody.code == 3);
    BOOST_TEST(has(nobody.err, "no such child: /nobody"));
    const auto bad = d.ask({"mail", "reader", "{no"});
    BOOST_TEST(bad.code == 2);
    BOOST_TEST(bad.err == "supe: the message is no JSON: {no\n");
    BOOST_TEST(d.ask({"mail", "reader"}).code == 2);
    BOOST_TEST(
        d.supe({"mail", "reader", "-", "--wait", "--state", d.state()}, "{\"from\": \"stdin\"}")
            .code == 0);
    BOOST_TEST(until([&] { return has(tree->out(), R"({"from": "stdin"})"); }));

    const std::string saved =
        support::write_file(d.file("reader.1.jsonl"),
                            "{\"id\":\"x-1\",\"from\":\"web\",\"attempt\":1,\"msg\":\"back 1\"}\n"
                            "{\"id\":\"x-2\",\"from\":\"web\",\"attempt\":0,\"msg\":\"back 2\"}\n");
    const auto back = d.ask({"mail", "--from-file", saved});
    BOOST_TEST(back.code == 0);
    BOOST_TEST(back.out == "2 of 2 mails taken back to /reader\n");
    BOOST_TEST(
        until([&] { return has(tree->out(), R"("from":"web","msg":"back 2","id":"x-2")"); }));
    BOOST_TEST(!fs::exists(saved));
    BOOST_TEST(fs::exists(saved + ".taken"));
    support::write_file(saved, "{\"id\":\"x-3\",\"msg\":3,\"call\":\"c\",\"mine\":[1]}\n");
    BOOST_TEST(d.ask({"mail", "--from-file", saved}).code == 0);
    BOOST_TEST(until([&] { return has(tree->out(), R"(,"call":"c","mine":[1]})"); }));
    support::write_file(saved, "{\"type\":\"2\",\"id\":\"x-3\",\"msg\":1}\n");
    const auto newer = d.ask({"mail", "--from-file", saved});
    BOOST_TEST(newer.code == 2);
    BOOST_TEST(has(newer.err, "reader.1.jsonl:1: a newer version of this program wrote it"));
    support::write_file(saved, "{\"id\":\"x-3\",\"msg\":1}\nnonsense\n");
    const auto torn = d.ask({"mail", "--from-file", saved});
    BOOST_TEST(torn.code == 2);
    BOOST_TEST(has(torn.err, "reader.1.jsonl:2: no saved mail"));
}

// A saved mailbox is taken back by one command at a time, and what was taken is not taken again
// after a kill. What is no regular file makes nobody wait.
BOOST_AUTO_TEST_CASE(a_mailbox_is_taken_back_once) {
    const operator_session d;
    const auto tree = d.run_tree(
        R"({"name": "t", "children": [{"name": "a", "command": ["sleep", "1000"], "mail": {"limit": 3}}]})");
    std::string text;
    for (int i = 0; i < 4; ++i) text += fmt::format("{{\"id\":\"x-{}\",\"msg\":{}}}\n", i, i);
    const std::string saved = support::write_file(d.file("a.1.jsonl"), text);
    {
        const supe::unique_fd other(::open(saved.c_str(), O_RDWR | O_CLOEXEC));
        BOOST_REQUIRE(::flock(other.get(), LOCK_EX) == 0);
        const auto refused = d.ask({"mail", "--from-file", saved});
        BOOST_TEST(refused.code == 2);
        BOOST_TEST(has(refused.err, "another supe mail --from-file takes it back"), refused.err);
    }
    const auto full = d.ask({"mail", "--from-file", saved});
    BOOST_TEST(full.code == 1);
    BOOST_TEST(full.out == "3 of 4 mails taken back to /a\n");
    BOOST_TEST(support::read_file(saved).starts_with("-\"id\":\"x-0\""));
    const auto again = d.ask({"mail", "--from-file", saved});
    BOOST_TEST(again.out == "0 of 1 mails taken back to /a\n");
    BOOST_TEST(d.status("a").at("mailbox").at("queued") == 3);
    BOOST_REQUIRE(::mkfifo(d.file("fifo").c_str(), 0600) == 0);
    const auto fifo = d.ask({"mail", "--from-file", d.file("fifo")});
    BOOST_TEST(fifo.code == 2);
    BOOST_TEST(has(fifo.err, "it is no regular file"), fifo.err);
}

// The command was killed when the tree had taken its mail and the file did not say so: the next one
// finds all of it taken, and none comes twice. Another file with the same ids is another one.
BOOST_AUTO_TEST_CASE(a_mailbox_is_taken_back_once_after_a_kill) {
    const operator_session d;
    const auto tree = d.run_tree(R"({"name": "t", "children": [
        {"name": "n", "children": [{"name": "a", "command": ["sleep", "1000"]}]}]})");
    const std::string text = "{\"id\":\"x-1\",\"msg\":1}\n{\"id\":\"x-2\",\"msg\":2}";
    const std::string saved = support::write_file(d.file("n.a.1.jsonl"), text);
    BOOST_TEST(d.ask({"mail", "--from-file", saved}).out == "2 of 2 mails taken back to /n/a\n");
    std::string unmarked = support::read_file(saved + ".taken");
    for (std::size_t at = 0; (at = unmarked.find("-\"id\"", at)) != unmarked.npos;)
        unmarked[at] = '{';
    BOOST_TEST(unmarked.starts_with(text + "\n-identity "), unmarked);
    support::write_file(saved, unmarked);
    BOOST_TEST(d.ask({"mail", "--from-file", saved}).out == "2 of 2 mails taken back to /n/a\n");
    BOOST_TEST(d.status("n/a").at("mailbox").at("queued") == 2);
    support::write_file(saved, text);
    BOOST_TEST(d.ask({"mail", "--from-file", saved}).out == "2 of 2 mails taken back to /n/a\n");
    BOOST_TEST(d.status("n/a").at("mailbox").at("queued") == 4);
}

// Whatever was accepted goes back, byte for byte: strange keys, deep nesting, and a message of
// nearly 16 MiB that a JSON string would make twice as long, also to a nested supervisor. A line
// that is too large for any request is named, and the others go on.
BOOST_AUTO_TEST_CASE(any_mail_is_taken_back) {
    const operator_session d;
    const auto tree = d.run_tree(R"({"name": "t", "children": [
        {"name": "a", "command": ["sleep", "1000"]},
        {"name": "n", "children": [{"name": "b", "command": ["sleep", "1000"]}]}]})");
    const auto quotes = [](std::size_t size) {
        std::string list = "[0";
        while (list.size() < size) list += R"(,"")";
        return list + "]";
    };
    const std::string keys = R"({"id":"x-1","msg":1.50,"a\"b":1,"c\nd":2,"e\\":3})";
    const std::string deep =
        R"({"id":"x-2","msg":)" + std::string(512, '[') + std::string(512, ']') + "}";
    const std::string large = R"({"id":"x-3","msg":)" + quotes(15u << 20) + "}";
    const std::string larger = R"({"id":"x-4","msg":)" + quotes(18u << 20) + "}";
    const std::string text =
        keys + "\n" + deep + "\n" + large + "\n" + larger + "\n" + R"({"id":"x-5","msg":5})" + "\n";
    for (const std::string to : {"a", "n.b"}) {
        const std::string file = support::write_file(d.file(to + ".1.jsonl"), text);
        const auto back = d.ask({"mail", "--from-file", file});
        const std::string address = to == "a" ? "/a" : "/n/b";
        BOOST_TEST(back.out == "4 of 5 mails taken back to " + address + "\n");
        BOOST_TEST(has(back.err, to + ".1.jsonl:4: the request is too large"), back.err);
        BOOST_TEST(back.code == 2);
        BOOST_TEST(d.status(address).at("mailbox").at("queued") == 4);
        // What is left in the file is that line alone.
        BOOST_TEST(d.ask({"mail", "--from-file", file}).out ==
                   "0 of 1 mails taken back to " + address + "\n");
    }
}

// With a limit for its ack: exit code 4, and the mail stays.
BOOST_AUTO_TEST_CASE(mail_with_a_timeout) {
    const operator_session d;
    const auto tree =
        d.run_tree(R"({"name": "t", "children": [{"name": "a", "command": ["sleep", "1000"]}]})");
    const auto late = d.ask({"mail", "a", "1", "--wait", "--timeout", "100ms"});
    BOOST_TEST(late.code == 4);
    BOOST_TEST(has(late.err, "was not acknowledged within 100ms: it stays accepted"), late.err);
    BOOST_TEST(d.status("a").at("mailbox").at("queued") == 1);
    BOOST_TEST(d.ask({"mail", "a", "1", "--timeout", "1s"}).code == 2);
    BOOST_TEST(d.ask({"mail", "a", "1", "--wait", "--timeout", "soon"}).code == 2);
}

// Mail that a component rejects is a dead letter until it is sent again or dropped.
BOOST_AUTO_TEST_CASE(dead_letters) {
    const operator_session d;
    const auto tree = d.run_tree(
        R"({"name": "t", "children": [{"name": "a", "command": ["sleep", "1000"]}, {"name": "b", "command": ["sleep", "1000"]}]})");
    BOOST_TEST(d.ask({"mail", "a", "{\"n\": 1}"}).code == 0);
    BOOST_TEST(d.ask({"remove", "a"}).code == 0);
    const auto listed = lines_of(d.ask({"dead", "list"}).out);
    BOOST_REQUIRE(listed.size() == 2u);
    BOOST_TEST(has(listed[1], "  /a  "));
    const std::string id = listed[1].substr(0, listed[1].find(' '));
    BOOST_TEST(has(d.ask({"dead", "show", id}).out, R"("msg": "{\"n\": 1}")"));
    BOOST_TEST(d.ask({"dead", "retry", id}).code == 1);
    BOOST_TEST(d.ask({"dead", "show", "nobody"}).code == 3);
    BOOST_TEST(d.ask({"dead", "drop"}).code == 2);
    BOOST_TEST(d.supe({"dead", "--state", d.state(), "drop", id}).code == 0);
    BOOST_TEST(d.ask({"dead", "list", "--json"}).out == "[]\n");
}

// A tree or a nested supervisor that does not answer gives exit code 4 after 10 s, with a clear
// text.
BOOST_AUTO_TEST_CASE(trees_that_do_not_answer) {
    const operator_session d;
    const auto tree = d.run_tree(shop);
    ::kill(d.pid_of("dam"), SIGSTOP);
    const auto status = d.begin({"status", "--state", d.state()});
    const auto stop = d.ask({"stop", "/dam/queue"});
    BOOST_TEST(stop.code == 4);
    BOOST_TEST(stop.err == "supe: /dam does not answer (for 10 s)\n");
    BOOST_TEST(status->wait() == 4);
    BOOST_TEST(has(status->out(), "\n  web  running"));
    BOOST_TEST(has(status->out(), "\n  dam  running, silent"));
    BOOST_TEST(status->err() == "supe: /dam does not answer: what runs below is not known\n");
    tree->signal(SIGSTOP);
    const auto silent = d.ask({"status"});
    BOOST_TEST(silent.code == 4);
    BOOST_TEST(silent.err == "supe: the tree on " + d.state() + " does not answer (for 10 s)\n");
}

// A mistyped command is answered with the nearest command, wrong words with the error and where the
// help is; the help of every command has an example.
BOOST_AUTO_TEST_CASE(help) {
    const operator_session d;
    const auto typo = d.supe({"statsu"});
    BOOST_TEST(typo.code == 2);
    BOOST_TEST(typo.err ==
               "supe: \"statsu\" is no command, did you mean status?; supe --help lists them\n");
    BOOST_TEST(d.supe({"xyzzy"}).err == "supe: \"xyzzy\" is no command; supe --help lists them\n");
    const auto what_is_wrong = [&](const std::vector<std::string>& words) {
        const auto r = d.supe(words);
        BOOST_TEST(r.code == 2);
        return r.err;
    };
    BOOST_TEST(what_is_wrong({}) == "supe: a command is missing; supe --help tells more\n");
    BOOST_TEST(what_is_wrong({"dead"}) ==
               "supe: a command is missing; supe dead --help tells more\n");
    BOOST_TEST(what_is_wrong({"run"}) ==
               "supe: TREE.json is required; supe run --help tells more\n");
    BOOST_TEST(
        what_is_wrong({"status", "--jsno"}) ==
        "supe: the following argument was not expected: --jsno; supe status --help tells more\n");
    BOOST_TEST(
        what_is_wrong({"logs", "-n", "few"}).starts_with("supe: --lines: Value few not in range "));
    BOOST_TEST(what_is_wrong({"completion", "fish"}) ==
               "supe: SHELL: fish not in {bash,zsh}; supe completion --help tells more\n");
    const std::string all = d.supe({"--help"}).out;
    for (const char* name :
         {"relay", "run", "check", "completion", "status", "tree", "logs", "notices", "start",
          "stop", "restart", "add", "remove", "scale", "mail", "dead", "webhooks"}) {
        BOOST_TEST(has(all, "\n  " + std::string(name) + " "), name);
        const auto help = d.supe({name, "--help"});
        BOOST_TEST(help.code == 0);
        BOOST_TEST(has(help.out, "Example"), name);
    }
    BOOST_TEST(has(d.supe({"logs", "--help"}).out, "8 files of 8 MiB"));
    BOOST_TEST(d.supe({"--version"}).out == "supe 1.0.0\n");
}

// A program that is gone when an operator restarts it: the reason is the answer, the child is
// stopped, and neither the rest of its group nor the tree ends. It starts when the program is back.
BOOST_AUTO_TEST_CASE(restart_without_a_program) {
    const operator_session d;
    const std::string web = support::write_file(d.file("web"), "#!/bin/sh\nexec sleep 1000\n");
    fs::permissions(web, fs::perms::owner_all);
    const auto tree = d.run_tree(
        R"({"name": "t", "strategy": "one_for_all", "max_restarts": 3, "children": [{"name": "web", "command": [")" +
        web + R"("]}, {"name": "other", "command": ["sleep", "1000"]}]})");
    const pid_t other = d.pid_of("other");
    fs::rename(web, web + ".old");
    for (const char* verb : {"restart", "start", "restart"}) {
        const auto answer = d.ask({verb, "web"});
        BOOST_TEST(answer.code == 1);
        BOOST_TEST(has(answer.err, "/web did not come up: "));
        BOOST_TEST(has(answer.err, "No such file or directory"));
        BOOST_TEST(d.status("web").at("state") == "stopped");
    }
    fs::rename(web + ".old", web);
    BOOST_TEST(d.ask({"start", "web"}).code == 0);
    BOOST_TEST(d.status("web").at("restarts") == 0);
    BOOST_TEST(d.pid_of("other") == other);
}

// A command that is killed in the middle goes on in the tree, and those behind it wait for it.
BOOST_AUTO_TEST_CASE(interrupted) {
    const operator_session d;
    const auto tree = d.run_tree(
        R"({"name": "t", "children": [{"name": "slow", "command": ["sh", "-c", "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.05; done"]},
        {"name": "web", "command": ["sleep", "1000"]}]})");
    const pid_t slow = d.pid_of("slow"), web = d.pid_of("web");
    const auto under_way = [&](const char* what) {
        const auto* now = d.status().as_object().if_contains("operation");
        return now && *now == what;
    };
    const auto first = d.begin({"restart", "slow", "--state", d.state()});
    BOOST_TEST(until([&] { return under_way("restart slow"); }));
    first->signal(SIGKILL);
    first->wait();
    const auto second = d.ask({"restart", "web"});
    BOOST_TEST(second.code == 0);
    BOOST_TEST(d.status("slow").at("state") == "running");
    BOOST_TEST(d.pid_of("slow") != slow);
    BOOST_TEST(d.pid_of("web") != web);
    BOOST_TEST(!d.status().as_object().contains("operation"));
}

BOOST_AUTO_TEST_SUITE_END()
