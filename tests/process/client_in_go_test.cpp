// The component in Go of patterns/clients builds, and passes all checks of `supe conformance`.
#include "tests/support/conformance.hpp"
#include "tests/support/needs.hpp"

BOOST_AUTO_TEST_SUITE(client_in_go, *support::needs({"go"}))

BOOST_AUTO_TEST_CASE(passes) {
    const support::temporary_directory place;
    const std::string program = (place / "client").string();
    support::command_setup setup;
    setup.words = {"go", "build", "-o", program, support::client("client.go")};
    setup.variables["GOCACHE"] = (place / "cache").string();
    support::command build(std::move(setup));
    BOOST_TEST_REQUIRE(build.wait(std::chrono::minutes(3)) == 0, build.err());
    support::expect_conformance({program});
}

BOOST_AUTO_TEST_SUITE_END()
