// Shows the log that a child has for itself (contract §5, `log`): its lines, its rotation, and what
// happens where it cannot be written.
#include "supe/output/rotating_file.hpp"
#include "supe/tree/tree_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace supe;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using support::read_file;
using support::until;

namespace {

constexpr rotation small{.size = 20, .count = 3};

struct log_of_a_child {
    support::temporary_directory tmp;
    std::string name = (tmp / "web.log").string();
    rotating_file file{name};
    time_point now{};

    std::string put(const std::string& line, const rotation& limits = small) {
        file.write(line);
        return file.flush(limits, now);
    }
    std::string text(const std::string& ending = "") const { return read_file(name + ending); }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string refusal(const std::string& log, const std::string& more = "") {
    try {
        parse_tree(R"({"name":"t","children":[{"name":"a","command":["x"],"log":)" + log + "}" +
                       more + "]}",
                   "tree.json", "/srv");
        return "accepted";
    } catch (const config_error& e) {
        return e.what();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(own_log)

// Plain lines; a file that would be too long becomes FILE.1, and so on, and the last one goes.
BOOST_AUTO_TEST_CASE(rotates) {
    log_of_a_child l;
    BOOST_TEST(l.put("one") == "");
    BOOST_TEST(l.text() == "one\n");
    for (const char* line : {"2222222222", "333333333333", "4444444444", "5555555555"})
        BOOST_TEST(l.put(line) == "");
    BOOST_TEST(l.text() == "5555555555\n");
    BOOST_TEST(l.text(".1") == "4444444444\n");
    BOOST_TEST(l.text(".2") == "333333333333\n");
    BOOST_TEST(!fs::exists(l.name + ".3"));
    BOOST_TEST(l.file.is_clean());
    struct stat about{};
    BOOST_TEST(::stat(l.name.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0137) == 0u);
}

// A batch of lines is cut between lines; a line that is longer than a file has one of its own.
BOOST_AUTO_TEST_CASE(a_batch_beyond_the_size) {
    log_of_a_child l;
    for (const char* line : {"11111111", "22222222", "33333333"}) l.file.write(line);
    const std::string longer(30, 'x');
    l.file.write(longer);
    BOOST_TEST(l.put("after") == "");
    BOOST_TEST(l.text(".2") == "33333333\n");
    BOOST_TEST(l.text(".1") == longer + "\n");
    BOOST_TEST(l.text() == "after\n");
    log_of_a_child alone;
    for (int i = 0; i < 10; ++i) alone.put("11111111", {.size = 20, .count = 1});
    BOOST_TEST(alone.text() == "11111111\n11111111\n");
    BOOST_TEST(!fs::exists(alone.name + ".1"));
}

// Moved by logrotate, or deleted: the next line is in a new file.
BOOST_AUTO_TEST_CASE(moved_or_deleted) {
    log_of_a_child l;
    l.put("one");
    fs::rename(l.name, l.name + ".old");
    l.put("two");
    BOOST_TEST(l.text() == "two\n");
    fs::remove(l.name);
    l.put("three");
    BOOST_TEST(l.text() == "three\n");
}

// What cannot be written is reported at most once a minute, and once more when it works again.
BOOST_AUTO_TEST_CASE(reports_now_and_then) {
    log_of_a_child l;
    l.now = time_point(1h);
    fs::create_directory(l.name);
    BOOST_TEST(l.put("one") == l.name + ": Is a directory; lines that are not in it so far: 1");
    l.now += 30s;
    BOOST_TEST(l.put("two") == "");
    l.now += 31s;
    BOOST_TEST(has(l.put("three"), "so far: 3"));
    fs::remove(l.name);
    BOOST_TEST(l.put("four") == "");
    BOOST_TEST(!l.file.is_clean());
    l.now += 61s;
    BOOST_TEST(l.put("five") == l.name + " is written again; lines that are missing in it: 3");
    BOOST_TEST(l.file.is_clean());
    BOOST_TEST(l.text() == "four\nfive\n");
    for (const std::string& path : {l.tmp.path().string() + "/none/x", std::string("/dev/null")}) {
        rotating_file other(path);
        other.write("x");
        BOOST_TEST(has(other.flush(small, l.now), "so far: 1"));
    }
    // No link is followed, and a FIFO makes nobody wait.
    fs::create_symlink(l.name, l.name + ".link");
    BOOST_TEST(::mkfifo((l.name + ".fifo").c_str(), 0600) == 0);
    for (const char* ending : {".link", ".fifo"}) {
        rotating_file other(l.name + ending);
        other.write("x");
        BOOST_TEST(other.flush(small, l.now) != "");
    }
    BOOST_TEST(l.text() == "four\nfive\n");
}

// A full disk leaves no half line.
BOOST_AUTO_TEST_CASE(a_full_disk) {
    log_of_a_child l;
    l.now = time_point(1h);
    l.put("one");
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit little{8, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &little);
    const std::string report = l.put("twotwotwo");
    ::setrlimit(RLIMIT_FSIZE, &old);
    ::signal(SIGXFSZ, handler);
    BOOST_TEST(has(report, "File too large"), report);
    l.put("three");
    BOOST_TEST(l.text() == "one\nthree\n");
}

// The field: relative to the tree file, with its defaults, and refused with place and reason.
BOOST_AUTO_TEST_CASE(the_field) {
    const auto tree = parse_tree(
        R"({"name":"t","children":[{"name":"a","command":["x"],"directory":"sub","log":{"file":"log/a.log","size":"1MiB","count":2}},
            {"name":"b","command":["x"],"log":{"file":"/b"}},{"name":"c","command":["x"],"log":{}}]})",
        "tree.json", "/srv");
    BOOST_TEST((*tree.children[0].log == log_spec{"/srv/log/a.log", 1u << 20, 2}));
    BOOST_TEST((*tree.children[1].log == log_spec{"/b", 10u << 20, 5}));
    BOOST_TEST((*tree.children[2].log == log_spec{}));
    const auto text = boost::json::serialize(to_json(tree));
    BOOST_TEST(has(text, R"("log":{"file":"/srv/log/a.log","size":"1MiB","count":2})"), text);
    BOOST_TEST(boost::json::serialize(to_json(parse_tree(text, "again", "/"))) == text);
    BOOST_TEST(refusal(R"({"size":"1MiB"})") == "tree.json:1:59: children[0].log: file is missing");
    BOOST_TEST(has(refusal(R"({"file":""})"), "log.file: must be the name of a file, not \"\""));
    BOOST_TEST(has(refusal(R"({"file":"x","size":"1B"})"), "children[0].log.size: "));
    BOOST_TEST(has(refusal(R"({"file":"x","count":0})"), "children[0].log.count: "));
    BOOST_TEST(has(refusal(R"("x")"), "children[0].log: "));
    BOOST_TEST(has(
        refusal(R"({"file":"x"})",
                R"(,{"name":"n","children":[{"name":"b","command":["x"],"log":{"file":"./x"}}]})"),
        R"(children[1].children[0].log.file: "/srv/x" is the log of "a" already)"));
    BOOST_TEST(has(refusal("{}", R"(,{"name":"n","children":[],"log":{"file":"y"}})"),
                   "log cannot be combined with children"));
}

// The real tree, also below a nested supervisor: stdout and stderr of each life, without a label.
// A reload changes the file without a new process. A file that cannot be written is a line in our
// log, and the child goes on.
BOOST_AUTO_TEST_CASE(of_a_real_tree) {
    const support::operator_session d;
    const auto tree = [&](const std::string& file) {
        return R"({"name": "t", "children": [{"name": "dam", "children": [{"name": "a", "command":
            ["sh", "-c", "echo out; echo err >&2; exec 3<>go; while read -r x <&3; do echo $x; done"],
            "log": {"file": ")" +
               file + R"("}}]}]})";
    };
    BOOST_REQUIRE(::mkfifo(d.file("go").c_str(), 0600) == 0);
    const auto say = [&](const std::string& line) {
        support::write_file(d.file("go"), line + "\n");
    };
    const auto running = d.run_tree(tree("a.log"));
    const auto sorted_text = [&] {
        const std::string text = read_file(d.file("a.log"));
        return text == "err\nout\n" ? "out\nerr\n" : text;
    };
    BOOST_TEST(until([&] { return sorted_text() == "out\nerr\n"; }));
    const pid_t pid = d.pid_of("/dam/a");
    support::write_file(d.file("tree.json"), tree("none/b.log"));
    running->signal(SIGHUP);
    BOOST_TEST(until([&] { return has(running->err(), "SIGHUP: reloaded"); }));
    say("lost");
    BOOST_TEST(until([&] { return has(running->err(), "/none/b.log: No such file or directory"); }),
               running->err());
    fs::create_directory(d.file("none"));
    say("found");
    BOOST_TEST(until([&] { return read_file(d.file("none/b.log")) == "found\n"; }));
    BOOST_TEST(d.pid_of("/dam/a") == pid);
    running->signal(SIGTERM);
    BOOST_TEST(running->wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
