// Where the mail of a removed child is, which its supervisor had accepted (contract §3): the real
// binary.
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <sstream>

namespace fs = std::filesystem;
using support::operator_session;
using support::until;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const fs::path& file) {
    std::vector<std::string> all;
    std::istringstream in(support::read_file(file));
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(removed_mailbox)

// More mail than the dead letters have room for goes to a file, which the answer and the log name.
// The letters of others stay. Taken back, it is in order.
BOOST_AUTO_TEST_CASE(is_saved) {
    const operator_session d;
    const std::string deaf = R"({"name": "deaf", "command": ["sleep", "1000"]})";
    const auto tree = d.run_tree(R"({"name": "t", "children": [)" + deaf +
                                 R"(, {"name": "other", "command": ["sleep", "1000"]}]})");
    std::string mails;
    for (int n = 1; n <= 1000; ++n)
        mails +=
            fmt::format("{{\"id\":\"x-{}\",\"from\":\"web\",\"attempt\":0,\"msg\":{}}}\n", n, n);
    const std::string first = support::write_file(d.file("deaf.9.jsonl"), mails);
    BOOST_TEST(d.ask({"mail", "--from-file", first}).out ==
               "1000 of 1000 mails taken back to /deaf\n");
    BOOST_TEST(d.ask({"mail", "other", "\"mine\""}).code == 0);
    BOOST_TEST(d.ask({"remove", "other"}).out == "/other is removed\n");

    const std::string file = d.state() + "/mailboxes/deaf.1.jsonl";
    const std::string text = "its 1000 mails are in " + file + " (supe mail --from-file)\n";
    BOOST_TEST(d.ask({"remove", "deaf"}).out == "/deaf is removed; " + text);
    BOOST_TEST(has(tree->err(), "deaf is removed; " + text));
    BOOST_TEST(!has(tree->err(), "mail x-1 to deaf went to the dead letters"));
    const auto saved = lines_of(file);
    BOOST_REQUIRE(saved.size() == 1000u);
    BOOST_TEST(has(saved[999], R"("id":"x-1000")"));
    const auto letters = d.ask({"dead", "list"}).out;
    BOOST_TEST(has(letters, "  /other  "));
    BOOST_TEST(!has(letters, "  /deaf  "));

    BOOST_TEST(d.ask({"add", "/", support::write_file(d.file("deaf.json"), deaf)}).code == 0);
    BOOST_TEST(d.ask({"mail", "--from-file", file}).out ==
               "1000 of 1000 mails taken back to /deaf\n");
    BOOST_TEST(d.status("deaf").at("mailbox").at("queued") == 1000);
    // What has room becomes dead letters, as ever.
    BOOST_TEST(d.ask({"dead", "drop", "--all"}).code == 0);
    BOOST_TEST(d.ask({"remove", "deaf"}).out == "/deaf is removed\n");
    BOOST_TEST(until([&] { return has(d.ask({"dead", "list"}).out, "x-1000 "); }));
}

// Several at once share the room of the dead letters; and mail for one instance alone is kept as
// that of a whole mailbox, and goes back to that one.
BOOST_AUTO_TEST_CASE(of_instances) {
    const operator_session d;
    const auto tree = d.run_tree(
        R"({"name": "t", "children": [{"name": "w", "command": ["sleep", "1000"], "instances": 3}]})");
    for (const std::string name : {"w+2", "w+3"}) {
        std::string mails;
        for (int n = 1; n <= 600; ++n)
            mails +=
                fmt::format(R"({{"id":"{}-{}","from":"x","attempt":0,"msg":{}}})", name, n, n) +
                "\n";
        const auto file = support::write_file(d.file(name + ".9.jsonl"), mails);
        BOOST_TEST(has(d.ask({"mail", "--from-file", file}).out, "600 of 600 mails taken back"));
    }
    const std::string file = d.state() + "/mailboxes/w+2.1.jsonl";
    const std::string where = "its 600 mails are in " + file + " (supe mail --from-file)\n";
    BOOST_TEST(d.ask({"scale", "w", "1"}).out == "/w has 1 instance; w.2: " + where);
    BOOST_TEST(until([&] { return has(d.ask({"dead", "list"}).out, "w+3-600 "); }));
    const auto letters = d.ask({"dead", "list"}).out;
    BOOST_TEST(has(letters, "w+3-1 "));
    BOOST_TEST(has(letters, "  /w.3  "));
    BOOST_TEST(!has(letters, "  /w.2  "));
    // Nobody else gets them.
    BOOST_TEST(has(d.ask({"dead", "retry", "--all"}).err, "unknown-address"));
    BOOST_TEST(d.status("w.1").at("mailbox").at("queued") == 0);
    BOOST_TEST(d.ask({"scale", "w", "3"}).code == 0);
    BOOST_TEST(d.ask({"dead", "retry", "--all"}).code == 0);
    BOOST_TEST(
        has(d.ask({"mail", "--from-file", file}).out, "600 of 600 mails taken back to /w.2"));
    BOOST_TEST(has(d.ask({"remove", "w"}).out, ": its 600 mails are in "));
}

// With the last instance the whole mailbox goes, under its own name.
BOOST_AUTO_TEST_CASE(of_the_last_instance) {
    const operator_session d;
    const auto tree = d.run_tree(
        R"({"name": "t", "children": [{"name": "w", "command": ["sleep", "1000"], "instances": 2}]})");
    std::string mails;
    for (int n = 1; n <= 1001; ++n)
        mails += fmt::format("{{\"id\":\"x-{}\",\"from\":\"x\",\"attempt\":0,\"msg\":1}}\n", n);
    const auto file = support::write_file(d.file("w.9.jsonl"), mails);
    BOOST_TEST(has(d.ask({"mail", "--from-file", file}).out, "mails taken back to /w\n"));
    BOOST_TEST(d.ask({"remove", "w"}).out == "/w is removed; its 1001 mails are in " + d.state() +
                                                 "/mailboxes/w.1.jsonl (supe mail --from-file)\n");
}

// A line says which instance alone may have its mail, in the file of the whole mailbox too. It goes
// back to that one; to no other where there is none of that number.
BOOST_AUTO_TEST_CASE(for_one_instance) {
    const operator_session d;
    const std::string two = R"(, "command": ["sleep", "1000"], "instances": 2})";
    const auto tree = d.run_tree(R"({"name": "t", "children": [{"name": "w")" + two + "]}");
    std::string mails;
    for (int n = 1; n <= 1002; ++n)
        mails +=
            fmt::format(R"({{"id":"x-{}","msg":{}{}}})", n, n % 2, n % 2 ? "" : R"(,"to":"w.1")") +
            "\n";
    const auto first = support::write_file(d.file("w.9.jsonl"), mails);
    BOOST_TEST(d.ask({"mail", "--from-file", first}).out ==
               "1002 of 1002 mails taken back to /w\n");
    BOOST_TEST(has(d.ask({"remove", "w"}).out, "its 1002 mails are in "));
    const auto saved = lines_of(fs::path(d.state()) / "mailboxes/w.1.jsonl");
    BOOST_TEST(saved.size() == 1002u);
    for (const std::string& line : saved)
        BOOST_TEST(has(line, R"("to":"w.1","msg":0)") != has(line, R"("attempt":0,"msg":1)"), line);

    BOOST_TEST(
        d.ask({"add", "/", support::write_file(d.file("v.json"), R"({"name": "v")" + two)}).code ==
        0);
    const std::string file = support::write_file(d.file("w.1.jsonl"),
                                                 "{\"id\":\"y-1\",\"msg\":1}\n"
                                                 "{\"id\":\"y-2\",\"msg\":2,\"to\":\"w.3\"}\n"
                                                 "{\"id\":\"y-3\",\"msg\":3,\"to\":\"w.2\"}\n"
                                                 "{\"id\":\"y-4\",\"msg\":4}\n");
    const auto back = d.ask({"mail", "v", "--from-file", file});
    BOOST_TEST(back.code == 3);
    BOOST_TEST(back.out == "3 of 4 mails taken back to v\n");
    BOOST_TEST(has(back.err, "w.1.jsonl:2: no such child: /v.3"), back.err);
    BOOST_TEST(d.ask({"scale", "v", "3"}).code == 0);
    BOOST_TEST(d.ask({"mail", "v", "--from-file", file}).out == "1 of 1 mails taken back to v\n");
    BOOST_TEST(fs::exists(file + ".taken"));
    // The letters of an instance name it.
    BOOST_TEST(d.ask({"scale", "v", "1"}).code == 0);
    BOOST_TEST(until([&] { return has(d.ask({"dead", "list"}).out, "  /v.2  "); }));
    BOOST_TEST(until([&] { return has(d.ask({"dead", "list"}).out, "  /v.3  "); }));
    BOOST_TEST(d.status("v").at("mailbox").at("queued") == 2);
}

// Where no file can be written all of it stays, until one can.
BOOST_AUTO_TEST_CASE(saved_later) {
    const operator_session d;
    const auto tree = d.run_tree(
        R"({"name": "t", "children": [{"name": "deaf", "command": ["sleep", "1000"]}]})");
    std::string mails;
    for (int n = 1; n <= 1001; ++n)
        mails += fmt::format("{{\"id\":\"x-{}\",\"from\":\"web\",\"attempt\":0,\"msg\":1}}\n", n);
    const std::string first = support::write_file(d.file("deaf.9.jsonl"), mails);
    BOOST_TEST(d.ask({"mail", "--from-file", first}).code == 0);
    const fs::path files = d.state() + "/mailboxes";
    support::write_file(files, "no directory");
    const std::string answer = d.ask({"remove", "deaf"}).out;
    BOOST_TEST(has(answer, "its 1001 mails cannot be saved to a file in " + files.string() +
                               " yet: tried again every 5s"),
               answer);
    fs::remove(files);
    BOOST_TEST(until([&] { return has(tree->err(), "its 1001 mails are in "); }));
    BOOST_TEST(lines_of(files / "deaf.1.jsonl").size() == 1001u);
    BOOST_TEST(d.ask({"dead", "list"}).out.find("x-") == std::string::npos);
}

// What waits for a file has a limit. The mail of what is removed then goes to the dead letters.
BOOST_AUTO_TEST_CASE(more_than_can_wait) {
    const operator_session d;
    const auto tree = d.run_tree(R"({"name": "t", "children": [
        {"name": "big", "command": ["sleep", "1000"], "mail": {"limit_bytes": "300MiB"}},
        {"name": "deaf", "command": ["sleep", "1000"]}]})");
    const auto fill = [&](const std::string& name, const std::string& msg) {
        std::string mails;
        for (int n = 1; n <= 1001; ++n)
            mails += fmt::format("{{\"id\":\"{}-{}\",\"from\":\"web\",\"attempt\":0,\"msg\":{}}}\n",
                                 name, n, msg);
        const auto file = support::write_file(d.file(name + ".9.jsonl"), mails);
        BOOST_TEST(d.ask({"mail", "--from-file", file}).code == 0);
    };
    fill("big", '"' + std::string(270'000, 'x') + '"');
    fill("deaf", "1");
    support::write_file(d.state() + "/mailboxes", "no directory");
    BOOST_TEST(has(d.ask({"remove", "big"}).out, "cannot be saved"));
    const std::string answer = d.ask({"remove", "deaf"}).out;
    BOOST_TEST(has(answer,
                   "its 1001 mails are dead letters, of which the oldest are dropped: "
                   "256MiB of mail wait for a file already"),
               answer);
    BOOST_TEST(has(d.ask({"dead", "list"}).out, "deaf-1001"));
}

// A nested supervisor that leaves and returns at once does not find the mail that goes to the file.
BOOST_AUTO_TEST_CASE(returns_at_once) {
    const operator_session d;
    const std::string dam = R"({"name": "dam", "mail": {"journal": true}, "children": [
        {"name": "queue", "command": ["sleep", "1000"]}]})";
    const auto tree = d.run_tree(R"({"name": "t", "children": [)" + dam + "]}");
    std::string mails;
    for (int n = 1; n <= 5000; ++n)
        mails += fmt::format("{{\"id\":\"x-{}\",\"from\":\"web\",\"attempt\":0,\"msg\":1}}\n", n);
    const std::string first = support::write_file(d.file("dam.queue.9.jsonl"), mails);
    BOOST_TEST(d.ask({"mail", "--from-file", first}).code == 0);
    for (const std::string& children : {std::string(), dam}) {
        support::write_file(d.file("tree.json"),
                            R"({"name": "t", "children": [)" + children + "]}");
        BOOST_TEST(d.ask({"reload"}).code == 0);
    }
    BOOST_TEST(d.status("/dam/queue").at("mailbox").at("queued") == 0);
    BOOST_TEST(lines_of(fs::path(d.state()) / "mailboxes/dam.queue.1.jsonl").size() == 5000u);
}

// The journal of a removed nested supervisor, and of one below it: the mail goes to files, and is
// not delivered a second time when the name returns.
BOOST_AUTO_TEST_CASE(in_journals_below) {
    const operator_session d;
    const std::string queue = R"({"name": "queue", "command": ["sleep", "1000"]})";
    const std::string dam = R"({"name": "dam", "mail": {"journal": true}, "children": [)" + queue +
                            R"(, {"name": "deep", "mail": {"journal": true}, "children": [)" +
                            queue + "]}]}";
    const auto tree = d.run_tree(R"({"name": "t", "children": [)" + dam + "]}");
    for (const char* to : {"/dam/queue", "/dam/queue", "/dam/deep/queue"})
        BOOST_TEST(d.ask({"mail", to, "{\"n\": 1}"}).code == 0);

    const std::string answer = d.ask({"remove", "dam"}).out;
    BOOST_TEST(answer.starts_with("/dam is removed; the 3 mails in its journal are in "), answer);
    const fs::path files = d.state() + "/mailboxes";
    BOOST_TEST(has(answer, (files / "dam.queue.1.jsonl").string()));
    BOOST_TEST(lines_of(files / "dam.queue.1.jsonl").size() == 2u);
    BOOST_TEST(lines_of(files / "dam.deep.queue.1.jsonl").size() == 1u);

    BOOST_TEST(d.ask({"add", "/", support::write_file(d.file("dam.json"), dam)}).code == 0);
    BOOST_TEST(d.status("/dam/queue").at("mailbox").at("queued") == 0);
    BOOST_TEST(d.status("/dam/deep/queue").at("mailbox").at("queued") == 0);
    BOOST_TEST(d.ask({"mail", "--from-file", (files / "dam.queue.1.jsonl").string()}).out ==
               "2 of 2 mails taken back to /dam/queue\n");
    BOOST_TEST(d.status("/dam/queue").at("mailbox").at("queued") == 2);
}

// … and its other contents: what is for one instance says so, what its sender keeps is in no file,
// and the dead letters stay and are counted.
BOOST_AUTO_TEST_CASE(what_else_is_in_a_journal) {
    const operator_session d;
    const std::string sleep = R"("command": ["sleep", "1000"])";
    const std::string dam = R"({"name": "dam", "mail": {"journal": true}, "children": [
        {"name": "w", "instances": 2, )" +
                            sleep + R"(}, {"name": "gone", )" + sleep + "}]}";
    const auto tree = d.run_tree(R"({"name": "t", "children": [)" + dam + "]}");
    for (const char* to : {"/dam/w.2", "/dam/gone"}) BOOST_TEST(d.ask({"mail", to, "1"}).code == 0);
    const auto kept = support::write_file(d.file("dam.w.9.jsonl"),
                                          "{\"id\":\"x-1\",\"msg\":1,\"dead_letter\":false}\n");
    BOOST_TEST(d.ask({"mail", "--from-file", kept}).code == 0);
    BOOST_TEST(d.ask({"remove", "/dam/gone"}).code == 0);
    BOOST_TEST(until([&] { return has(d.ask({"dead", "list"}).out, "  /dam/gone  "); }));

    const std::string file = d.state() + "/mailboxes/dam.w.1.jsonl";
    const std::string answer = d.ask({"remove", "dam"}).out;
    BOOST_TEST(answer == "/dam is removed; the 1 mails in its journal are in " + file +
                             " (supe mail --from-file); mails that their senders keep, and that "
                             "are in no file: 1; dead letters that return with the name: 1\n");
    const auto saved = lines_of(file);
    BOOST_REQUIRE(saved.size() == 1u);
    BOOST_TEST(has(saved[0], R"("to":"w.2")"), saved[0]);

    BOOST_TEST(d.ask({"add", "/", support::write_file(d.file("dam.json"), dam)}).code == 0);
    BOOST_TEST(has(d.ask({"dead", "list"}).out, "  /dam/gone  "));
    BOOST_TEST(d.status("/dam/w").at("mailbox").at("queued") == 0);
    BOOST_TEST(d.ask({"mail", "--from-file", file}).out == "1 of 1 mails taken back to /dam/w\n");
}

BOOST_AUTO_TEST_SUITE_END()
