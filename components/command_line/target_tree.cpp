#include "components/command_line/target_tree.hpp"

#include "supe/control/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdlib>

namespace components {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using supe::control::client;
using supe::control::result;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

int tell(result code, const std::string& text) {
    fmt::print(stderr, "supe: {}\n", text);
    return static_cast<int>(code);
}

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

int outcome(const json::value& answer, json::value* ok, std::string* problem) {
    const auto& o = answer.get_object();
    if (const auto* value = o.if_contains("ok")) {
        if (ok) *ok = *value;
        return 0;
    }
    const auto* text = o.if_contains("error");
    const auto* code = o.if_contains("code");
    const int exit_code = code && code->is_int64() ? static_cast<int>(code->get_int64())
                                                   : static_cast<int>(result::failed);
    std::string line =
        text && text->is_string() ? std::string(text->get_string()) : json::serialize(answer);
    if (!problem) return tell(static_cast<result>(exit_code), line);
    *problem = std::move(line);
    return exit_code;
}

}  // namespace

int target_tree::the_only_one(const std::vector<std::string>& names, const std::string& what,
                              fs::path& directory) const {
    if (names.size() > 1)
        return tell(result::bad_request, fmt::format("{}: {}; say which with --tree NAME", what,
                                                     fmt::join(names, ", ")));
    if (names.empty()) {
        return tell(result::no_such,
                    fmt::format("no tree runs (none under {}; --state DIR names another place)",
                                supe::state_home().string()));
    }
    directory = supe::state_home() / names.front();
    return 0;
}

int target_tree::find(fs::path& directory) const {
    if (!state.empty() || !tree.empty() || !variable("STATE_DIRECTORY").empty()) {
        directory = state_directory(state, tree);
        return 0;
    }
    return the_only_one(
        trees_where([](const fs::path& p) { return client::connect(p).has_value(); }),
        "several trees run", directory);
}

int target_tree::find_with(const char* file, fs::path& directory) const {
    if (!state.empty() || !tree.empty() || !variable("STATE_DIRECTORY").empty())
        return find(directory);
    const auto running =
        trees_where([](const fs::path& p) { return client::connect(p).has_value(); });
    if (!running.empty()) return the_only_one(running, "several trees run", directory);
    return the_only_one(trees_where([file](const fs::path& p) { return fs::exists(p / file); }),
                        "none of several trees runs", directory);
}

int target_tree::connect(std::optional<client>& connected) const {
    fs::path directory;
    if (const int code = find(directory); code != 0) return code;
    connected = client::connect(directory);
    if (connected) return 0;
    return tell(result::no_such,
                fmt::format("no tree runs on {} (--state DIR or --tree NAME names another)",
                            directory.string()));
}

int target_tree::ask(const json::object& request, json::value* answer, std::string* problem) const {
    return ask_line(json::serialize(request), answer, problem);
}

int target_tree::ask_line(std::string request, json::value* answer, std::string* problem) const {
    std::optional<client> connected;
    if (const int code = connect(connected); code != 0) return code;
    return outcome(connected->ask_line(std::move(request)), answer, problem);
}

int target_tree::order(const json::object& request) const {
    json::value done;
    const int code = ask(request, &done);
    if (code == 0 && done.is_string()) fmt::print("{}\n", std::string(done.get_string()));
    return code;
}

}  // namespace components
