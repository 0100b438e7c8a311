#include "components/operator_commands.hpp"

#include "components/tree_runner.hpp"
#include "supe/control/client.hpp"
#include "supe/control/commands.hpp"
#include "supe/supervision/tree_file.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace components {
namespace {

namespace json = boost::json;
using supe::control::result;

/// Which tree is meant: `--state DIR` or `--tree NAME`, else the only one that runs in the usual place.
struct place {
    std::string state;
    std::string tree = "relay";

    std::filesystem::path directory() const { return state_directory(state, tree); }
    std::optional<supe::control::client> connect() const {
        auto client = supe::control::client::connect(directory());
        if (!client) fmt::print(stderr, "supe: no tree runs on {} (--state DIR or --tree NAME names another)\n", directory().string());
        return client;
    }
};

int code_of(const json::value& answer) {
    if (!answer.is_object()) {
        fmt::print(stderr, "supe: the tree ended before it answered\n");
        return static_cast<int>(result::no_such);
    }
    const auto& o = answer.get_object();
    if (o.contains("ok")) return 0;
    fmt::print(stderr, "supe: {}\n", std::string(o.at("error").as_string()));
    return static_cast<int>(o.at("code").as_int64());
}

/// Asks one thing; prints the answer's text where it is one. Returns the exit code.
int ask(const place& where, json::object request, json::value* answer_out = nullptr) {
    auto client = where.connect();
    if (!client) return static_cast<int>(result::no_such);
    json::value answer = client->ask(request);
    const int code = code_of(answer);
    if (code == 0 && answer_out) *answer_out = answer.at("ok");
    return code;
}

void add_status(CLI::App& app, std::shared_ptr<place> where, int& exit_code) {
    auto name = std::make_shared<std::string>("/");
    auto as_json = std::make_shared<bool>(false);
    auto* status = app.add_subcommand("status", "what runs");
    status->add_option("name", *name, "a child, by name or address");
    status->add_flag("--json", *as_json, "one JSON object, the root, its children nested alike");
    status->callback([=, &exit_code] {
        json::value node;
        exit_code = ask(*where, {{"do", "status"}, {"address", *name}}, &node);
        if (exit_code != 0) return;
        if (*as_json) return fmt::print("{}\n", json::serialize(node)), void();
        fmt::print("{}", status_table(node, ::isatty(STDOUT_FILENO) == 1));
    });
}

void add_orders(CLI::App& app, std::shared_ptr<place> where, int& exit_code) {
    for (const char* what : {"start", "stop", "restart"}) {
        auto address = std::make_shared<std::string>();
        auto* order = app.add_subcommand(what, fmt::format("{} one child; waits until it is done", what));
        order->add_option("address", *address, "a child, by name or address, like /dam/queue")->required();
        order->callback([=, &exit_code] { exit_code = ask(*where, {{"do", what}, {"address", *address}}); });
    }
}

void add_mail(CLI::App& app, std::shared_ptr<place> where, int& exit_code) {
    auto address = std::make_shared<std::string>();
    auto text = std::make_shared<std::string>();
    auto wait = std::make_shared<bool>(false);
    auto* mail = app.add_subcommand("mail", "send mail to a component; ends when it is accepted");
    mail->add_option("address", *address, "a child, by name or address")->required();
    mail->add_option("json", *text, "the message, any JSON")->required();
    mail->add_flag("--wait", *wait, "end when it is acknowledged");
    mail->footer("Example:\n  supe mail /dam/queue '{\"resume\": true}'");
    mail->callback([=, &exit_code] {
        boost::system::error_code bad;
        json::value msg = json::parse(*text, bad);
        if (bad) {
            fmt::print(stderr, "supe: the message is not JSON: {}\n", *text);
            exit_code = static_cast<int>(result::bad_request);
            return;
        }
        exit_code = ask(*where, {{"do", "mail"}, {"to", *address}, {"msg", std::move(msg)}, {"wait", *wait}});
    });
}

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
        const json::value n = json::parse(line);
        fmt::print("{} {} {}\n", std::string(n.at("at").as_string()), std::string(n.at("notice").as_string()),
                   json::serialize(n.at("message")));
    }
    std::fflush(stdout);
}

int show_notices(const place& where, const notice_options& options) {
    std::optional<std::chrono::steady_clock::time_point> deadline;
    if (!options.timeout.empty()) {
        const auto d = supe::parse_duration(options.timeout);
        if (!d) {
            fmt::print(stderr, "supe: --timeout: \"{}\" is not a duration like 250ms, 8s, 5m\n", options.timeout);
            return static_cast<int>(result::bad_request);
        }
        deadline = std::chrono::steady_clock::now() + *d;
    }
    auto client = where.connect();
    if (!client) return static_cast<int>(result::no_such);
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
    const bool late = deadline && std::chrono::steady_clock::now() >= *deadline;
    if (late && !options.once.empty()) fmt::print(stderr, "supe: no notice {} within {}\n", options.once, options.timeout);
    return late ? (options.once.empty() ? 0 : static_cast<int>(result::timed_out)) : static_cast<int>(result::no_such);
}

void add_notices(CLI::App& app, std::shared_ptr<place> where, int& exit_code) {
    auto options = std::make_shared<notice_options>();
    auto* notices = app.add_subcommand("notices", "the last notice of each name, then new ones as they come");
    notices->add_option("names", options->names, "only these; output (NAME-output, NAME-error) only when named");
    notices->add_flag("--json", options->as_json, "a JSON object a line: at, notice, message, source");
    notices->add_option("--once", options->once, "wait for a fresh one of this name, and end");
    notices->add_option("--timeout", options->timeout, "give up after this long, like 30s");
    notices->callback([=, &exit_code] { exit_code = show_notices(*where, *options); });
}

std::string uptime_text(std::int64_t ms) {
    const std::int64_t s = ms / 1000;
    if (s < 60) return fmt::format("{}s", s);
    if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
    return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

const char* colour_of(std::string_view state) {
    if (state == "running" || state == "idle") return "\x1b[32m";
    if (state == "given_up" || state == "stopped") return "\x1b[31m";
    return "\x1b[33m";
}

std::string exit_text(const json::value& exit) {
    if (exit.is_null()) return "-";
    const auto& o = exit.get_object();
    return o.contains("code") ? fmt::format("code {}", o.at("code").as_int64()) : std::string(o.at("signal").as_string());
}

void append_row(std::string& out, const json::value& node, unsigned depth, bool colour) {
    const std::string state(node.at("state").as_string());
    const auto& box = node.at("mailbox");
    const auto number = [](const json::value& v) { return v.is_null() ? std::string("-") : json::serialize(v); };
    out += fmt::format("{:<28} {}{:<11}{} {:>8} {:>8} {:>10} {:>9} {:>9}  {}\n",
                       std::string(2 * depth, ' ') + std::string(node.at("name").as_string()), colour ? colour_of(state) : "",
                       state, colour ? "\x1b[0m" : "", number(node.at("pid")), number(node.at("restarts")),
                       uptime_text(node.at("uptime_ms").to_number<std::int64_t>()), number(box.at("queued")),
                       number(box.at("in_flight")), exit_text(node.at("last_exit")));
    for (const json::value& child : node.at("children").as_array()) append_row(out, child, depth + 1, colour);
}

}  // namespace

std::string status_table(const json::value& root, bool colour) {
    std::string out = fmt::format("{:<28} {:<11} {:>8} {:>8} {:>10} {:>9} {:>9}  {}\n", "NAME", "STATE", "PID", "RESTARTS",
                                  "UPTIME", "QUEUED", "IN HAND", "LAST EXIT");
    append_row(out, root, 0, colour);
    return out;
}

std::string pretty(const json::value& value) {
    struct printer {
        std::string out;
        void line(unsigned depth) { out += "\n" + std::string(2 * depth, ' '); }
        void print(const json::value& v, unsigned depth) {
            if (v.is_object() && !v.get_object().empty()) {
                out += "{";
                bool first = true;
                for (const auto& [key, member] : v.get_object()) {
                    if (!std::exchange(first, false)) out += ",";
                    line(depth + 1);
                    out += json::serialize(json::string(key)) + ": ";
                    print(member, depth + 1);
                }
                line(depth);
                out += "}";
            } else if (v.is_array() && !v.get_array().empty() && v.get_array()[0].is_object()) {
                out += "[";
                bool first = true;
                for (const auto& element : v.get_array()) {
                    if (!std::exchange(first, false)) out += ",";
                    line(depth + 1);
                    print(element, depth + 1);
                }
                line(depth);
                out += "]";
            } else {
                out += json::serialize(v);
            }
        }
    } p;
    p.print(value, 0);
    return p.out;
}

void add_operator_commands(CLI::App& app, int& exit_code) {
    auto where = std::make_shared<place>();
    app.add_option("--state", where->state, "the tree on this state directory")->group("Which tree");
    app.add_option("--tree", where->tree, "the tree of this name")->capture_default_str()->group("Which tree");
    add_status(app, where, exit_code);
    add_orders(app, where, exit_code);
    add_mail(app, where, exit_code);
    add_notices(app, where, exit_code);
    for (const char* name : {"status", "start", "stop", "restart", "mail", "notices"}) {
        auto* command = app.get_subcommand(name);
        command->add_option("--state", where->state, "the tree on this state directory")->group("Which tree");
        command->add_option("--tree", where->tree, "the tree of this name")->capture_default_str()->group("Which tree");
    }
}

}  // namespace components
