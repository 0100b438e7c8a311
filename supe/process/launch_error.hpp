// Why a process could not be started.
#pragma once

#include <string>
#include <string_view>

namespace supe {

/// Contract §4 `start-failed`.
struct launch_error {
    std::string code;  ///< errno's name, `ENOENT`
    std::string text;  ///< `web.js: No such file or directory`

    /// `what`: the file, the directory or the call that failed with errno `number`.
    static launch_error from_errno(int number, std::string_view what);
};

}  // namespace supe
