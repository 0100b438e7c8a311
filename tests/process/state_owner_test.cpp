// Whose a state directory is (contract §1), and what becomes of one that is deleted under a running
// tree (contract §6).
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

namespace fs = std::filesystem;
using support::operator_session;

namespace {

const std::string idle = R"({"name": "t", "children": []})";
const std::string busy =
    R"({"name": "t", "children": [{"name": "web", "command": ["sleep", "1000"]}]})";

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

bool logs(const support::command& root, const std::string& text) {
    return support::until([&] { return has(root.err(), text); });
}

void stop(support::command& root) {
    root.signal(SIGTERM);
    BOOST_TEST(root.wait() == 0, root.err());
}

std::unique_ptr<support::command> run(const operator_session& d, const std::string& file) {
    auto root = d.begin({"run", file, "--state", d.state()});
    support::until([&] { return d.is_up() || root->has_ended(); });
    return root;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state_owner)

// The directory is that of the first tree file. Another one is refused with both paths and the ways
// out; by another path to the same file it is the same.
BOOST_AUTO_TEST_CASE(another_file_is_refused) {
    const operator_session d;
    const std::string first = support::write_file(d.file("first.json"), idle);
    const std::string second = support::write_file(d.file("second.json"), idle);
    stop(*run(d, first));
    BOOST_TEST(support::read_file(d.state() + "/tree_file") == first + "\n");
    const auto refused = d.supe({"run", second, "--state", d.state()});
    BOOST_TEST(refused.code == 2);
    BOOST_TEST(refused.err ==
               fmt::format("supe: state directory {}: it belongs to the tree file {}, and this is "
                           "{}: give this tree another \"name\", or another directory with --state "
                           "DIR\n",
                           d.state(), first, second));
    fs::create_symlink(first, d.file("link.json"));
    stop(*run(d, d.file("link.json")));
    stop(*run(d, d.file("./first.json")));
}

// Where the first file does not exist any more, another one takes the directory over and says so.
BOOST_AUTO_TEST_CASE(taken_over) {
    const operator_session d;
    const std::string first = support::write_file(d.file("first.json"), idle);
    stop(*run(d, first));
    fs::rename(first, d.file("second.json"));
    const auto root = run(d, d.file("second.json"));
    BOOST_TEST(
        logs(*root, fmt::format("the state directory {} was that of {}, which does not exist "
                                "any more: it belongs to {} now",
                                d.state(), first, d.file("second.json"))),
        root->err());
    stop(*root);
    BOOST_TEST(support::read_file(d.state() + "/tree_file") == d.file("second.json") + "\n");
}

// A tree without a file of its own, as from a pipe or of `supe relay` with options, is not checked
// and leaves the record as it is. A settings file of the relay is a tree file in this sense.
BOOST_AUTO_TEST_CASE(trees_without_a_file) {
    const operator_session d;
    const std::string first = support::write_file(d.file("first.json"), idle);
    stop(*run(d, first));
    support::command_setup piped;
    piped.words = {SUPE_BINARY, "run", "/dev/stdin", "--state", d.state()};
    piped.words = {"sh", "-c",
                   fmt::format("cat '{}' | exec '{}' run /dev/stdin --state '{}'", first,
                               SUPE_BINARY, d.state())};
    {
        support::command root(std::move(piped));
        BOOST_TEST(support::until([&] { return d.is_up(); }), root.err());
        BOOST_TEST(d.ask({"status"}).code == 0);
    }
    BOOST_TEST(support::read_file(d.state() + "/tree_file") == first + "\n");
    const std::string settings = support::write_file(
        d.file("relay.json"), R"({"to": "http://127.0.0.1:9", "listen": "127.0.0.1:0"})");
    const auto refused = d.supe({"relay", settings, "--state", d.state()});
    BOOST_TEST(refused.code == 2);
    BOOST_TEST(has(refused.err, "it belongs to the tree file " + first), refused.err);
}

// What was deleted is made again at SIGHUP: commands work, and the directory is for its user alone.
// A deleted socket alone likewise.
BOOST_AUTO_TEST_CASE(deleted_and_made_again) {
    const operator_session d;
    const auto root = d.run_tree(busy);
    const pid_t web = d.pid_of("web");
    for (const std::string what : {"", "/control.sock", "/root.lock", "/processes.lock"}) {
        fs::remove_all(d.state() + what);
        if (what.size() < 2 || what == "/control.sock") BOOST_TEST(!d.is_up());
        root->signal(SIGHUP);
        BOOST_TEST(support::until([&] { return d.is_up() && fs::exists(d.state() + what); }),
                   root->err());
        BOOST_TEST(d.pid_of("web") == web);
        const auto of_others = fs::status(d.state()).permissions() & fs::perms(0077);
        BOOST_TEST((of_others == fs::perms::none));
        // Nobody else can have it.
        const auto second = d.supe({"run", d.file("tree.json"), "--state", d.state()});
        BOOST_TEST(second.code == 2);
        BOOST_TEST(has(second.err, fmt::format("is in use by process {} (supe t)", root->pid())),
                   second.err);
    }
    BOOST_TEST(
        logs(*root, "what was deleted of the state directory " + d.state() + " is made again"));
    stop(*root);
    BOOST_TEST(!fs::exists(d.state() + "/control.sock"));
}

// A second root that makes a deleted directory again touches nothing of the first one: its children
// live on, also over SIGHUP, and its end leaves the second one's socket alone.
BOOST_AUTO_TEST_CASE(a_second_root) {
    const operator_session d;
    const auto first = d.run_tree(busy);
    const pid_t web = d.pid_of("web");
    fs::remove_all(d.state());
    const auto second = d.run_tree(busy);
    BOOST_TEST(d.pid_of("web") != web);
    BOOST_TEST(support::is_alive(web));
    first->signal(SIGHUP);
    BOOST_TEST(logs(*first, fmt::format("no command reaches this tree: state directory {} is in "
                                        "use by process {} (supe t)",
                                        d.state(), second->pid())),
               first->err());
    stop(*first);
    BOOST_TEST(!support::is_alive(web));
    BOOST_TEST(d.is_up());
    stop(*second);
}

BOOST_AUTO_TEST_SUITE_END()
