// The recipes of supe/recipes.md, as they stand there, with the real programs.
#include "supe/tree/tree_file.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/readme.hpp"
#include "tests/support/running_relay.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <csignal>

using support::needs;
using support::operator_session;
using support::until;

namespace {

constexpr const char* page = "supe/recipes.md";

std::string free_port() { return std::to_string(support::free_port()); }

/// A tree of the page that runs in a folder of its own. `other`: a word of it in place of another
/// one, for a port of this machine or a shorter time.
struct recipe {
    operator_session d;
    std::string tree;
    std::unique_ptr<support::command> running;

    explicit recipe(const std::string& heading, const std::string& word = "",
                    const std::string& other = "") {
        for (auto [name, text] : support::files_in(page, heading)) {
            for (std::size_t at = 0; !word.empty() && (at = text.find(word, at)) != text.npos;
                 at += other.size())
                text.replace(at, word.size(), other);
            if (name == "tree.json") tree = text;
            support::write_file(d.file(name), text);
        }
        BOOST_REQUIRE(!tree.empty());
    }
    void run() { running = d.run_tree(tree); }
    bool prints(const std::string& line) const {
        return until([&] { return running->out().find(line + "\n") != std::string::npos; });
    }
    void stop() {
        running->signal(SIGTERM);
        BOOST_TEST(running->wait() == 0, running->err());
    }
    std::string all() const { return running->out() + running->err(); }
};

bool may_unshare() {
    support::command_setup setup;
    setup.words = {"unshare", "--pid", "--fork", "--mount-proc", "true"};
    return support::run(std::move(setup)).code == 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recipes)

// The app behind npm gets its SIGTERM, and its time.
BOOST_AUTO_TEST_CASE(npm, *needs({"npm", "node"})) {
    recipe r("A program behind npm", "7080", free_port());
    r.run();
    BOOST_TEST(r.prints("[web] listening"), r.all());
    r.stop();
    BOOST_TEST(r.prints("[web] closed"), r.all());
}

// The next child starts after the step; where the step fails, the tree fails.
BOOST_AUTO_TEST_CASE(a_step) {
    {
        recipe r("A step before the next child");
        r.run();
        BOOST_TEST(r.prints("[web] migrated"), r.all());
        BOOST_TEST(r.d.ask({"status", "migrate"}).code ==
                   3);  // a temporary child is gone at its end
        r.stop();
    }
    recipe failing("A step before the next child", "echo migrated > schema", "exit 3");
    failing.run();
    BOOST_TEST(failing.running->wait() == 1);
    BOOST_TEST(failing.all().find("migrate could not be started") != std::string::npos,
               failing.all());
}

BOOST_AUTO_TEST_CASE(a_port, *needs({"python3", "bash"})) {
    recipe r("Waiting for a port", "7081", free_port());
    r.run();
    BOOST_TEST(r.prints("[web] the database is up"), r.all());
    r.stop();
}

// Each job is done once, and the pool can be made larger.
BOOST_AUTO_TEST_CASE(a_pool, *needs({"python3"})) {
    recipe r("A pool of workers");
    r.run();
    for (int i = 1; i <= 6; ++i)
        BOOST_TEST(r.d.ask({"mail", "worker", fmt::format("{{\"job\": {}}}", i), "--wait"}).code ==
                   0);
    for (int i = 1; i <= 6; ++i)
        BOOST_TEST(until([&] { return r.all().find(fmt::format("does {}\n", i)) != r.all().npos; }),
                   r.all());
    BOOST_TEST(r.d.ask({"scale", "worker", "5"}).code == 0);
    BOOST_TEST(r.d.reaches("/worker.5", "running"));
    r.stop();
}

BOOST_AUTO_TEST_CASE(with_stdin) {
    recipe r("A program that needs stdin");
    r.run();
    BOOST_TEST(r.prints("[watcher] watching"), r.all());
    BOOST_TEST(r.d.status("watcher").at("state") == "running");
    r.stop();
    BOOST_TEST(r.all().find("the end of stdin") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(log_files) {
    recipe r("Logs to files");
    std::filesystem::create_directory(r.d.file("log"));
    r.run();
    BOOST_TEST(until([&] { return support::read_file(r.d.file("log/web.log")) == "hello\n"; }));
    r.stop();
}

// With a shorter hour: it runs again after a clean end, and waits in between.
BOOST_AUTO_TEST_CASE(a_job) {
    BOOST_TEST(recipe("A job every hour").tree.find("\"first\": \"1h\"") != std::string::npos);
    recipe r("A job every hour", "\"1h\"", "\"1s\"");
    r.run();
    BOOST_TEST(r.d.reaches("/report", "backing_off"));
    BOOST_TEST(until([&] { return std::ranges::count(r.running->out(), '\n') >= 2; }), r.all());
    r.stop();
}

// In a process namespace of its own it is process 1, and its orphans are reaped.
BOOST_AUTO_TEST_CASE(process_1, *needs({"unshare"})) {
    if (!may_unshare()) {
        std::printf("*** skipped: unshare --pid is not allowed\n");
        return;
    }
    recipe r("A container's PID 1");
    support::command_setup setup;
    setup.words = {"unshare", "--pid",   "--fork",    "--mount-proc",       SUPE_BINARY,
                   "run",     "--state", r.d.state(), r.d.file("tree.json")};
    r.running = std::make_unique<support::command>(std::move(setup));
    BOOST_TEST(r.prints("[web] pid 1 is 1"), r.all());
    BOOST_TEST(r.prints("[web] an orphan ends"), r.all());
    const std::string pid = std::to_string(r.running->pid());
    const std::string below = support::read_file("/proc/" + pid + "/task/" + pid + "/children");
    BOOST_REQUIRE(!below.empty());
    ::kill(std::stoi(below), SIGTERM);
    BOOST_TEST(r.running->wait() == 0, r.all());
}

// Each tree of the page is one that `supe check` takes.
BOOST_AUTO_TEST_CASE(all_are_valid) {
    const std::string text = support::read_file(std::filesystem::path(SUPE_SOURCE_DIR) / page);
    int trees = 0;
    for (std::size_t at = 0; (at = text.find("\n## ", at)) != text.npos; ++at) {
        const std::string heading = text.substr(at + 4, text.find('\n', at + 4) - at - 4);
        const auto files = support::files_in(page, heading);
        const auto tree = files.find("tree.json");
        if (tree == files.end()) continue;
        ++trees;
        BOOST_TEST_CONTEXT(heading) {
            BOOST_CHECK_NO_THROW(supe::parse_tree(tree->second, heading, "/"));
        }
    }
    BOOST_TEST(trees == 8);
}

BOOST_AUTO_TEST_SUITE_END()
