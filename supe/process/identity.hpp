// As which user a process runs (contract §5 `user` and `group`).
#pragma once

#include "supe/process/launch_error.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace supe {

struct identity {
    std::optional<uid_t> user;  ///< none: ours
    gid_t group = 0;
    std::vector<gid_t> groups;  ///< all of them, the supplementary ones too
    std::vector<std::pair<std::string, std::string>>
        variables;  ///< HOME, USER, LOGNAME and SHELL, as systemd sets them; none without `user`
};

/// Looks in the user database of this machine, which may be on the network: it blocks. `user` and
/// `group` are names or numbers; one of them may be empty. A user without a group has that of its
/// entry. EPERM where this process is not root, ENOENT where there is no such user or group.
std::variant<identity, launch_error> look_up_identity(const std::string& user,
                                                      const std::string& group);

}  // namespace supe
