// What a suite needs of the machine: when it is missing, ctest lists the suite as skipped, by name.
#pragma once

#include <boost/test/unit_test.hpp>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace support {

/// A program in PATH, by name, or a file or directory, by its path.
inline bool is_here(const std::string& what) {
    std::error_code none;
    if (what.starts_with('/')) return std::filesystem::exists(what, none);
    const char* path = std::getenv("PATH");
    std::istringstream directories(path ? path : "");
    for (std::string directory; std::getline(directories, directory, ':');)
        if (std::filesystem::exists(directory + "/" + what, none)) return true;
    return false;
}

/// `BOOST_AUTO_TEST_SUITE(node, *support::needs({"node"}))`. CMake recognizes the line by its stars
/// (SKIP_REGULAR_EXPRESSION).
inline boost::unit_test::precondition needs(std::vector<std::string> all) {
    return boost::unit_test::precondition([all](boost::unit_test::test_unit_id) {
        boost::test_tools::assertion_result here(true);
        for (const std::string& what : all) {
            if (is_here(what)) continue;
            std::printf("*** skipped: there is no %s\n", what.c_str());
            here = false;
        }
        return here;
    });
}

/// The suite starts processes as other users.
inline boost::unit_test::precondition needs_root() {
    return boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
        const bool is_root = ::geteuid() == 0;
        if (!is_root) std::printf("*** skipped: this is not root\n");
        return boost::test_tools::assertion_result(is_root);
    });
}

}  // namespace support
