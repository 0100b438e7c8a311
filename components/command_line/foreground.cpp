#include "components/command_line/foreground.hpp"

#include "supe/run/run_tree.hpp"

namespace components {

exit_code run_in_foreground(supe::supervisor_spec tree, foreground_settings settings) {
    supe::run_settings how{.state = std::move(settings.state)};
    if (settings.time) how.format = supe::output_format::timed;
    if (settings.log_format == "json") how.format = supe::output_format::json;
    how.tree_file = std::move(settings.tree_file);
    how.read_again = std::move(settings.read_again);
    how.warns = settings.warns;
    how.code = std::move(settings.code);
    return static_cast<exit_code>(supe::run_tree(std::move(tree), std::move(how)));
}

parameter log_format_option(std::string& format) {
    return {.name = "--log-format",
            .into = &format,
            .help = "text: [NAME] line; json: an object a line with at, address, stream, line",
            .placeholder = "FORMAT",
            .choices = "text,json",
            .otherwise = format};
}

parameter time_option(bool& time) {
    return {.name = "--time",
            .into = &time,
            .help =
                "the time before each line of text, in UTC: 2026-01-31T12:00:00.000Z [NAME] "
                "line (json always has it)"};
}

}  // namespace components
