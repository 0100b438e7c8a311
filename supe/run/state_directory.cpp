#include "supe/run/state_directory.hpp"

#include "supe/run/environment.hpp"

#include <pwd.h>
#include <unistd.h>

namespace supe {

namespace fs = std::filesystem;

namespace {

/// Of the user id where $HOME says nothing of use, as under cron and in small containers.
fs::path home() {
    const std::string named = environment_variable("HOME");
    if (fs::path(named).is_absolute()) return named;
    const passwd* const user = ::getpwuid(::geteuid());
    return user && user->pw_dir ? user->pw_dir : "/";
}

}  // namespace

fs::path state_home() {
    const std::string base = environment_variable("XDG_STATE_HOME");
    if (fs::path(base).is_absolute()) return fs::path(base) / "supe";
    return home() / ".local/state/supe";
}

fs::path state_directory(const std::string& given, const std::string& tree_name) {
    if (!given.empty()) return fs::absolute(given).lexically_normal();
    const std::string from_systemd = environment_variable("STATE_DIRECTORY");
    if (!from_systemd.empty()) return from_systemd.substr(0, from_systemd.find(':'));
    return state_home() / tree_name;
}

}  // namespace supe
