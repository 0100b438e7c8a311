// Shows a tree that comes from a pipe or from stdin (contract §5, `directory`), and the time in
// each line (§6).
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using support::operator_session;
using support::until;

namespace {

const std::string tree =
    R"({"name": "t", "children": [{"name": "a", "command": ["sh", "-c", "pwd; exec sleep 1000"]}]})";

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// `supe run` by a shell in a folder of its own.
struct in_a_folder {
    operator_session d;
    std::string folder = d.file("folder");

    in_a_folder() {
        std::filesystem::create_directory(folder);
        support::write_file(d.file("tree.json"), tree);
    }
    /// SIGHUP changes nothing and says why; the tree goes on, until it is stopped here.
    void goes_on_after_sighup(support::command& running) const {
        running.signal(SIGHUP);
        BOOST_TEST(
            until([&] { return has(running.err(), "it was read once, and cannot be read again"); }),
            running.err());
        BOOST_TEST(d.is_up());
        running.signal(SIGTERM);
        BOOST_TEST(running.wait() == 0);
    }
    std::unique_ptr<support::command> run(const std::string& how) const {
        support::command_setup setup;
        setup.words = {
            "bash", "-c",
            fmt::format("cd {} && exec {} --state {} {}", folder, SUPE_BINARY, d.state(), how)};
        return std::make_unique<support::command>(std::move(setup));
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(tree_source)

// Relative directories are relative to the current one; SIGHUP changes nothing and says why; the
// tree goes on.
BOOST_AUTO_TEST_CASE(pipes_and_stdin) {
    for (const char* how :
         {"run <(cat ../tree.json)", "run - < ../tree.json", "run /dev/stdin < ../tree.json"}) {
        const in_a_folder f;
        const auto running = f.run(how);
        BOOST_TEST(until([&] { return running->out() == "[a] " + f.folder + "\n"; }),
                   how << running->out() << running->err());
        f.goes_on_after_sighup(*running);
    }
}

// So it is with the settings of a relay: it goes on, and does not wait for a writer.
BOOST_AUTO_TEST_CASE(settings_of_a_relay) {
    const in_a_folder f;
    const auto running =
        f.run("relay <(echo '{\"to\": \"http://127.0.0.1:9\"}') --listen 127.0.0.1:0");
    BOOST_TEST(until([&] { return f.d.is_up(); }), running->err());
    f.goes_on_after_sighup(*running);
}

// Of a regular file they are relative to the file, also where its name is a link to it.
BOOST_AUTO_TEST_CASE(a_regular_file) {
    const in_a_folder f;
    const auto running = f.run("run ../tree.json");
    const std::string there = std::filesystem::path(f.folder).parent_path();
    BOOST_TEST(until([&] { return running->out() == "[a] " + there + "\n"; }), running->err());
}

// `supe check` reads the same, and `supe add` too.
BOOST_AUTO_TEST_CASE(check_and_add) {
    const in_a_folder f;
    BOOST_TEST(f.run("check <(cat ../tree.json)")->wait() == 0);
    BOOST_TEST(f.run("check - < ../tree.json")->wait() == 0);
    const auto bad = f.run("check - <<< '{\"name\": 1}'");
    BOOST_TEST(bad->wait() == 2);
    BOOST_TEST(has(bad->err(), "supe: /dev/stdin:1:10: name: "), bad->err());
    const auto running = f.run("run ../tree.json");
    BOOST_TEST(until([&] { return f.d.is_up(); }));
    const auto added =
        f.run(R"(add / - <<< '{"name": "b", "command": ["sh", "-c", "pwd; exec sleep 100"]}')");
    BOOST_TEST(added->wait() == 0, added->err());
    BOOST_TEST(until([&] { return has(running->out(), "[b] " + f.folder + "\n"); }));
}

// A file that became a FIFO does not hold up the tree at SIGHUP.
BOOST_AUTO_TEST_CASE(a_fifo_later) {
    const in_a_folder f;
    const auto running = f.run("run ../tree.json");
    BOOST_TEST(until([&] { return f.d.is_up(); }));
    std::filesystem::remove(f.d.file("tree.json"));
    BOOST_REQUIRE(::mkfifo(f.d.file("tree.json").c_str(), 0600) == 0);
    running->signal(SIGHUP);
    BOOST_TEST(until([&] { return has(running->err(), "tree.json is no regular file"); }),
               running->err());
    BOOST_TEST(f.d.is_up());
}

// The time in each line of text; JSON has it always.
BOOST_AUTO_TEST_CASE(the_time) {
    const in_a_folder f;
    const auto running = f.run("run ../tree.json --time");
    BOOST_TEST(until([&] { return running->out().ends_with("\n"); }), running->err());
    const std::string line = running->out();
    BOOST_TEST(line.size() > 26u);
    BOOST_TEST(line[10] == 'T');
    BOOST_TEST(line.substr(23, 6) == "Z [a] ", line);
    running->signal(SIGTERM);
    BOOST_TEST(running->wait() == 0);
    BOOST_TEST(has(running->err(), "Z [supe] SIGTERM: stopping\n"), running->err());
}

BOOST_AUTO_TEST_SUITE_END()
