// The state directory of a tree, by option and by environment (contract §1).
#include "supe/run/state_directory.hpp"

#include <pwd.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <map>
#include <optional>

namespace {

/// Sets these variables until the end of the test; an empty value removes one.
class variables {
public:
    explicit variables(const std::map<std::string, std::string>& values) {
        for (const auto& [name, value] : values) {
            const char* before = std::getenv(name.c_str());
            before_[name] = before ? std::optional<std::string>(before) : std::nullopt;
            set(name, value.empty() ? std::nullopt : std::optional(value));
        }
    }
    ~variables() {
        for (const auto& [name, value] : before_) set(name, value);
    }

private:
    static void set(const std::string& name, const std::optional<std::string>& value) {
        value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
    std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(state_directory)

// The option comes first, and becomes absolute.
BOOST_AUTO_TEST_CASE(given) {
    const std::map<std::string, std::string> set{{"STATE_DIRECTORY", "/var/lib/shop"}};
    const variables v(set);
    BOOST_TEST(supe::state_directory("/srv/./shop/", "t") == "/srv/shop/");
    BOOST_TEST(supe::state_directory("shop", "t") == std::filesystem::current_path() / "shop");
}

// systemd sets one directory or several, of which the first is ours.
BOOST_AUTO_TEST_CASE(from_systemd) {
    const std::map<std::string, std::string> set{
        {"STATE_DIRECTORY", "/var/lib/shop:/var/lib/more"}};
    const variables v(set);
    BOOST_TEST(supe::state_directory("", "t") == "/var/lib/shop");
}

// Otherwise a folder with the tree's name, in the user's directory for state.
BOOST_AUTO_TEST_CASE(by_name) {
    {
        const variables v({{"STATE_DIRECTORY", ""}, {"XDG_STATE_HOME", "/srv/state"}});
        BOOST_TEST(supe::state_home() == "/srv/state/supe");
        BOOST_TEST(supe::state_directory("", "shop") == "/srv/state/supe/shop");
    }
    // A relative one means nothing (XDG Base Directory Specification).
    for (const char* const ignored : {"", "state", "./state"}) {
        const variables v(
            {{"STATE_DIRECTORY", ""}, {"XDG_STATE_HOME", ignored}, {"HOME", "/srv/me"}});
        BOOST_TEST(supe::state_directory("", "shop") == "/srv/me/.local/state/supe/shop");
    }
    for (const char* const useless : {"", "me", "."}) {
        const variables v({{"STATE_DIRECTORY", ""}, {"XDG_STATE_HOME", ""}, {"HOME", useless}});
        BOOST_TEST(supe::state_directory("", "shop") ==
                   std::filesystem::path(::getpwuid(::geteuid())->pw_dir) /
                       ".local/state/supe/shop");
    }
}

BOOST_AUTO_TEST_SUITE_END()
