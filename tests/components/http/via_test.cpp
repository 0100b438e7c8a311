// Shows that each relay has its own name in Via, and keeps it.
#include "components/http/via.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using components::via_name;

BOOST_AUTO_TEST_SUITE(via)

// Two containers of one image have one machine name and one path, and marks of their own.
BOOST_AUTO_TEST_CASE(relays_of_one_machine_name_and_path) {
    const support::temporary_directory state;
    const auto with = [&](const char* line) {
        support::write_file(state.path() / "processes.lock", line);
        return via_name("relay", state.path());
    };
    const std::string first = with("mark 5000000000 1 2\n");
    BOOST_TEST(first.starts_with("supe-"));
    BOOST_TEST(first.size() == 13u);
    BOOST_TEST(with("mark 5000000001 1 2\n") != first);
    // Made again where it was deleted: the relay is the same one.
    BOOST_TEST(with("mark 5000000000 1 3\n") == first);
}

// Without a mark, machine and path tell relays apart.
BOOST_AUTO_TEST_CASE(without_a_mark) {
    const support::temporary_directory one, other;
    BOOST_TEST(via_name("a", one.path()) == via_name("a", one.path()));
    BOOST_TEST(via_name("a", one.path()) != via_name("b", one.path()));
    BOOST_TEST(via_name("a", one.path()) != via_name("a", other.path()));
}

BOOST_AUTO_TEST_SUITE_END()
