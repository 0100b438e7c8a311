// What is wrong with the children of a tree taken together.
#include "supe/tree/tree_file.hpp"

#include "supe/text/config.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(child_checks)

// The files of a child are called by its address.
BOOST_AUTO_TEST_CASE(long_addresses) {
    const auto refusal = [](std::size_t last) {
        std::string tree = R"({"name":")" + std::string(last, 'z') + R"(","command":["x"]})";
        for (int depth = 0; depth < 3; ++depth)
            tree = R"({"name":")" + std::string(64, 'n') + R"(","children":[)" + tree + "]}";
        try {
            supe::parse_tree(R"({"name":"t","children":[)" + tree + "]}", "tree.json", "/", {});
            return std::string("accepted");
        } catch (const supe::config_error& e) {
            return std::string(e.what());
        }
    };
    BOOST_TEST(refusal(4) == "accepted");
    BOOST_TEST(refusal(5).ends_with(
        "children[0].children[0].children[0].children[0].name: the address of \"zzzzz\" has 201 "
        "characters, at most 200 are allowed"));
}

BOOST_AUTO_TEST_SUITE_END()
