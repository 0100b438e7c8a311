#include "supe/run/state_directory.hpp"

#include "supe/run/environment.hpp"

namespace supe {

namespace fs = std::filesystem;

fs::path state_home() {
    const std::string base = environment_variable("XDG_STATE_HOME");
    if (!base.empty()) return fs::path(base) / "supe";
    return fs::path(environment_variable("HOME")) / ".local/state/supe";
}

fs::path state_directory(const std::string& given, const std::string& tree_name) {
    if (!given.empty()) return fs::absolute(given).lexically_normal();
    const std::string from_systemd = environment_variable("STATE_DIRECTORY");
    if (!from_systemd.empty()) return from_systemd.substr(0, from_systemd.find(':'));
    return state_home() / tree_name;
}

}  // namespace supe
