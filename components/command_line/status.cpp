// `supe status` and `supe tree`: what runs.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/status_text.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/output/terminal_sink.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;

enum class status_form { table, drawing, json };

struct status_options {
    std::string address = "/";
    bool as_json = false;
};

/// A nested supervisor that did not answer: what is known was shown, and the rest is a failure all
/// the same.
exit_code report_silence(const json::value& node) {
    const auto silent = silent_supervisors(node);
    if (silent.empty()) return exit_code::done;
    std::string names;
    for (const std::string& address : silent) names += (names.empty() ? "" : ", ") + address;
    complain("{} {} not answer: what runs below is not known", names,
             silent.size() == 1 ? "does" : "do");
    return exit_code::timed_out;
}

exit_code show_status(const target_tree& where, const std::string& address, status_form form) {
    json::value node;
    const exit_code code = where.ask({{"do", "status"}, {"address", address}}, &node);
    if (code != exit_code::done) return code;
    const supe::colours shown = supe::colours_for(STDOUT_FILENO);
    switch (form) {
        case status_form::json: print_json(json::serialize(node)); break;
        case status_form::drawing: fmt::print("{}", status_drawing(node, shown)); break;
        case status_form::table: fmt::print("{}", status_table(node, shown)); break;
    }
    return report_silence(node);
}

}  // namespace

command status_command(target_tree& where) {
    auto options = std::make_shared<status_options>();
    command c{.name = "status",
              .help = "what runs, as a table; of one child also how it ended so far",
              .group = "Look"};
    c.parameters = {{.name = "NAME",
                     .into = &options->address,
                     .help = "a child, by name or address (default: all)"},
                    {.name = "--json",
                     .into = &options->as_json,
                     .help = "one JSON object, the root, its children nested alike"}};
    add_target_options(c, where);
    c.footer =
        "States: starting running stopping stopped backing_off given_up idle\n\n"
        "Examples:\n  supe status\n  supe status web\n  supe status /dam/queue --json";
    c.perform = [options, &where] {
        return show_status(where, options->address,
                           options->as_json ? status_form::json : status_form::table);
    };
    return c;
}

command tree_command(target_tree& where) {
    auto address = std::make_shared<std::string>("/");
    command c{.name = "tree", .help = "what runs, drawn as a tree", .group = "Look"};
    c.parameters = {{.name = "NAME",
                     .into = address.get(),
                     .help = "a child, by name or address, and what lies below it (default: all)"}};
    add_target_options(c, where);
    c.footer = "Example:\n  supe tree";
    c.perform = [address, &where] { return show_status(where, *address, status_form::drawing); };
    return c;
}

}  // namespace components
