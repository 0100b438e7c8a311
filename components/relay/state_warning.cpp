#include "components/relay/state_warning.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <cstdlib>

namespace components {

std::string state_warning(const std::filesystem::path& state) {
    struct statfs where{};
    const bool in_memory = ::statfs(state.c_str(), &where) == 0 &&
                           (where.f_type == TMPFS_MAGIC || where.f_type == RAMFS_MAGIC);
    const bool on_dyno = std::getenv("DYNO") !=
                         nullptr;  // Heroku: the disk is thrown away at each restart of the dyno
    const bool in_tmp =
        state.string().starts_with("/tmp/") || state.string().starts_with("/var/tmp/");
    if (!in_memory && !on_dyno && !in_tmp) return {};
    return fmt::format(
        "the state directory {} is temporary ({}): webhooks survive crashes of the relay and of "
        "each of its "
        "parts, but what is not delivered yet is lost when this {} goes; --state DIR names a "
        "lasting one",
        state.string(),
        in_memory ? "in memory"
        : on_dyno ? "a dyno's disk"
                  : "a folder for temporary files",
        in_memory || on_dyno ? "machine" : "folder");
}

}  // namespace components
