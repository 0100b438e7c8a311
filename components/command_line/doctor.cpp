// `supe doctor`: whether this machine does for a relay.
#include "components/command_line/commands.hpp"
#include "components/command_line/doctor_measures.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <memory>

namespace components {
namespace {

std::filesystem::path examined(const target_tree& where) {
    if (where.state.empty() && !where.tree.empty()) return supe::state_home() / where.tree;
    return state_directory(where.state, "relay");
}

exit_code examine(const target_tree& where, bool as_json) {
    const machine_measures measures = measure_machine(examined(where));
    const auto findings = judge_machine(measures);
    if (as_json) {
        print_json(boost::json::serialize(json_of_findings(findings, measures)));
    } else {
        std::string text = text_of_findings(findings);
        text.pop_back();
        print_line(text);
    }
    return std::ranges::all_of(findings, &finding::ok) ? exit_code::done : exit_code::failed;
}

}  // namespace

command doctor_command(target_tree& where) {
    auto as_json = std::make_shared<bool>(false);
    command c{.name = "doctor",
              .help = "whether this machine does for a relay: disk, limits, clock, kernel",
              .group = "Look"};
    c.parameters = {{.name = "--json", .into = as_json.get(), .help = "one JSON object"}};
    add_target_options(c, where);
    c.footer =
        "It commits some hundred times in the state directory (the relay's, without --state), and "
        "takes some seconds on a slow disk. Exit code 1 where there is something to do.\n\n"
        "Example:\n  supe doctor --state /var/lib/relay";
    c.perform = [as_json, &where] { return examine(where, *as_json); };
    return c;
}

}  // namespace components
