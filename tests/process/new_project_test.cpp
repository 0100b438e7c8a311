// Shows that `supe new` writes a project, and overwrites nothing. (That the project builds and
// passes its test against the installed library: tests/consumer/try.cmake.)
#include "tests/support/command.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

namespace {

struct fixture {
    support::temporary_directory directory;

    support::result begin(const std::string& name) const {
        support::command_setup setup;
        setup.words = {"env", "-C", directory.path().string(), SUPE_BINARY, "new", "--", name};
        return support::run(std::move(setup));
    }
    bool is_there(const std::string& file) const {
        return std::filesystem::exists(directory / file);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(new_project, fixture)

// The tree has the project's name and is valid; an empty folder may be there already.
BOOST_AUTO_TEST_CASE(writes) {
    std::filesystem::create_directory(directory / "shop");
    const auto answer = begin("shop");
    BOOST_TEST(answer.code == 0, answer.err);
    BOOST_TEST(answer.out ==
               "shop is written. shop/README.md says how to build, test and run it.\n");
    for (const char* file : {"CMakeLists.txt", "README.md", "greeter.cpp", "greeter.hpp",
                             "greeter_test.cpp", "tree.json"})
        BOOST_TEST(is_there(std::string("shop/") + file), file);
    const std::string readme = support::read_file(directory / "shop/README.md");
    BOOST_TEST(readme.starts_with("# shop\n"));
    BOOST_TEST(std::ranges::count(readme, '\n') <= 20);
    support::command_setup setup;
    setup.words = {SUPE_BINARY, "check", (directory / "shop/tree.json").string()};
    const auto check = support::run(std::move(setup));
    BOOST_TEST(check.code == 0, check.err);
}

// What is there stays as it is.
BOOST_AUTO_TEST_CASE(overwrites_nothing) {
    std::filesystem::create_directory(directory / "shop");
    support::write_file(directory / "shop/tree.json", "mine");
    support::write_file(directory / "file", "mine");
    auto answer = begin("shop");
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.err == "supe: shop is not empty: nothing was written\n");
    BOOST_TEST(support::read_file(directory / "shop/tree.json") == "mine");
    BOOST_TEST(!is_there("shop/CMakeLists.txt"));
    answer = begin("file");
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.err == "supe: file is there, and is no folder\n");
}

// A name that could be no name of a tree is refused with the reason, and nothing is made.
BOOST_AUTO_TEST_CASE(bad_names) {
    for (const char* name : {"", "a/b", "..", "a b", "über", "mail", "supe"}) {
        const auto answer = begin(name);
        BOOST_TEST(answer.code == 2, name);
        BOOST_TEST(
            answer.err.find("a name has 1 to 64 letters, digits, _ and -") != std::string::npos,
            answer.err);
    }
    for (const char* name : {"1", "-x", "_y"})
        BOOST_TEST(begin(name).err.find("the name of a project begins with a letter") !=
                   std::string::npos);
    BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_SUITE_END()
