// The components in bash and C++ of the pages, unchanged (for Python: python_test.cpp).
#include "tests/support/readme.hpp"
#include "tests/support/mail_taker.hpp"

BOOST_AUTO_TEST_SUITE(readme)

// In bash: it takes mail, acknowledges it, is restarted after a crash, and ends after
// SUPE-SHUTDOWN.
BOOST_AUTO_TEST_CASE(bash) {
    const support::operator_session d;
    support::write_file(d.file("c.sh"), support::code_in("supe/README.md", "bash"));
    support::expect_takes_mail(
        d, R"({"name": "t", "children": [{"name": "c", "command": ["bash", "c.sh"]}]})",
        R"({"a":[1,"x"]})");
}

// In C++, compiled by CMake from the first page, in the tree below it there: it is down until mail
// comes.
BOOST_AUTO_TEST_CASE(cpp) {
    const support::operator_session d;
    std::filesystem::create_symlink(SUPE_GREETER, d.file("greeter"));
    const auto hall = d.run_tree(support::shown_in("README.md", "\n    { \"name\": \"hall\"", "\n")
                                     .insert(0, R"({ "name": "hall")"));
    BOOST_TEST(d.reaches("/greeter", "idle"));
    BOOST_TEST(d.ask({"mail", "greeter", "\"world\"", "--wait"}).code == 0, hall->err());
    BOOST_TEST(
        support::until([&] { return hall->out() == "[greeter] hello world, says /greeter\n"; }),
        hall->out());
    BOOST_TEST(d.reaches("/greeter", "running"));
    hall->signal(SIGTERM);
    BOOST_TEST(hall->wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
