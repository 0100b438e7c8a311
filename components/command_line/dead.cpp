// `supe dead`: what nobody will get, mail and webhooks, for a look, another try, or the bin.
#include "components/command_line/dead_letter_sources.hpp"
#include "components/command_line/operator.hpp"
#include "components/command_line/status_text.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/control/commands.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;
using supe::control::result;

struct dead_options {
    std::vector<std::string> ids;
    bool all = false;
    bool as_json = false;
};

int told(const dead_letter_result& answer) {
    if (answer.code != 0 && !answer.problem.empty())
        fmt::print(stderr, "supe: {}\n", answer.problem);
    return answer.code;
}

std::string text(const json::value& letter, const char* key) {
    return std::string(letter.at(key).as_string());
}

void print_table(const json::array& letters) {
    std::size_t id = 2, to = 2, from = 4;
    for (const json::value& l : letters) {
        id = std::max(id, text(l, "id").size());
        to = std::max(to, text(l, "to").size());
        from = std::max(from, text(l, "from").size());
    }
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<24}  TRIED  REASON\n", "ID", id, "TO", to, "FROM", from,
               "SINCE");
    for (const json::value& l : letters) {
        fmt::print("{:<{}}  {:<{}}  {:<{}}  {}  {:>5}  {}\n", text(l, "id"), id, text(l, "to"), to,
                   text(l, "from"), from, text(l, "at"), l.at("attempts").to_number<unsigned>(),
                   text(l, "reason"));
    }
}

int list(const target_tree& where, bool as_json) {
    json::array letters;
    const dead_letter_result answer = dead_letter_sources(where).list(letters);
    if (as_json) {
        fmt::print("{}\n", json::serialize(letters));
    } else if (answer.code == 0 || !letters.empty()) {
        print_table(letters);
    }
    return told(answer);
}

int show(const target_tree& where, const std::string& id) {
    json::value letter;
    const dead_letter_result answer = dead_letter_sources(where).show(id, letter);
    if (answer.code == 0) fmt::print("{}\n", pretty(letter));
    return told(answer);
}

int deal_with(const target_tree& where, const std::string& what, const dead_options& options) {
    if (options.all == !options.ids.empty()) {
        fmt::print(stderr, "supe: dead {} needs IDs, or --all\n", what);
        return static_cast<int>(result::bad_request);
    }
    dead_letter_sources places(where);
    std::int64_t done = 0;
    int worst = 0;
    const auto note = [&](const dead_letter_result& answer) {
        const int code = told(answer);
        if (worst == 0) worst = code;
    };
    if (options.all) note(places.deal_with_all(what, done));
    for (const std::string& id : options.ids) note(places.deal_with(what, id, done));
    fmt::print("{} {}\n", done, what == "retry" ? "sent again" : "dropped");
    return worst;
}

}  // namespace

void add_dead(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    auto options = std::make_shared<dead_options>();
    auto* dead = app.add_subcommand(
        "dead",
        "dead letters: mail that nobody will get, and webhooks that the destination refused");
    dead->group("Change what runs");
    dead->require_subcommand(1);
    dead->footer(
        "Examples:\n  supe dead list\n  supe dead show k3x9a1-17\n  supe dead retry --all");
    const auto part = [&](const std::string& name, const std::string& help) {
        auto* command = dead->add_subcommand(name, help);
        add_target_options(*command, where);
        return command;
    };
    auto* all = part("list", "those of the whole tree, the oldest of each place first");
    all->add_flag("--json", options->as_json, "a JSON array");
    all->callback([=, &exit_code] { exit_code = list(*where, options->as_json); });
    auto* one = part("show", "one of them whole: its message, and what happened to it");
    one->add_option("ID", options->ids, "as in the list")->required()->expected(1)->type_name("");
    one->callback([=, &exit_code] { exit_code = show(*where, options->ids.front()); });
    for (const char* what : {"retry", "drop"}) {
        auto* command = part(what, std::string(what) == "retry"
                                       ? "deliver them again, with all tries before them anew"
                                       : "forget them");
        command->add_option("ID", options->ids, "as in the list")->type_name("");
        command->add_flag("--all", options->all, "all that there are");
        command->callback([=, what = std::string(what), &exit_code] {
            exit_code = deal_with(*where, what, *options);
        });
    }
}

}  // namespace components
