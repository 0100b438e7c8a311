#include "components/command_line/target_tree.hpp"

#include "components/command_line/printing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace components {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using supe::control::client;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

exit_code fail(exit_code code, const std::string& text) {
    print_problem(text);
    return code;
}

exit_code fail_as_denied(const fs::path& what) {
    return fail(exit_code::failed,
                fmt::format("{}: {} (its owner and root may use it)", what.string(),
                            std::generic_category().message(EACCES)));
}

bool may_not_enter(const fs::path& directory) {
    std::error_code why;
    const bool is_there = fs::exists(directory / ".", why);
    return !is_there && why == std::errc::permission_denied;
}

bool runs_on(const fs::path& state) { return client::connect(state).has_value(); }

template <class F>
std::vector<std::string> trees_where(F holds) {
    std::vector<std::string> names;
    std::error_code failed;
    for (fs::directory_iterator it(supe::state_home(), failed), end; !failed && it != end;
         it.increment(failed)) {
        if (holds(it->path())) names.push_back(it->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

exit_code outcome(const json::value& answer, json::value* ok, std::string* problem) {
    const auto& o = answer.get_object();
    if (const auto* value = o.if_contains("ok")) {
        if (ok) *ok = *value;
        return exit_code::done;
    }
    const auto* text = o.if_contains("error");
    const auto* code = o.if_contains("code");
    const exit_code end =
        code && code->is_int64() ? static_cast<exit_code>(code->get_int64()) : exit_code::failed;
    std::string line =
        text && text->is_string() ? std::string(text->get_string()) : json::serialize(answer);
    if (!problem) return fail(end, line);
    *problem = std::move(line);
    return end;
}

}  // namespace

exit_code target_tree::only_one_of(const std::vector<std::string>& names, const std::string& what,
                                   fs::path& directory) const {
    if (names.size() > 1)
        return fail(exit_code::bad_usage, fmt::format("{}: {}; say which with --tree NAME", what,
                                                      fmt::join(names, ", ")));
    if (names.empty()) {
        if (const exit_code code = enter(supe::state_home()); code != exit_code::done) return code;
        const auto closed = trees_where(may_not_enter);
        if (!closed.empty()) return fail_as_denied(supe::state_home() / closed.front());
        return fail(exit_code::no_such,
                    fmt::format("no tree runs (none under {}; --state DIR names another place)",
                                supe::state_home().string()));
    }
    directory = supe::state_home() / names.front();
    return exit_code::done;
}

exit_code target_tree::find(fs::path& directory) const {
    if (!state.empty() || !tree.empty() || !variable("STATE_DIRECTORY").empty()) {
        directory = state_directory(state, tree);
        return enter(directory);
    }
    if (!otherwise.empty()) {
        directory = state_directory({}, otherwise);
        return enter(directory);
    }
    return only_one_of(trees_where(runs_on), "several trees run", directory);
}

exit_code target_tree::find_with(const char* file, fs::path& directory) const {
    if (!state.empty() || !tree.empty() || !otherwise.empty() ||
        !variable("STATE_DIRECTORY").empty())
        return find(directory);
    const auto running = trees_where(runs_on);
    if (!running.empty()) return only_one_of(running, "several trees run", directory);
    const auto has_file = [file](const fs::path& p) {
        std::error_code closed;
        return fs::exists(p / file, closed);
    };
    return only_one_of(trees_where(has_file), "none of several trees runs", directory);
}

exit_code target_tree::connect(std::optional<client>& connected) const {
    fs::path directory;
    if (const exit_code code = find(directory); code != exit_code::done) return code;
    connected = client::connect(directory);
    if (connected) return exit_code::done;
    if (errno == EACCES) return fail_as_denied(directory / "control.sock");
    return fail(exit_code::no_such,
                fmt::format("no tree runs on {} (--state DIR or --tree NAME names another)",
                            directory.string()));
}

exit_code target_tree::ask(const json::object& request, json::value* answer,
                           std::string* problem) const {
    return ask_line(json::serialize(request), answer, problem);
}

exit_code target_tree::ask_line(std::string request, json::value* answer,
                                std::string* problem) const {
    std::optional<client> connected;
    if (const exit_code code = connect(connected); code != exit_code::done) return code;
    return outcome(connected->ask_line(std::move(request)), answer, problem);
}

exit_code target_tree::ask_and_print(const json::object& request) const {
    json::value done;
    const exit_code code = ask(request, &done);
    if (code == exit_code::done && done.is_string()) print_line(done.get_string());
    return code;
}

exit_code enter(const fs::path& directory) {
    return may_not_enter(directory) ? fail_as_denied(directory) : exit_code::done;
}

void add_target_options(command& c, target_tree& where) {
    c.parameters.push_back({.name = "--state",
                            .into = &where.state,
                            .help = "the tree on this state directory",
                            .placeholder = "DIR",
                            .group = "Which tree"});
    c.parameters.push_back({.name = "--tree",
                            .into = &where.tree,
                            .help = "the tree of this name; not needed where only one runs",
                            .placeholder = "NAME",
                            .group = "Which tree"});
}

}  // namespace components
