// Shows how words become the values of a command (the texts of its errors:
// process.operator_commands).
#include "components/command_line/parser.hpp"
#include "components/command_line/completion.hpp"

#include <boost/test/unit_test.hpp>

using components::command;
using components::exit_code;
using components::parameter;

namespace {

/// `tool copy FROM [TO…]`, `tool name ADDRESS` and a group of commands.
struct tool {
    std::string from, where;
    std::vector<std::string> to;
    std::optional<unsigned> times;
    std::optional<std::string> label;
    std::string mode = "fast";
    bool quiet = false;
    std::string performed;
    command program{.name = "tool", .help = "a tool"};

    tool() {
        program.parameters = {
            {.name = "--state", .into = &where, .help = "", .placeholder = "DIR"}};
        command copy{.name = "copy", .help = "copies", .group = "Do"};
        copy.parameters = {
            {.name = "FROM", .into = &from, .help = "", .needed = parameter::presence::required},
            {.name = "TO", .into = &to, .help = ""},
            {.name = "-n,--times", .into = &times, .help = "", .within = {1, 9}},
            {.name = "--label", .into = &label, .help = ""},
            {.name = "--mode", .into = &mode, .help = "", .choices = "fast,slow"},
            {.name = "-q,--quiet", .into = &quiet, .help = ""}};
        copy.perform = [this] {
            performed += "copy ";
            return exit_code::failed;
        };
        command list{.name = "list", .help = "", .group = "Do"};
        list.perform = []() -> exit_code { throw std::runtime_error("no list"); };
        command group{.name = "group", .help = "", .group = "Do"};
        group.commands = {list};
        program.commands = {copy, group};
    }
    tool(const tool&) = delete;

    exit_code run(std::vector<const char*> words) {
        words.insert(words.begin(), "tool");
        return components::parse_and_perform(program, "1", static_cast<int>(words.size()),
                                             const_cast<char**>(words.data()));
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(parser)

// Options anywhere, each in its spellings; what is not given keeps its value.
BOOST_AUTO_TEST_CASE(stores_values) {
    tool t;
    BOOST_TEST(
        (t.run({"--state", "d", "copy", "-q", "a", "--times=3", "b", "c"}) == exit_code::failed));
    BOOST_TEST(t.performed == "copy ");
    BOOST_TEST(t.where == "d");
    BOOST_TEST(t.from == "a");
    BOOST_TEST(t.to == (std::vector<std::string>{"b", "c"}), boost::test_tools::per_element());
    BOOST_TEST(t.times.value() == 3u);
    BOOST_TEST(!t.label);
    BOOST_TEST(t.mode == "fast");
    BOOST_TEST(t.quiet);
}

// Nothing is performed unless all is right.
BOOST_AUTO_TEST_CASE(refuses) {
    using words = std::vector<const char*>;
    for (const words& wrong :
         {words{"copy"}, words{"copy", "a", "-n", "0"}, words{"copy", "a", "-n", "10"},
          words{"copy", "a", "-n", "3x"}, words{"copy", "a", "--mode", "last"},
          words{"copy", "a", "--lable", "x"}, words{"cpoy", "a"}, words{"group"}, words{}}) {
        tool t;
        BOOST_TEST((t.run(wrong) == exit_code::bad_usage));
        BOOST_TEST(t.performed == "");
    }
}

// A command that throws is one line and exit code 2.
BOOST_AUTO_TEST_CASE(throwing_command) {
    tool t;
    BOOST_TEST((t.run({"group", "list"}) == exit_code::bad_usage));
}

BOOST_AUTO_TEST_CASE(nearest) {
    const tool t;
    BOOST_TEST(components::nearest_command(t.program, "cpoy") == "copy");
    BOOST_TEST(components::nearest_command(t.program, "gr") == "group");
    BOOST_TEST(components::nearest_command(t.program, "xyzzy") == "");
}

BOOST_AUTO_TEST_SUITE_END()
