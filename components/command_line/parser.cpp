#include "components/command_line/parser.hpp"

#include "components/command_line/completion.hpp"
#include "components/command_line/printing.hpp"
#include "supe/text/terminal_text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace components {
namespace {

std::optional<unsigned> number_in(const std::string& text) {
    unsigned n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    const bool whole = failed == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(n) : std::nullopt;
}

/// Stores what was given for a parameter.
struct store {
    const std::vector<std::string>& given;
    void operator()(bool*) const {}  // a flag has no value
    void operator()(std::string* into) const { *into = given.front(); }
    void operator()(std::vector<std::string>* into) const { *into = given; }
    void operator()(std::optional<std::string>* into) const { *into = given.front(); }
    void operator()(std::optional<unsigned>* into) const { *into = number_in(given.front()); }
};

bool is_one_of(std::string_view choices, std::string_view word) {
    for (std::size_t at = 0; at <= choices.size();) {
        const std::size_t comma = std::min(choices.find(',', at), choices.size());
        if (choices.substr(at, comma - at) == word) return true;
        at = comma + 1;
    }
    return false;
}

/// What is wrong with a value; empty where nothing is.
std::string objection_to(const parameter& p, const std::string& value) {
    if (*p.choices && !is_one_of(p.choices, value))
        return fmt::format("{} not in {{{}}}", value, p.choices);
    const bool is_number = std::holds_alternative<std::optional<unsigned>*>(p.into);
    // As from a variable of a script that is not set: a filter without a value would fit all.
    if (!is_number && *p.name == '-' && value.empty())
        return "the value is empty (is a variable not set?)";
    if (!is_number) return {};
    const auto n = number_in(value);
    if (n && *n >= p.within.least && *n <= p.within.most) return {};
    return fmt::format("Value {} not in range {} to {}", value, p.within.least, p.within.most);
}

std::string help_of(const parameter& p) {
    const bool bounded = p.within.most > 0;
    return bounded ? fmt::format("{}, from {} to {}", p.help, p.within.least, p.within.most)
                   : p.help;
}

void add_flag(CLI::App& app, const parameter& p) {
    app.add_flag_callback(p.name, [&p] { *std::get<bool*>(p.into) = true; }, p.help);
}

void add_parameter(CLI::App& app, const parameter& p) {
    if (p.is_flag()) return add_flag(app, p);
    CLI::callback_t keep = [&p](const CLI::results_t& given) {
        std::visit(store{given}, p.into);
        return true;
    };
    CLI::Option* option = app.add_option(p.name, std::move(keep), help_of(p), false);
    option->type_name(p.placeholder)->required(p.needed == parameter::presence::required);
    if (*p.group) option->group(p.group);
    if (p.takes_many()) option->expected(CLI::detail::expected_max_vector_size);
    if (!p.otherwise.empty()) option->default_str(p.otherwise);
    const std::string shown = *p.choices ? fmt::format("{{{}}}", p.choices) : std::string();
    option->check([&p](const std::string& value) { return objection_to(p, value); }, shown);
}

/// One clear line on stderr instead of an exception.
exit_code perform(const command& c) {
    try {
        return c.perform();
    } catch (const std::exception& e) {
        print_problem(e.what());
        return exit_code::bad_usage;
    }
}

void describe(CLI::App& app, const command& c, exit_code& end) {
    for (const parameter& p : c.parameters) add_parameter(app, p);
    for (const command& below : c.commands) {
        CLI::App* sub = app.add_subcommand(below.name, below.help)->group(below.group);
        describe(*sub, below, end);
    }
    if (!c.commands.empty()) app.require_subcommand(1);
    app.footer(c.footer);
    if (c.perform) app.callback([&c, &end] { end = perform(c); });
}

/// The first word that is no option: what should be the name of a command.
std::string typed_command(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--state" || word == "--tree") {
            ++i;
        } else if (!word.starts_with('-')) {
            return word;
        }
    }
    return {};
}

/// What the library found wrong, in one line that begins and ends as ours do.
std::string usage_error(const CLI::App* app, const CLI::Error& e) {
    std::string command = app->get_name();
    for (; !app->get_subcommands().empty(); command += " " + app->get_name())
        app = app->get_subcommands().front();
    std::string what = e.what();
    if (what.starts_with("A subcommand")) what = "a command is missing";
    if (what.starts_with("The ")) what.front() = 't';
    return fmt::format("supe: {}; {} --help tells more\n", supe::terminal_line(what), command);
}

}  // namespace

exit_code parse_and_perform(const command& program, const char* version, int argc, char** argv) {
    const std::string typed = typed_command(argc, argv);
    const auto is_it = [&](const command& c) { return c.name == typed; };
    if (!typed.empty() && std::ranges::none_of(program.commands, is_it)) {
        const std::string near = nearest_command(program, typed);
        complain("\"{}\" is no command{}; supe --help lists them", typed,
                 near.empty() ? "" : fmt::format(", did you mean {}?", near));
        return exit_code::bad_usage;
    }
    CLI::App app(program.help, program.name);
    app.failure_message(usage_error);
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.set_version_flag("--version", version);
    exit_code end = exit_code::done;
    describe(app, program, end);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? exit_code::done : exit_code::bad_usage;
    }
    return end;
}

}  // namespace components
