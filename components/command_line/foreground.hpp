// A tree in the foreground, as `supe run` and `supe relay` run it.
#pragma once

#include "components/command_line/command.hpp"
#include "supe/supervision/supervisor_code.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace components {

struct foreground_settings {
    std::filesystem::path state;
    std::string log_format;
    /// The tree's own file, absolute; empty: it has none.
    std::filesystem::path tree_file{};
    bool time = false;  ///< in each line of text
    /// Reads the tree again (SIGHUP); empty: there is nothing to read again.
    std::function<supe::supervisor_spec()> read_again{};
    bool warns = false;  ///< as supe::run_settings::warns
    std::map<std::string, supe::supervisor_code> code{};
};

exit_code run_in_foreground(supe::supervisor_spec tree, foreground_settings settings);

/// `--log-format`, stored in `format`, whose value is the default.
parameter log_format_option(std::string& format);
/// `--time`.
parameter time_option(bool& time);

}  // namespace components
