// Trees of a user's own program: the library starts each process in its role, and the code of each
// supervisor runs in that supervisor's process.
#include "tests/support/files.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/readme.hpp"

#include <fmt/format.h>
#include <boost/algorithm/string/replace.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

namespace {

struct fixture {
    support::operator_session session;

    std::unique_ptr<support::command> begin(std::vector<std::string> words,
                                            std::map<std::string, std::string> more = {}) const {
        support::command_setup setup;
        setup.words = std::move(words);
        setup.variables = std::move(more);
        setup.variables["XDG_STATE_HOME"] = session.file("home");
        setup.variables["STATE_DIRECTORY"] = "";
        return std::make_unique<support::command>(std::move(setup));
    }
    std::unique_ptr<support::command> begin_own_tree(
        std::map<std::string, std::string> more = {}) const {
        return begin({SUPE_OWN_TREE, session.state()}, std::move(more));
    }
    static bool logs(const support::command& tree, const std::string& line) {
        return support::until(
            [&] { return tree.err().find("[supe] " + line + "\n") != std::string::npos; });
    }
    static void stop(support::command& tree) {
        tree.signal(SIGTERM);
        BOOST_TEST(tree.wait() == 0, tree.err());
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(own_tree, fixture)

// The code of a nested supervisor gets the notices of its children and the mail to `supe`, and
// publishes on the noticeboard above, whose own code gets that. After a kill of its supervisor it
// runs again in the next life.
BOOST_AUTO_TEST_CASE(code_in_every_supervisor) {
    const auto tree = begin_own_tree();
    BOOST_TEST(session.reaches("/dam/worker", "running"), tree->err());
    const pid_t first = session.pid_of("/dam");
    BOOST_TEST(logs(*tree, fmt::format(R"(dam-is-up from dam: {{"pid":{}}})", first)), tree->err());
    BOOST_TEST(logs(*tree, R"(dam-mail from dam: {"from":"worker","msg":"hello"})"), tree->err());
    BOOST_TEST(first != tree->pid());
    ::kill(first, SIGKILL);
    BOOST_TEST(support::until([&] {
        const pid_t next = session.pid_of("/dam");
        return next > 0 && next != first;
    }));
    const pid_t next = session.pid_of("/dam");
    BOOST_TEST(logs(*tree, fmt::format(R"(dam-is-up from dam: {{"pid":{}}})", next)), tree->err());
    stop(*tree);
}

// Code for an address without a supervisor is no error, but is reported.
BOOST_AUTO_TEST_CASE(code_for_no_supervisor) {
    const auto tree = begin_own_tree();
    BOOST_TEST(logs(*tree, "the code for /dma does not run: the tree has no supervisor there"),
               tree->err());
    BOOST_TEST(session.reaches("/dam/worker", "running"));
    stop(*tree);
}

// run_tree() in the process of a component or a nested supervisor runs that role.
BOOST_AUTO_TEST_CASE(run_tree_alone) {
    const auto tree = begin_own_tree({{"ONLY_RUN_TREE", "1"}});
    BOOST_TEST(session.reaches("/dam/worker", "running"), tree->err());
    BOOST_TEST(logs(*tree, R"(dam-mail from dam: {"from":"worker","msg":"hello"})"), tree->err());
    stop(*tree);
}

// An unknown role, and a role that only a supervisor should start, are refused in one line.
BOOST_AUTO_TEST_CASE(roles_that_do_not_run) {
    const auto code_and_error = [&](std::vector<std::string> words) {
        const auto ended = begin(std::move(words));
        const int code = ended->wait();
        return fmt::format("{} {}", code, ended->err());
    };
    BOOST_TEST(code_and_error({SUPE_OWN_TREE, "component", "nobody"}) ==
               "2 supe: \"nobody\" is not a component of this program; there are: worker, "
               "supervisor\n");
    BOOST_TEST(code_and_error({SUPE_OWN_TREE, "component", "supervisor"})
                   .starts_with("2 supe component supervisor: no channel"));
    BOOST_TEST(code_and_error({SUPE_OWN_TREE, "component"})
                   .ends_with(" component needs the name of one component\n"));
    BOOST_TEST(
        code_and_error({SUPE_BINARY, "component", "nobody"}).starts_with("2 supe: \"nobody\" is"));
}

// The example does what its first lines say, with the tree file there; a bad file is refused with
// the position.
BOOST_AUTO_TEST_CASE(example) {
    const std::string file = session.file("crew.json");
    const auto shown = support::shown_in("patterns/examples/overseer.cpp", "//     { \"name\"",
                                         "//\n// in crew.json");
    std::string tree = R"({ "name")" + shown;
    boost::replace_all(tree, "//", "");
    support::write_file(file, tree);
    const auto shop = begin({SUPE_OVERSEER, file});
    BOOST_TEST(support::until(
        [&] { return session.supe({"mail", "/crew/worker", "\"a job\"", "--wait"}).code == 0; }));
    BOOST_TEST(shop->out().find("[/crew/worker] did \"a job\"\n") != std::string::npos);
    BOOST_TEST(session.supe({"mail", "/crew/worker", "\"too much\""}).code == 0);
    BOOST_TEST(logs(*shop, R"(crew has trouble: {"crashes":2})"), shop->err());
    stop(*shop);
    support::write_file(file, "{\n\"name\": 1}");
    const auto refused = begin({SUPE_OVERSEER, file});
    BOOST_TEST(refused->wait() == 2);
    BOOST_TEST(refused->err().starts_with("supe: " + file + ":2:9: "), refused->err());
}

BOOST_AUTO_TEST_SUITE_END()
