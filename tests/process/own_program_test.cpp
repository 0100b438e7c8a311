// A program of a user's own with supe::main(): the tree, the components and the code in supervisors
// are in it, and its command line is that of `supe` for this tree.
#include "tests/support/command.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>

namespace {

struct fixture {
    support::temporary_directory place;

    std::unique_ptr<support::command> begin(std::vector<std::string> words) const {
        support::command_setup setup;
        setup.words = std::move(words);
        setup.words.insert(setup.words.begin(), SUPE_HALL);
        setup.variables["XDG_STATE_HOME"] = (place / "home").string();
        setup.variables["STATE_DIRECTORY"] = "";
        return std::make_unique<support::command>(std::move(setup));
    }
    struct ended {
        int code;
        std::string out, err;
    };
    ended ask(std::vector<std::string> words) const {
        const auto asked = begin(std::move(words));
        const int code = asked->wait();
        return {code, asked->out(), asked->err()};
    }
    std::unique_ptr<support::command> run() const {
        auto hall = begin({"run"});
        const bool is_up = support::until([&] {
            return ask({"status", "/wing/greeter"}).out.find("at the door") != std::string::npos;
        });
        BOOST_TEST_REQUIRE(is_up, hall->err());
        return hall;
    }
    static bool has(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }
    static void stop(support::command& hall) {
        hall.signal(SIGTERM);
        BOOST_TEST(hall.wait() == 0, hall.err());
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(own_program, fixture)

// Its own tree runs, in processes of this program, with the code of each supervisor.
BOOST_AUTO_TEST_CASE(runs_its_tree) {
    const auto hall = run();
    BOOST_TEST(ask({"mail", "greeter", "\"ann\"", "--wait"}).code == 0);
    BOOST_TEST(ask({"mail", "/wing/greeter", "\"bob\"", "--wait"}).code == 0);
    BOOST_TEST(support::until([&] { return has(hall->err(), "[supe] guests: 1\n"); }), hall->err());
    BOOST_TEST(support::until([&] { return has(hall->err(), "[wing] guests: 1\n"); }), hall->err());
    BOOST_TEST(has(hall->out(), "[greeter] hello \"ann\"\n"));
    BOOST_TEST(has(hall->out(), "[/wing/greeter] hello \"bob\"\n"));
    stop(*hall);
}

// Its commands mean its own tree, and change it.
BOOST_AUTO_TEST_CASE(operates_its_tree) {
    BOOST_TEST(ask({"status"}).code == 3);
    const auto hall = run();
    BOOST_TEST(has(ask({"status"}).out, "/greeter says: at the door\n"));
    BOOST_TEST(ask({"restart", "greeter"}).out == "/greeter is up\n");
    BOOST_TEST(ask({"scale", "greeter", "2"}).code == 0);
    BOOST_TEST(has(ask({"tree"}).out, "greeter.2"));
    support::write_file((place / "child.json").string(),
                        R"({"name": "late", "component": "greeter"})");
    BOOST_TEST(ask({"add", "/wing", (place / "child.json").string()}).code == 0);
    BOOST_TEST(ask({"stop", "/wing/late"}).code == 0);
    BOOST_TEST(ask({"notices", "--once", "greeted", "--timeout", "1ms"}).code == 4);
    BOOST_TEST(ask({"dead", "list"}).code == 0);
    BOOST_TEST(ask({"logs", "-n", "5"}).code == 0);
    BOOST_TEST(ask({"reload"}).code == 1);  // the tree in the program has no file to read again
    stop(*hall);
}

// A file may be run instead, with the same components; what is not in the program is refused.
BOOST_AUTO_TEST_CASE(another_tree) {
    const std::string file = (place / "other.json").string();
    support::write_file(file,
                        R"({"name": "other", "children": [{"name": "x", "component": "nobody"}]})");
    const ended refused = ask({"run", file});
    BOOST_TEST(refused.code == 2);
    BOOST_TEST(has(refused.err, "\"nobody\" is not one of greeter\n"), refused.err);
    BOOST_TEST(ask({"check"}).out == "the tree of this program: ok\n");
    support::write_file(
        file, R"({"name": "other", "children": [{"name": "x", "component": "greeter"}]})");
    BOOST_TEST(ask({"check", file}).out == file + ": ok\n");
    const auto other = begin({"run", file});
    BOOST_TEST(support::until([&] { return ask({"--tree", "other", "status", "x"}).code == 0; }),
               other->err());
    BOOST_TEST(ask({"status"}).code == 3);
    BOOST_TEST(ask({"reload", "--tree", "other"}).code == 0);
    stop(*other);
}

// The help is that of this program, and what belongs to the relay is not there.
BOOST_AUTO_TEST_CASE(help) {
    const ended all = ask({"--help"});
    BOOST_TEST(all.code == 0);
    BOOST_TEST(has(all.out, "hall COMMAND --help"), all.out);
    for (const char* none : {"\n  relay", "\n  webhooks", "\n  chaos", "\n  doctor", "\n  new"})
        BOOST_TEST(!has(all.out, none), none);
    BOOST_TEST(has(ask({"status", "--help"}).out, "  hall status web"));
    BOOST_TEST(ask({"relay"}).code == 2);
    BOOST_TEST(ask({}).code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
