// `supe notices`: the noticeboard of the root, as it comes.
#include "components/command_line/operator.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/control/commands.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;
using supe::control::result;
using time_point = supe::control::client::time_point;

struct notice_options {
    std::vector<std::string> names;
    bool as_json = false;
    std::string once;
    std::string timeout;
};

void print_notice(const std::string& line, bool as_json) {
    if (as_json) {
        fmt::print("{}\n", line);
    } else {
        const auto n = supe::parse_json(line);
        if (!n || !n->is_object()) return;
        fmt::print("{} {} {}\n", std::string(n->at("at").as_string()),
                   std::string(n->at("notice").as_string()), json::serialize(n->at("message")));
    }
    std::fflush(stdout);
}

int ended(const notice_options& options, bool late) {
    if (!late) {
        fmt::print(stderr, "supe: the tree ended, or notices came faster than they were read\n");
        return static_cast<int>(result::no_such);
    }
    if (options.once.empty()) return 0;
    fmt::print(stderr, "supe: no notice {} within {}\n", options.once, options.timeout);
    return static_cast<int>(result::timed_out);
}

int show_notices(const target_tree& where, const notice_options& options) {
    std::optional<time_point> deadline;
    if (!options.timeout.empty()) {
        const auto d = supe::parse_duration(options.timeout);
        if (!d) {
            fmt::print(stderr, "supe: --timeout: \"{}\" is not a duration like 250ms, 8s, 5m\n",
                       options.timeout);
            return static_cast<int>(result::bad_request);
        }
        deadline = std::chrono::steady_clock::now() + *d;
    }
    std::optional<supe::control::client> client;
    if (const int code = where.connect(client); code != 0) return code;
    json::array names(options.names.begin(), options.names.end());
    if (!options.once.empty()) names = {json::string(options.once)};
    json::object request{{"do", "notices"}, {"names", std::move(names)}};
    if (!options.once.empty()) request["fresh"] = true;
    client->send(request);
    while (auto line = client->next_line(deadline)) {
        if (line->empty()) continue;
        print_notice(*line, options.as_json);
        if (!options.once.empty()) return 0;
    }
    return ended(options, deadline && std::chrono::steady_clock::now() >= *deadline);
}

}  // namespace

void add_notices(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    auto options = std::make_shared<notice_options>();
    auto* notices =
        app.add_subcommand("notices", "the last notice of each name, then new ones as they come");
    notices->group("Look");
    notices
        ->add_option("NOTICE", options->names,
                     "only these; output (NAME-output, NAME-error) only when named")
        ->type_name("");
    notices->add_flag("--json", options->as_json,
                      "a JSON object a line: at, notice, message, source");
    notices->add_option("--once", options->once, "wait for a fresh notice of this name, and end")
        ->type_name("NOTICE");
    notices
        ->add_option("--timeout", options->timeout,
                     "end after this long, like 30s; with --once that is exit code 4")
        ->type_name("TIME");
    notices->footer(
        "Those of the root supervisor, about its own children: a nested one has a noticeboard of "
        "its own, and what it is to\n"
        "pass on stands in `forward` of its tree file.\n\n"
        "Examples:\n  supe notices\n  supe notices component-crashed web-output --json\n"
        "  supe notices --once web-ready --timeout 30s");
    notices->callback([=, &exit_code] { exit_code = show_notices(*where, *options); });
}

}  // namespace components
