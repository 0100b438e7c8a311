// `supe conformance`: whether a component, in any language, keeps to the wire.
#include "components/conformance/conformance.hpp"

#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"

#include <boost/json/serialize.hpp>
#include <memory>

namespace components {
namespace {

struct conformance_options {
    std::vector<std::string> command;
    std::string only;
    bool as_json = false;
};

exit_code examine_component(const conformance_options& options) {
    const auto results = run_conformance(options.command, options.only);
    if (options.as_json) {
        print_json(boost::json::serialize(json_of_conformance(results)));
    } else {
        std::string text = text_of_conformance(results);
        text.pop_back();
        print_line(text);
    }
    return is_conformant(results) ? exit_code::done : exit_code::failed;
}

}  // namespace

command conformance_command() {
    auto options = std::make_shared<conformance_options>();
    command c{.name = "conformance",
              .help = "whether a component keeps to the wire; in any language",
              .group = "Look"};
    c.parameters = {{.name = "COMMAND",
                     .into = &options->command,
                     .help = "the component and its arguments, behind --",
                     .needed = parameter::presence::required},
                    {.name = "--only",
                     .into = &options->only,
                     .help = "this check alone",
                     .placeholder = "CHECK"},
                    {.name = "--json", .into = &options->as_json, .help = "one JSON object"}};
    c.footer =
        "It starts the component for each check, and plays its supervisor. The component under "
        "test sends VALUE back to the sender of a mail {\"reply\":VALUE}. For {\"pause\":true} it "
        "sends NOT-READY-TO-RECEIVE-MAIL, acknowledges the mail, and sends READY-TO-RECEIVE-MAIL. "
        "It acknowledges each mail. patterns/clients has such components. Exit code 1 where a "
        "check fails.\n\n"
        "Examples:\n  supe conformance -- python3 client.py\n"
        "  supe conformance --json -- ./component --fast";
    c.perform = [options] { return examine_component(*options); };
    return c;
}

}  // namespace components
