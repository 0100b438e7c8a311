// `supe dead`: what nobody will get, mail and webhooks, for a look, another try, or the bin.
#include "components/command_line/commands.hpp"
#include "components/command_line/dead_letter_sources.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/status_text.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/terminal_text.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;

struct dead_options {
    std::string id;
    std::vector<std::string> ids;
    bool all = false;
    bool as_json = false;
};

exit_code report_problem(const dead_letter_result& answer) {
    if (answer.code != exit_code::done && !answer.problem.empty()) print_problem(answer.problem);
    return answer.code;
}

std::string member(const json::value& letter, const char* key) {
    return supe::terminal_line(supe::string_of(letter.as_object(), key));
}

void print_table(const json::array& letters) {
    std::size_t id = 2, to = 2, from = 4;
    for (const json::value& l : letters) {
        id = std::max(id, member(l, "id").size());
        to = std::max(to, member(l, "to").size());
        from = std::max(from, member(l, "from").size());
    }
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<24}  TRIED  REASON\n", "ID", id, "TO", to, "FROM", from,
               "SINCE");
    for (const json::value& l : letters) {
        fmt::print("{:<{}}  {:<{}}  {:<{}}  {}  {:>5}  {}\n", member(l, "id"), id, member(l, "to"),
                   to, member(l, "from"), from, member(l, "at"),
                   l.at("attempts").to_number<unsigned>(), member(l, "reason"));
    }
}

exit_code list_dead(const target_tree& where, bool as_json) {
    json::array letters;
    const dead_letter_result answer = dead_letter_sources(where).list(letters);
    if (as_json) {
        print_json(json::serialize(letters));
    } else if (answer.code == exit_code::done || !letters.empty()) {
        print_table(letters);
    }
    return report_problem(answer);
}

exit_code show_dead(const target_tree& where, const std::string& id) {
    json::value letter;
    const dead_letter_result answer = dead_letter_sources(where).show(id, letter);
    if (answer.code == exit_code::done) fmt::print("{}\n", pretty(letter));
    return report_problem(answer);
}

exit_code deal_with(const target_tree& where, const std::string& what,
                    const dead_options& options) {
    if (options.all == !options.ids.empty()) {
        complain("dead {} needs IDs, or --all", what);
        return exit_code::bad_usage;
    }
    dead_letter_sources sources(where);
    std::int64_t done = 0;
    exit_code first_failure = exit_code::done;
    const auto note = [&](const dead_letter_result& answer) {
        const exit_code code = report_problem(answer);
        if (first_failure == exit_code::done) first_failure = code;
    };
    if (options.all) note(sources.deal_with_all(what, done));
    for (const std::string& id : options.ids) note(sources.deal_with(what, id, done));
    if (first_failure == exit_code::no_such && done == 0) return first_failure;
    fmt::print("{} {}\n", done, what == "retry" ? "sent again" : "dropped");
    return first_failure;
}

}  // namespace

command dead_command(target_tree& where) {
    auto options = std::make_shared<dead_options>();
    command dead{
        .name = "dead",
        .help =
            "dead letters: mail that nobody will get, and webhooks that the destination refused",
        .group = "Change what runs"};
    dead.footer =
        "Examples:\n  supe dead list\n  supe dead show k3x9a1-17\n  supe dead retry --all";
    add_target_options(dead, where);
    const auto add = [&](const char* name, const char* help, std::vector<parameter> parameters,
                         std::function<exit_code()> perform) {
        command c{.name = name, .help = help, .group = "Subcommands"};
        add_target_options(c, where);
        for (parameter& p : parameters) c.parameters.push_back(std::move(p));
        c.perform = std::move(perform);
        dead.commands.push_back(std::move(c));
    };
    add("list", "those of the whole tree, the oldest of each place first",
        {{.name = "--json", .into = &options->as_json, .help = "a JSON array"}},
        [options, &where] { return list_dead(where, options->as_json); });
    add("show", "one of them whole: its message, and what happened to it",
        {{.name = "ID",
          .into = &options->id,
          .help = "as in the list",
          .needed = parameter::presence::required}},
        [options, &where] { return show_dead(where, options->id); });
    const std::vector<parameter> which{
        {.name = "ID", .into = &options->ids, .help = "as in the list"},
        {.name = "--all", .into = &options->all, .help = "all that there are"}};
    add("retry", "deliver them again, with all tries before them anew", which,
        [options, &where] { return deal_with(where, "retry", *options); });
    add("drop", "forget them", which,
        [options, &where] { return deal_with(where, "drop", *options); });
    return dead;
}

}  // namespace components
