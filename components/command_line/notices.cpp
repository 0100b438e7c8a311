// `supe notices`: the noticeboard of the root, as it comes.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/terminal_text.hpp"
#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;
using time_point = supe::control::client::time_point;

struct notice_options {
    std::vector<std::string> names;
    bool as_json = false;
    std::string once;
    std::string timeout;
};

/// The line for people, made of the line of JSON; empty where that is none.
std::string notice_text(const std::string& line) {
    const auto n = supe::parse_json(line);
    if (!n || !n->is_object()) return {};
    const json::object& o = n->get_object();
    return fmt::format("{} {} {}\n", supe::terminal_line(supe::string_of(o, "at")),
                       supe::terminal_line(supe::string_of(o, "notice")),
                       supe::terminal_json(json::serialize(n->at("message"))));
}

exit_code report_end() {
    complain("the tree ended, or notices came faster than they were read");
    return exit_code::no_such;
}

/// The server refused: its answer in place of notices.
std::optional<exit_code> refusal(const std::string& line) {
    if (!line.starts_with("{\"error\":")) return std::nullopt;
    const auto answer = supe::parse_json(line);
    if (!answer || !answer->is_object()) return std::nullopt;
    complain("{}", supe::string_of(answer->get_object(), "error"));
    return exit_code::failed;
}

exit_code report_timeout(const notice_options& options) {
    if (options.once.empty()) return exit_code::done;
    complain("no notice {} within {}", options.once, options.timeout);
    return exit_code::timed_out;
}

exit_code show_notices(const target_tree& where, const notice_options& options) {
    std::optional<time_point> deadline;
    if (!options.timeout.empty()) {
        const auto d = supe::parse_duration(options.timeout);
        if (!d) {
            complain("--timeout: \"{}\" is not a duration like 250ms, 8s, 5m", options.timeout);
            return exit_code::bad_usage;
        }
        deadline = std::chrono::steady_clock::now() + *d;
    }
    std::optional<supe::control::client> client;
    if (const exit_code code = where.connect(client); code != exit_code::done) return code;
    json::array names(options.names.begin(), options.names.end());
    if (!options.once.empty()) names = {json::string(options.once)};
    json::object request{{"do", "notices"}, {"names", std::move(names)}};
    if (!options.once.empty()) request["fresh"] = true;
    client->send(request);
    while (auto line = client->next_line(deadline)) {
        if (line->empty()) continue;
        if (const auto refused = refusal(*line)) return *refused;
        options.as_json ? print_json(*line) : fmt::print("{}", notice_text(*line));
        std::fflush(stdout);
        if (!options.once.empty()) return exit_code::done;
    }
    const bool late = deadline && std::chrono::steady_clock::now() >= *deadline;
    return late ? report_timeout(options) : report_end();
}

}  // namespace

command notices_command(target_tree& where) {
    auto options = std::make_shared<notice_options>();
    command c{.name = "notices",
              .help = "the last notice of each name, then new ones as they come",
              .group = "Look"};
    c.parameters = {{.name = "NOTICE",
                     .into = &options->names,
                     .help = "only these; output (NAME-output, NAME-error) only when named"},
                    {.name = "--json",
                     .into = &options->as_json,
                     .help = "a JSON object a line: at, notice, message, source"},
                    {.name = "--once",
                     .into = &options->once,
                     .help = "wait for a fresh notice of this name, and end",
                     .placeholder = "NOTICE"},
                    {.name = "--timeout",
                     .into = &options->timeout,
                     .help = "end after this long, like 30s; with --once that is exit code 4",
                     .placeholder = "TIME"}};
    add_target_options(c, where);
    c.footer =
        "Those of the root supervisor, about its own children: a nested one has a noticeboard of "
        "its own, and what it is to\n"
        "pass on stands in `forward` of its tree file.\n\n"
        "Examples:\n  supe notices\n  supe notices component-crashed web-output --json\n"
        "  supe notices --once web-ready --timeout 30s";
    c.perform = [options, &where] { return show_notices(where, *options); };
    return c;
}

}  // namespace components
