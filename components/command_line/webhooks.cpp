// `supe webhooks`: a look at what the relay has stored, and another delivery or the bin for it.
#include "components/command_line/commands.hpp"
#include "components/command_line/moment.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/readable_body.hpp"
#include "components/command_line/relay_queues.hpp"
#include "components/command_line/status_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/terminal_text.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <utility>

namespace components {
namespace {

namespace json = boost::json;

constexpr unsigned most_listed = 100'000, usually_listed = 100;
constexpr unsigned wait_for_room_us = 500'000;  // a signal ends it

struct webhook_options {
    std::string id;
    std::vector<std::string> ids;
    std::optional<std::string> route, status, since, until, path;
    std::optional<unsigned> limit;
    bool all = false;
    bool as_json = false;

    bool has_filter() const {
        return !id.empty() || route || status || since || until || path || limit;
    }
};

std::int64_t moment_of(const char* option, const std::string& text) {
    const auto at = parse_moment(text, std::chrono::system_clock::now());
    if (!at)
        throw std::runtime_error(
            fmt::format("{}: \"{}\" is neither a time ago, like 30m, 2h, 3d, nor one in UTC, like "
                        "2026-01-31 or 2026-01-31T12:00:00Z",
                        option, text));
    return at->time_since_epoch().count();
}

json::object request_for(const webhook_options& given, const char* what) {
    json::object request{{"what", what}};
    if (given.route) request["route"] = *given.route;
    if (given.status) request["status"] = *given.status;
    if (given.since) request["since"] = moment_of("--since", *given.since);
    if (given.until) request["until"] = moment_of("--until", *given.until);
    if (given.path) request["path"] = *given.path;
    if (!given.id.empty()) request["id"] = given.id;
    return request;
}

exit_code report_failure(const ask_result& outcome) {
    if (!outcome.problem.empty()) print_problem(outcome.problem);
    return outcome.code;
}

ask_result find_relay(relay_queues& queues) {
    ask_result outcome = queues.find();
    if (outcome.code == exit_code::done && queues.all().empty())
        return {exit_code::no_such, "this tree is no relay: it has no component queue"};
    return outcome;
}

/// `take` gets each answer, and says how many more are wanted at most. The next page is asked for
/// while there is one.
ask_result ask_in_pages(const relay_queues& queues, json::object request, std::uint64_t wanted,
                        const std::function<std::uint64_t(json::object&)>& take) {
    for (const auto& queue : queues.all()) {
        request.erase("from");
        while (wanted > 0) {
            request["limit"] = wanted;
            json::value page;
            const ask_result outcome = queues.ask(queue, "webhooks", request, page);
            if (outcome.code != exit_code::done) return outcome;
            wanted = take(page.as_object());
            const auto* from = page.as_object().if_contains("from");
            if (!from) break;
            request["from"] = *from;
        }
    }
    return {};
}

std::string text_in(const json::object& o, const char* key) {
    return supe::terminal_line(supe::string_of(o, key));
}

/// Of the last try: `-` where there was none, or no answer.
std::string code_of(const json::object& w, const char* key) {
    const auto* code = w.if_contains(key);
    const auto n = code ? code->to_number<int>() : 0;
    return n == 0 ? "-" : std::to_string(n);
}

void print_webhooks(const json::array& all) {
    std::size_t id = 2, route = 5;
    for (const json::value& w : all) {
        id = std::max(id, text_in(w.as_object(), "id").size());
        route = std::max(route, text_in(w.as_object(), "route").size());
    }
    fmt::print("{:<{}}  {:<{}}  {:<9}  {:<24}  TRIED  CODE  REQUEST\n", "ID", id, "ROUTE", route,
               "STATUS", "RECEIVED");
    for (const json::value& value : all) {
        const json::object& w = value.as_object();
        const std::string reason = text_in(w, "reason");
        fmt::print("{:<{}}  {:<{}}  {:<9}  {}  {:>5}  {:>4}  {}{}{}\n", text_in(w, "id"), id,
                   text_in(w, "route"), route, text_in(w, "status"), text_in(w, "received"),
                   w.at("attempts").to_number<unsigned>(), code_of(w, "code"),
                   text_in(w, "request"), reason.empty() ? "" : ": ", reason);
    }
}

exit_code list_webhooks(const target_tree& where, const webhook_options& given) {
    const json::object request = request_for(given, "list");
    relay_queues queues(where);
    ask_result outcome = find_relay(queues);
    if (outcome.code != exit_code::done) return report_failure(outcome);
    // One more than is shown: so it is known whether there are more.
    const std::size_t most = given.limit.value_or(usually_listed);
    json::array all;
    outcome = ask_in_pages(queues, request, most + 1, [&](json::object& page) {
        for (json::value& w : page.at("webhooks").as_array()) all.push_back(std::move(w));
        return most + 1 - std::min(all.size(), most + 1);
    });
    if (outcome.code != exit_code::done) return report_failure(outcome);
    const bool has_more = all.size() > most;
    if (has_more) all.pop_back();
    if (given.as_json)
        print_json(json::serialize(all));
    else if (!all.empty())
        print_webhooks(all);
    else
        print_line(given.has_filter() ? "no webhook fits"
                                      : "no webhooks: none waits, and none that was delivered is "
                                        "kept (keep_delivered in the settings keeps them)");
    if (has_more && !given.as_json)
        complain("there are more than {}: --limit N shows more, up to {}", most, most_listed);
    return exit_code::done;
}

void print_webhook(const json::object& w) {
    const auto line = [&](const char* name, const char* key, const char* behind = "") {
        if (w.contains(key)) fmt::print("{:<10}{}{}\n", name, text_in(w, key), behind);
    };
    const bool is_dead = supe::string_of(w, "status") == "dead";
    line("id", "id");
    line("route", "route");
    line("status", "status");
    line("received", "received");
    line(is_dead ? "died" : "delivered", "at");
    line("next try", "due");
    line("reason", "reason");
    line("request", "request");
    fmt::print("{:<10}{} bytes as it is stored; --json shows all of it\n", "size",
               w.at("bytes").to_number<std::uint64_t>());
    const json::array& tries = w.at("tries").as_array();
    if (tries.empty()) return print_line("no attempt yet");
    fmt::print("\nATTEMPT  ENDED                     CODE    TOOK  REASON\n");
    for (const json::value& value : tries) {
        const json::object& t = value.as_object();
        fmt::print("{:>7}  {:<24}  {:>4}  {:>4}ms  {}\n", t.at("attempt").to_number<unsigned>(),
                   text_in(t, "at"), code_of(t, "status"), t.at("ms").to_number<std::int64_t>(),
                   text_in(t, "reason"));
    }
}

/// Asks each queue about one webhook, until one has it.
ask_result ask_about(const relay_queues& queues, const char* what, const std::string& id,
                     json::value& answer) {
    for (const auto& queue : queues.all()) {
        const ask_result outcome =
            queues.ask(queue, "webhooks", {{"what", what}, {"id", id}}, answer);
        if (outcome.code != exit_code::done || !answer.is_null()) return outcome;
    }
    return {exit_code::no_such, fmt::format("no webhook {}: it was never here, or it was delivered "
                                            "and is not kept any more",
                                            id)};
}

exit_code show_webhook(const target_tree& where, const webhook_options& given) {
    relay_queues queues(where);
    ask_result outcome = find_relay(queues);
    json::value found;
    if (outcome.code == exit_code::done) outcome = ask_about(queues, "show", given.id, found);
    if (outcome.code != exit_code::done) return report_failure(outcome);
    make_body_readable(found);
    if (given.as_json)
        print_json(json::serialize(found));
    else
        print_webhook(found.as_object());
    return exit_code::done;
}

volatile std::sig_atomic_t asked_to_end = 0;

/// Ctrl-C ends it between two pages: what was done stays done, and its number is printed.
void end_between_pages() {
    struct sigaction action{};
    action.sa_handler = [](int) { asked_to_end = 1; };
    action.sa_flags = SA_RESTART | SA_RESETHAND;  // a second one ends it at once
    ::sigaction(SIGINT, &action, nullptr);
}

/// What a `replay` or `drop` has done so far.
struct change_progress {
    const char* did;
    std::uint64_t done = 0;
    bool may_be_more = false;  // an answer was lost
    bool has_waited = false;

    /// True where the rest has no room yet: some time has passed then.
    bool take(const json::object& answer) {
        done += answer.at("done").to_number<std::uint64_t>();
        may_be_more = may_be_more || answer.contains("again");
        const std::string full = text_in(answer, "waits_for");
        show(full);
        if (full.empty() || asked_to_end) return false;
        ::usleep(wait_for_room_us);
        return true;
    }
    /// The line is free for another text.
    void clear() const {
        if (::isatty(STDERR_FILENO)) fmt::print(stderr, "\r\x1b[K");
    }
    void print() const {
        clear();
        fmt::print("{} {}{}\n", done, did,
                   may_be_more ? ", or more: an answer of the queue was lost" : "");
    }

private:
    /// Overwrites itself on a terminal. Else it says once that it waits.
    void show(const std::string& full) {
        const std::string waits = fmt::format(
            "waits for room: route {}, or the queue, is so full that the rest is for new webhooks",
            full);
        if (::isatty(STDERR_FILENO))
            fmt::print(stderr, "\r{} {} so far{}\x1b[K", done, did,
                       full.empty() ? "" : "; " + waits);
        else if (!full.empty() && !std::exchange(has_waited, true))
            complain("{}", waits);
    }
};

exit_code change_all(const relay_queues& queues, const webhook_options& given, const char* what,
                     const char* did) {
    const std::uint64_t most = given.limit ? *given.limit : std::uint64_t(1) << 62;
    change_progress so_far{did};
    end_between_pages();
    const ask_result outcome =
        ask_in_pages(queues, request_for(given, what), most, [&](json::object& page) {
            so_far.take(page);
            return asked_to_end ? 0 : most - std::min(so_far.done, most);
        });
    so_far.may_be_more = so_far.may_be_more || outcome.lost_answer;
    so_far.print();
    if (outcome.code != exit_code::done) return report_failure(outcome);
    if (!asked_to_end) return exit_code::done;
    complain("stopped: what was {} until then stays so, the rest is as it was", did);
    return exit_code::failed;
}

exit_code change_these(const relay_queues& queues, const webhook_options& given, const char* what,
                       const char* did) {
    exit_code first_failure = exit_code::done;
    change_progress so_far{did};
    for (const std::string& id : given.ids) {
        json::value answer;
        ask_result outcome = ask_about(queues, what, id, answer);
        while (outcome.code == exit_code::done && so_far.take(answer.as_object()))
            outcome = ask_about(queues, what, id, answer);
        so_far.may_be_more = so_far.may_be_more || outcome.lost_answer;
        so_far.clear();
        const exit_code code =
            outcome.code == exit_code::done ? outcome.code : report_failure(outcome);
        if (first_failure == exit_code::done) first_failure = code;
    }
    so_far.print();
    return first_failure;
}

exit_code change_webhooks(const target_tree& where, const webhook_options& given,
                          const char* what) {
    const int ways =
        (given.ids.empty() ? 0 : 1) + (given.has_filter() ? 1 : 0) + (given.all ? 1 : 0);
    if (ways != 1) {
        complain(
            "webhooks {} needs IDs, or filters (--route, --status, --since, --until, --path, "
            "--limit), or --all",
            what);
        return exit_code::bad_usage;
    }
    relay_queues queues(where);
    const ask_result outcome = find_relay(queues);
    if (outcome.code != exit_code::done) return report_failure(outcome);
    const char* did = std::string_view(what) == "replay" ? "replayed" : "dropped";
    return given.ids.empty() ? change_all(queues, given, what, did)
                             : change_these(queues, given, what, did);
}

std::vector<parameter> filters(webhook_options& o, const char* statuses, const char* limit) {
    return {
        {.name = "--route", .into = &o.route, .help = "of this route", .placeholder = "NAME"},
        {.name = "--status",
         .into = &o.status,
         .help = "in this state",
         .placeholder = "STATUS",
         .choices = statuses},
        {.name = "--since",
         .into = &o.since,
         .help = "received then or later: a time ago (2h), or one in UTC "
                 "(2026-01-31T12:00:00Z)",
         .placeholder = "TIME"},
        {.name = "--until", .into = &o.until, .help = "received before", .placeholder = "TIME"},
        {.name = "--path",
         .into = &o.path,
         .help = "for this path behind the route's, without its query; /a/* is each that begins "
                 "with /a/",
         .placeholder = "PATH"},
        {.name = "--limit",
         .into = &o.limit,
         .help = limit,
         .placeholder = "N",
         .within = {1, most_listed}}};
}

}  // namespace

command webhooks_command(target_tree& where) {
    auto o = std::make_shared<webhook_options>();
    command webhooks{.name = "webhooks",
                     .help = "what a relay has stored: look at it, deliver it again, drop it",
                     .group = "Change what runs"};
    webhooks.footer =
        "The relay must be running. Delivered webhooks are there for as long as keep_delivered of "
        "its settings says.\n\nExamples:\n"
        "  supe webhooks list --status failed --route shop\n"
        "  supe webhooks show 01KG2Q7V5T9Z3M8N4R6W1X0YAB\n"
        "  supe webhooks replay --status delivered --since 2h --until 1h\n"
        "  supe webhooks drop --path '/test/*'";
    add_target_options(webhooks, where);
    const auto add = [&](const char* name, const char* help, std::vector<parameter> parameters,
                         const char* examples, std::function<exit_code()> perform) {
        command c{.name = name, .help = help, .group = "Subcommands"};
        c.footer = examples;
        add_target_options(c, where);
        for (parameter& p : parameters) c.parameters.push_back(std::move(p));
        c.perform = std::move(perform);
        webhooks.commands.push_back(std::move(c));
    };
    const parameter as_json{.name = "--json", .into = &o->as_json, .help = "as JSON, whole"};
    const parameter id{.name = "ID",
                       .into = &o->id,
                       .help = "as in the list",
                       .needed = parameter::presence::required};
    const parameter ids{.name = "ID", .into = &o->ids, .help = "as in the list"};
    auto of_list = filters(*o, "pending,failed,delivered,dead", "the most that are shown (100)");
    of_list.push_back(
        {.name = "--id", .into = &o->id, .help = "this one alone", .placeholder = "ID"});
    of_list.push_back(as_json);
    add("list", "those that fit, the newest first", std::move(of_list),
        "Examples:\n  supe webhooks list --since 1h\n  supe webhooks list --status dead --json",
        [o, &where] { return list_webhooks(where, *o); });
    add("show", "one of them: what is known of it, and each attempt", {id, as_json},
        "Example:\n  supe webhooks show 01KG2Q7V5T9Z3M8N4R6W1X0YAB",
        [o, &where] { return show_webhook(where, *o); });
    auto of_replay = filters(*o, "delivered,dead", "the most that are replayed");
    of_replay.insert(of_replay.begin(), ids);
    of_replay.push_back({.name = "--all", .into = &o->all, .help = "all that there are"});
    add("replay", "deliver again those that were delivered or are dead, the oldest first",
        std::move(of_replay),
        "They go the usual way, over no more connections than usual, while new ones are delivered "
        "too. No more are queued at once than leave room for new ones: it waits. Ctrl-C ends it: "
        "what was replayed until then stays so.\n\nExamples:\n"
        "  supe webhooks replay 01KG2Q7V5T9Z3M8N4R6W1X0YAB\n"
        "  supe webhooks replay --route shop --since 2026-01-31T12:00:00Z",
        [o, &where] { return change_webhooks(where, *o, "replay"); });
    auto of_drop = filters(*o, "pending,failed,delivered,dead", "the most that are dropped");
    of_drop.insert(of_drop.begin(), ids);
    of_drop.push_back({.name = "--all", .into = &o->all, .help = "all that there are"});
    add("drop", "forget those that fit, the oldest first", std::move(of_drop),
        "Examples:\n  supe webhooks drop 01KG2Q7V5T9Z3M8N4R6W1X0YAB\n"
        "  supe webhooks drop --status dead --until 7d",
        [o, &where] { return change_webhooks(where, *o, "drop"); });
    return webhooks;
}

}  // namespace components
