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

/// Skips the suite where anything is missing.
inline boost::unit_test::precondition unless(std::vector<std::string> missing) {
    return boost::unit_test::precondition([missing](boost::unit_test::test_unit_id) {
        for (const std::string& what : missing)
            std::printf("*** skipped: there is no %s\n", what.c_str());
        return boost::test_tools::assertion_result(missing.empty());
    });
}

/// `BOOST_AUTO_TEST_SUITE(node, *support::needs({"node"}))`. CMake recognizes the line by its stars
/// (SKIP_REGULAR_EXPRESSION).
inline boost::unit_test::precondition needs(std::vector<std::string> all) {
    std::erase_if(all, is_here);
    return unless(std::move(all));
}

/// The suite starts processes as other users.
inline boost::unit_test::precondition needs_root() {
    std::vector<std::string> missing;
    if (::geteuid() != 0) missing.push_back("right to become another user (this is not root)");
    return unless(std::move(missing));
}

}  // namespace support
