// Components in Python: that of supe/README.md, unchanged, and that of patterns/clients.
#include "tests/support/conformance.hpp"
#include "tests/support/mail_taker.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/readme.hpp"

BOOST_AUTO_TEST_SUITE(python, *support::needs({"python3"}))

// It takes mail, acknowledges it, is restarted after a crash, and ends after SUPE-SHUTDOWN.
BOOST_AUTO_TEST_CASE(the_component_of_the_page) {
    const support::operator_session d;
    support::write_file(d.file("c.py"), support::code_in("supe/README.md", "python"));
    support::expect_takes_mail(
        d, R"({"name": "t", "children": [{"name": "c", "command": ["python3", "c.py"]}]})",
        "{'a': [1, 'x']}");
}

// The one to begin with passes all checks of `supe conformance`.
BOOST_AUTO_TEST_CASE(the_client) {
    support::expect_conformance({"python3", support::client("client.py")});
}

BOOST_AUTO_TEST_SUITE_END()
