// The fields `user`, `group` and `stop_command` of a child, and values of `env` that are no strings
// (contract §5).
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using supe::tree_use;
using words = std::vector<std::string>;

namespace {

supe::child_spec child(const std::string& members, tree_use use = tree_use::anywhere) {
    const std::string text =
        fmt::format(R"({{"name":"t","children":[{{"name":"c",{}}}]}})", members);
    const auto tree = supe::parse_tree(text, "tree.json", "/srv", {}, use);
    // Written and read again it is the same.
    const std::string written = boost::json::serialize(to_json(tree));
    BOOST_TEST(boost::json::serialize(to_json(supe::parse_tree(written, "tree.json", "/"))) ==
               written);
    return tree.children.at(0);
}

std::string refusal(const std::string& members, tree_use use = tree_use::anywhere) {
    try {
        child(members, use);
    } catch (const supe::config_error& e) {
        const std::string why = e.what();
        return why.substr(why.find("children[0]"));
    }
    return "accepted";
}

const std::string runs = R"("command":["true"],)";

}  // namespace

BOOST_AUTO_TEST_SUITE(child_users)

// Users and groups are names or numbers. Where a tree is only read, they need not exist.
BOOST_AUTO_TEST_CASE(names_and_numbers) {
    const auto c = child(runs + R"("user":"no-such-user","group":12)");
    BOOST_TEST(c.run_as->user == "no-such-user");
    BOOST_TEST(c.run_as->group == "12");
    BOOST_TEST(child(runs + R"("user":null,"group":null)").run_as->user == "");
    BOOST_TEST(refusal(runs + R"("user":"")") ==
               R"(children[0].user: must be a name or a number, not "")");
    BOOST_TEST(refusal(runs + R"("user":-1)") ==
               "children[0].user: must be a whole number from 0 to 4294967294, not -1");
    BOOST_TEST(refusal(runs + R"("group":[])") == "children[0].group: must be a string, not []");
}

// Where it is to run here, an unknown one is refused with its place; so is any without root.
BOOST_AUTO_TEST_CASE(unknown_here) {
    if (::geteuid() != 0) {
        BOOST_TEST(
            refusal(runs + R"("user":"root")", tree_use::here) ==
            "children[0].user: user root: only a supervisor that runs as root can change it");
        return;
    }
    BOOST_TEST(refusal(runs + R"("user":"no-such-user")", tree_use::here) ==
               "children[0].user: user no-such-user: this machine has no such user");
    BOOST_TEST(refusal(runs + R"("user":"root","group":"no-such")", tree_use::here) ==
               "children[0].group: group no-such: this machine has no such group");
    BOOST_TEST(
        refusal(runs + R"("user":3999999999)", tree_use::here) ==
        "children[0].user: user 3999999999: this machine has no entry for it, so its group must "
        "be given too");
    BOOST_TEST(refusal(runs + R"("user":3999999999,"group":0)", tree_use::here) == "accepted");
    BOOST_TEST(refusal(runs + R"("user":"root")", tree_use::here) == "accepted");
}

// Built-in components and supervisors run as their supervisor does.
BOOST_AUTO_TEST_CASE(combinations) {
    BOOST_TEST(refusal(R"("component":"queue","user":"root")")
                   .starts_with("children[0]: \"c\" is a built-in component"));
    for (const char* const member :
         {R"("user":"root")", R"("group":"root")", R"("stop_command":["true"])"}) {
        BOOST_TEST(refusal(fmt::format(R"("children":[],{})", member))
                       .ends_with(" cannot be combined with children"));
    }
}

BOOST_AUTO_TEST_CASE(stop_command) {
    BOOST_TEST(*child(runs + R"("stop_command":["nginx","-s","quit"])").stop_command ==
               (words{"nginx", "-s", "quit"}));
    BOOST_TEST(child(runs + R"("stop_command":null)").stop_command->empty());
    BOOST_TEST(refusal(runs + R"("stop_command":[])") ==
               "children[0].stop_command: must be a program and its arguments, not []");
    BOOST_TEST(refusal(runs + R"("stop_command":[""])") ==
               R"(children[0].stop_command: must be a program and its arguments, not [""])");
    BOOST_TEST(refusal(runs + R"("stop_command":"quit")") ==
               R"(children[0].stop_command: must be an array, not "quit")");
}

// Numbers and booleans in `env` are the text that stands in the file.
BOOST_AUTO_TEST_CASE(env_without_quotes) {
    BOOST_TEST((*child(runs + R"("env":{"A":8080,"B":true,"C":1.50,"D":-1e3})").env ==
                std::map<std::string, std::string>{
                    {"A", "8080"}, {"B", "true"}, {"C", "1.50"}, {"D", "-1e3"}}));
    BOOST_TEST(refusal(runs + R"("env":{"A":null})") ==
               "children[0].env.A: must be a string, a number, true or false, not null");
    BOOST_TEST(refusal(runs + R"("env":{"A":[1]})") ==
               "children[0].env.A: must be a string, a number, true or false, not [1]");
}

BOOST_AUTO_TEST_SUITE_END()
