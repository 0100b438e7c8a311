// `supe conformance` with a component.
#pragma once

#include "tests/support/command.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

namespace support {

/// A file of patterns/clients.
inline std::string client(const std::string& name) {
    return std::string(SUPE_SOURCE_DIR) + "/patterns/clients/" + name;
}

inline result examine(std::vector<std::string> options, const std::vector<std::string>& component) {
    command_setup setup;
    setup.words = {SUPE_BINARY, "conformance"};
    setup.words.insert(setup.words.end(), options.begin(), options.end());
    setup.words.emplace_back("--");
    setup.words.insert(setup.words.end(), component.begin(), component.end());
    command c(std::move(setup));
    const int code = c.wait(std::chrono::minutes(2));  // a shell reads 16 MiB byte by byte
    return {code, c.out(), c.err()};
}

/// It passes all checks.
inline void expect_conformance(const std::vector<std::string>& component) {
    const result answer = examine({}, component);
    BOOST_TEST(answer.code == 0, answer.out << answer.err);
    BOOST_TEST(answer.out.ends_with(" checks passed\n"), answer.out);
}

}  // namespace support
