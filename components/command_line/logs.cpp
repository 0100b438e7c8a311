// `supe logs`: the output that is kept in the state directory, of a dead tree too.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/output/log_files.hpp"
#include "supe/output/terminal_sink.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/terminal_text.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <deque>

namespace components {
namespace {

namespace json = boost::json;

struct log_options {
    std::string name;
    bool follow = false;
    bool as_json = false;
    bool time = false;
    std::optional<unsigned> lines;  ///< the last so many; nothing: all
};

/// `/` for `supe`: the root's own log.
std::string address_of(const std::string& name) {
    if (name == "supe") return "/";
    return name.starts_with('/') ? name : "/" + name;
}

/// The child itself, those below it, and its instances.
bool is_of(std::string_view address, const std::string& wanted) {
    if (wanted.empty() || address == wanted) return true;
    return wanted != "/" && address.starts_with(wanted) &&
           (address[wanted.size()] == '/' || address[wanted.size()] == '.');
}

class log_printer {
public:
    explicit log_printer(const log_options& options)
        : options_(options), wanted_(options.name.empty() ? "" : address_of(options.name)),
          colours_(supe::colours_for(STDOUT_FILENO)), terminal_(::isatty(STDOUT_FILENO) == 1) {}

    /// The record as it is to be shown; empty for one that is not wanted, or that a killed writer
    /// left half written.
    std::string shown(const std::string& record) const {
        const auto line = supe::parse_json(record);
        if (!line || !line->is_object()) return {};
        const auto* address = line->get_object().if_contains("address");
        const auto* text = line->get_object().if_contains("line");
        const std::string at =
            options_.time ? supe::string_of(line->get_object(), "at") : std::string();
        if (!address || !address->is_string() || !text || !text->is_string()) return {};
        if (!is_of(address->get_string(), wanted_)) return {};
        if (options_.as_json) return (terminal_ ? supe::terminal_json(record) : record) + "\n";
        const std::string bytes(text->get_string());
        std::string out;
        supe::append_text_line(out, supe::label_of(address->get_string()),
                               terminal_ ? supe::terminal_line(bytes) : bytes, colours_,
                               terminal_ ? supe::terminal_line(at) : at);
        return out;
    }

private:
    const log_options& options_;
    std::string wanted_;
    supe::colours colours_;
    bool terminal_;
};

void print_record(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

/// All that is there now, or the `last` so many lines of it; false when none of it was wanted.
bool print_all(supe::log_reader& reader, const log_printer& printer,
               std::optional<unsigned> last = {}) {
    std::deque<std::string> kept;
    bool any = false;
    while (auto record = reader.next()) {
        std::string text = printer.shown(*record);
        if (text.empty()) continue;
        any = true;
        if (!last) {
            print_record(text);
            continue;
        }
        kept.push_back(std::move(text));
        if (kept.size() > *last) kept.pop_front();
    }
    for (const std::string& text : kept) print_record(text);
    std::fflush(stdout);
    return any;
}

/// Nothing of it is kept: is there such a child at all?
exit_code explain_nothing(const std::filesystem::path& directory, const std::string& name) {
    if (auto client = supe::control::client::connect(directory)) {
        const json::value answer = client->ask({{"do", "status"}, {"address", address_of(name)}});
        if (answer.get_object().contains("ok")) return exit_code::done;
        print_problem(answer.at("error").as_string());
        return static_cast<exit_code>(answer.at("code").as_int64());
    }
    complain("no output of {} is kept in {}", name, directory.string());
    return exit_code::no_such;
}

exit_code show_logs(const target_tree& where, const log_options& options) {
    std::filesystem::path directory;
    if (const exit_code code = where.find_with("logs", directory); code != exit_code::done)
        return code;
    supe::log_reader reader(directory / "logs");
    if (!reader.found_any()) {
        if (const exit_code code = enter(directory / "logs"); code != exit_code::done) return code;
        complain("no output is kept in {} (--state DIR or --tree NAME names another place)",
                 directory.string());
        return exit_code::no_such;
    }
    const log_printer printer(options);
    const bool any = print_all(reader, printer, options.lines);
    if (!any && !options.name.empty()) {
        const exit_code code = explain_nothing(directory, options.name);
        if (code != exit_code::done) return code;
    }
    while (options.follow && !std::ferror(stdout)) {
        reader.wait();
        print_all(reader, printer);
    }
    return exit_code::done;
}

}  // namespace

command logs_command(target_tree& where) {
    auto options = std::make_shared<log_options>();
    command c{.name = "logs",
              .help = "what the children printed, also after the death of the tree",
              .group = "Look"};
    c.parameters = {
        {.name = "NAME",
         .into = &options->name,
         .help = "one child and what lies below it; `supe` for our own log (default: all)"},
        {.name = "-f,--follow", .into = &options->follow, .help = "go on with what comes"},
        {.name = "-n,--lines",
         .into = &options->lines,
         .help = "only the last so many lines of what is there",
         .placeholder = "N",
         .within = {0, 1'000'000}},
        {.name = "--time",
         .into = &options->time,
         .help = "the time before each line, in UTC: 2026-01-31T12:00:00.000Z [NAME] line"},
        {.name = "--json",
         .into = &options->as_json,
         .help = "a JSON object a line: at, address, stream, line"}};
    add_target_options(c, where);
    const supe::log_limits limits;
    c.footer = fmt::format(
        "Kept in STATE/logs: {} files of {} MiB, and of older ones the last lines of each child, "
        "up to {} KiB. stdout\nand stderr of all, in the order in which they came. A line with --- "
        "is where a run of the tree begins.\n\nExamples:\n  supe logs web -f\n"
        "  supe logs /dam -n 100 --time\n  supe logs --json | grep '\"stderr\"'",
        limits.files, limits.file_bytes >> 20, limits.share_bytes >> 10);
    c.perform = [options, &where] { return show_logs(where, *options); };
    return c;
}

}  // namespace components
