// The control group of a tree: where it is, what its members are, and that they end. The directory
// stands for the kernel's here; a real group is in daemons_test.cpp.
#include "supe/process/control_group.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>

namespace fs = std::filesystem;
using group_of_tree = supe::control_group;

namespace {

const std::string mounts =
    "20 1 0:5 / / rw - ext4 /dev/vda rw\n"
    "31 20 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";

std::string where(const std::string& cgroup, const std::string& mountinfo) {
    return supe::control_group_directory(cgroup, mountinfo).string();
}

std::string content(const fs::path& file) {
    std::ifstream in(file);
    std::string all;
    std::getline(in, all);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_group)

BOOST_AUTO_TEST_CASE(directory) {
    BOOST_TEST(where("0::/user.slice/a.scope\n", mounts) == "/sys/fs/cgroup/user.slice/a.scope");
    BOOST_TEST(where("9:cpu:/x\n0::/\n", mounts) == "/sys/fs/cgroup/");
    // Only a part of the groups is mounted.
    const std::string part = "31 20 0:27 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    BOOST_TEST(where("0::/docker/1/app\n", part) == "/sys/fs/cgroup/app");
    BOOST_TEST(where("0::/docker/12\n", part) == "");
    // Version 1, nothing mounted, and a group outside of what is shown.
    BOOST_TEST(where("9:cpu:/x\n", mounts) == "");
    BOOST_TEST(where("0::/a\n", "20 1 0:5 / / rw - ext4 /dev/vda rw\n") == "");
    BOOST_TEST(where("0::/../other\n", mounts) == "");
    BOOST_TEST(where("", "") == "");
}

BOOST_AUTO_TEST_CASE(members) {
    const support::temporary_directory own;
    auto group = group_of_tree::below(own.path(), 0xab);
    BOOST_REQUIRE(group);
    const fs::path path = own / "supe-00000000000000ab";
    BOOST_TEST(group->enter());
    BOOST_TEST(content(path / "cgroup.procs") == "0");
    fs::create_directory(path / "inner");
    std::ofstream(path / "cgroup.procs") << "12\n34\n";
    std::ofstream(path / "inner" / "cgroup.procs") << "56\n";
    BOOST_TEST(group->members() == (std::vector<pid_t>{56, 12, 34}),
               boost::test_tools::per_element());
    BOOST_TEST(group->leave());
    BOOST_TEST(content(own / "cgroup.procs") == "0");
    group->kill();
    BOOST_TEST(content(path / "cgroup.kill") == "1");
}

// An empty one of another tree is what a killed root left.
BOOST_AUTO_TEST_CASE(left_groups) {
    const support::temporary_directory own;
    fs::create_directories(own / "supe-0000000000000001");
    fs::create_directories(own / "supe-0000000000000002" / "member");
    fs::create_directories(own / "other");
    const auto group = group_of_tree::below(own.path(), 3);
    BOOST_REQUIRE(group);
    BOOST_TEST(!fs::exists(own / "supe-0000000000000001"));
    BOOST_TEST(fs::exists(own / "supe-0000000000000002"));
    BOOST_TEST(fs::exists(own / "other"));
    group->remove();
    BOOST_TEST(!fs::exists(own / "supe-0000000000000003"));
}

BOOST_AUTO_TEST_CASE(not_to_be_had) {
    BOOST_TEST(!group_of_tree::below("/no/such/directory", 1));
    BOOST_TEST(!group_of_tree::below("/proc", 1));
}

BOOST_AUTO_TEST_SUITE_END()
