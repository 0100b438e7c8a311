// The field `listen` in a tree file (contract §5).
#include "supe/process/listen_address.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

namespace {

std::string refusal(const std::string& text) {
    try {
        supe::parse_tree(text, "tree.json", "/srv/shop");
    } catch (const supe::config_error& e) {
        return e.what();
    }
    return "accepted";
}

/// The refusal of a child's member, without its position, which is always line 1, column 51.
std::string refusal_of(const std::string& member) {
    const std::string why = refusal(
        fmt::format(R"({{"name":"t","children":[{{"name":"c","command":["a"],{}}}]}})", member));
    const auto start = why.find("children[0]");
    return start == why.npos ? why : why.substr(start);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(listen_fields)

// Addresses: the form of each, and no address twice in the whole tree.
BOOST_AUTO_TEST_CASE(listening) {
    BOOST_TEST(refusal_of(R"("listen":["example.org:80"])") ==
               "children[0].listen[0]: \"example.org:80\" has no numeric address "
               "(or localhost): host names are not looked up");
    BOOST_TEST(refusal_of(R"("listen":[":80",":99999"])") ==
               "children[0].listen[1]: \":99999\" has no port from 0 to 65535 at its end");
    BOOST_TEST(refusal_of(R"("listen":["a\nb:80"])") ==
               R"(children[0].listen[0]: must be an address, not "a\nb:80")");
    BOOST_TEST(refusal_of(R"("listen":["127.0.0.1:80","localhost:80"])") ==
               R"(children[0].listen[1]: "localhost:80" is listened on by "c" already)");
    BOOST_TEST(refusal_of(R"("listen":["[::1]:80","[0:0::1]:80"])") ==
               R"(children[0].listen[1]: "[0:0::1]:80" is listened on by "c" already)");
    BOOST_TEST(refusal_of(R"("listen":[":0",":0","127.0.0.1:0"])") == "accepted");
    std::string many = "\":0\"";
    for (int i = 1; i < 16; ++i) many += ",\":0\"";
    BOOST_TEST(refusal_of("\"listen\":[" + many + "]") == "accepted");
    BOOST_TEST(refusal_of("\"listen\":[" + many + ",\":0\"]")
                   .ends_with("listen: has 17 addresses, at most 16 are allowed"));
    BOOST_TEST(
        refusal(R"({"name":"t","children":[{"name":"a","command":["x"],"listen":["unix:sub/s"]},
        {"name":"n","children":[{"name":"b","command":["x"],"directory":"sub","listen":["unix:s"]}]}]})") ==
        R"(tree.json:2:89: children[1].children[0].listen[0]: "unix:s" is listened on by "a" already)");
}

// A path that no socket address holds, with the directory of its child, is refused before anything
// starts.
BOOST_AUTO_TEST_CASE(paths_have_a_limit) {
    const std::string directory = "/srv/shop/";
    const auto path = [&](std::size_t bytes) { return std::string(bytes - directory.size(), 's'); };
    const auto listen = [](const std::string& name) {
        return fmt::format(R"("listen":["unix:{}"])", name);
    };
    BOOST_TEST(refusal_of(listen(path(supe::unix_path_limit))) == "accepted");
    BOOST_TEST(
        refusal_of(listen(path(supe::unix_path_limit + 1))) ==
        fmt::format(
            R"(children[0].listen[0]: the path "{}{}" has 108 bytes, at most 107 are allowed)",
            directory, path(108)));
}

BOOST_AUTO_TEST_SUITE_END()
