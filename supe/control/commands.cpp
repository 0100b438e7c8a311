#include "supe/control/commands.hpp"

#include "supe/supervision/large_answer.hpp"
#include "supe/supervision/no_such_child.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace supe::control {

using namespace std::chrono_literals;

namespace {

namespace json = boost::json;

constexpr auto acceptance_limit = 10s;  // of a mail by the last hop before its recipient
constexpr auto answer_limit = 10s;      // of a call
constexpr const char* no_msg = "msg must be the text of a JSON value";
constexpr std::size_t names_shown = 12;  // in an error that says which children there are

/// A bare name counts from the root (contract §6).
std::string absolute(std::string address) {
    if (!address.starts_with('/')) address.insert(0, "/");
    while (address.size() > 1 && address.ends_with('/')) address.pop_back();
    return address;
}

/// Of a mail that is sent here; it hears of the mail's acceptance. Valid as long as `id`.
mail_origin without_receipt(const std::string& id) {
    mail_origin origin;
    origin.source = mail_source::control;
    origin.id = id;
    return origin;
}

/// The same, and of its ack.
mail_origin with_receipt(const std::string& id) {
    mail_origin origin = without_receipt(id);
    origin.receipt = true;
    return origin;
}

/// How long a request waits for an ack: `timeout_ms`, or without a limit.
milliseconds patience_in(const json::object& request) {
    const auto* given = request.if_contains("timeout_ms");
    const bool is_limited = given && given->is_int64() && given->get_int64() > 0;
    return is_limited ? milliseconds(std::min<std::int64_t>(given->get_int64(), 1'000'000'000'000))
                      : milliseconds::max();
}

json::value ok(json::value v) { return json::object{{"ok", std::move(v)}}; }

json::value outcome(const std::string& problem, std::string done) {
    return problem.empty() ? ok(json::string(done)) : error(problem, result::failed);
}

}  // namespace

json::value error(std::string text, result code) {
    return json::object{{"error", std::move(text)}, {"code", static_cast<int>(code)}};
}

commands::commands(supervisor& s)
    : supervisor_(s), awaiting_acceptance_(s.time()), awaiting_ack_(s.time()),
      awaiting_answer_(s.time()) {
    s.on_control_answers(
        [this](const std::string& id, signal_kind outcome, std::string_view reason) {
            on_outcome(id, outcome, std::string(reason));
        });
    s.on_call_answers([this](const std::string& call, std::string_view msg) {
        return awaiting_answer_.answer(call, {.problem = {}, .answer = std::string(msg)});
    });
    s.on_commands([this](json::object request) { return perform(std::move(request)); });
}

/// Of a mail that was sent here.
void commands::on_outcome(const std::string& id, signal_kind outcome, std::string reason) {
    if (const auto letter = retried_.extract(id); !letter.empty()) {
        if (outcome != signal_kind::mail_undeliverable) supervisor_.dead().drop(letter.mapped());
    }
    if (const auto line = restoring_.extract(id); !line.empty()) {
        if (outcome != signal_kind::mail_undeliverable) restored_.add(line.mapped());
    }
    if (outcome == signal_kind::mail_undeliverable) {
        awaiting_acceptance_.answer(id, reason);
        awaiting_ack_.answer(id, reason);
        awaiting_answer_.answer(id, {.problem = std::move(reason), .answer = {}});
        return;
    }
    awaiting_acceptance_.answer(id, {});
    if (outcome == signal_kind::mail_acked) awaiting_ack_.answer(id, {});
}

awaitable<json::value> commands::perform(json::object request) {
    std::string problem;
    try {
        json::value answer = co_await route(std::move(request));
        co_return answer;
    } catch (const std::exception& e) {
        if (is_cancellation(std::current_exception())) throw;
        problem = e.what();
    }
    co_return error(std::move(problem), result::failed);
}

// --- routing ---

json::value commands::no_such_child(std::string_view address) const {
    const std::size_t parent = address.rfind('/');
    const bool ours = address.substr(0, std::min(parent, address.size())) == supervisor_.address();
    if (!ours)
        return error(supe::no_such_child(address) + " (supe tree shows all that there are)",
                     result::no_such);
    std::string there;
    std::size_t n = 0;
    for (const child* c : supervisor_.children()) {
        if (n++ < names_shown) there += (there.empty() ? "" : ", ") + c->address();
    }
    if (n > names_shown) there += ", …";
    return error(fmt::format("{} (there {})", supe::no_such_child(address),
                             there.empty() ? "are none" : "is " + there),
                 result::no_such);
}

awaitable<json::value> commands::route(json::object request) {
    const std::string what = string_of(request, "do");
    json::value answer;
    if (what == "mail") {
        answer = co_await mail(std::move(request));
        co_return answer;
    }
    const std::string address = absolute(string_of(request, "address"));
    const std::string own = supervisor_.address();
    if (address == "/" || address == own) co_return co_await here(std::move(request));
    if (!address.starts_with(own + "/")) co_return no_such_child(address);
    const std::string path = address.substr(own.size() + 1);
    const std::size_t slash = path.find('/');
    const std::string name = path.substr(0, slash);
    const auto members = supervisor_.members(name);
    const bool is_for_child = slash == std::string::npos && what != "add";
    const std::string its_address = fmt::format("{}/{}", own, name);
    if (members.empty()) co_return no_such_child(its_address);
    if (!is_for_child && !members.front()->is_supervisor()) {
        co_return error(fmt::format("{} is no supervisor: there is nothing under it", its_address),
                        result::no_such);
    }
    if (is_for_child) {
        answer = co_await for_child(what, name, std::move(request));
    } else {
        answer = co_await below(name, std::move(request));
    }
    co_return answer;
}

/// A request for a nested supervisor, or for something under it.
awaitable<json::value> commands::below(std::string name, json::object request) {
    const child* nested = supervisor_.find(name);
    const std::string address = nested->address();
    const std::string state = name_of(supervisor_.status_of(*nested));
    if (nested->pid() == 0) {
        co_return error(fmt::format("{} is {}: there is nothing under it (supe start {})", address,
                                    state, address),
                        result::no_such);
    }
    json::value answer = co_await supervisor_.ask_below(name, std::move(request));
    if (answer.is_object()) co_return answer;
    nested = supervisor_.find(name);
    if (!nested || nested->pid() == 0)
        co_return error(fmt::format("{} ended before it answered", address), result::no_such);
    co_return error(fmt::format("{} does not answer (for 10 s)", address), result::timed_out);
}

/// A request for this supervisor itself.
awaitable<json::value> commands::here(json::object request) {
    const std::string what = string_of(request, "do");
    json::value answer;
    if (what == "status") {
        answer = co_await status_of_all();
    } else if (what == "add") {
        answer = co_await add(std::move(request));
    } else if (what == "find") {
        answer = co_await find(std::move(request));
    } else if (what == "dead") {
        answer = co_await dead(std::move(request));
    } else if (what == "reload") {
        std::string problem = "there is no tree file to read again";
        if (reload_) problem = co_await reload_();
        answer = outcome(problem, "reloaded");
    } else {
        answer =
            error(fmt::format("{} needs the address of a child", what.empty() ? "a request" : what),
                  result::bad_request);
    }
    co_return answer;
}

// --- what changes a child ---

awaitable<json::value> commands::for_child(std::string what, std::string name,
                                           json::object request) {
    const std::string address = fmt::format("{}/{}", supervisor_.address(), name);
    if (what == "status") co_return co_await status_of_child(name);
    if (what == "restore") co_return co_await restore(name, std::move(request));
    if (what == "call") co_return co_await call(name, std::move(request));
    std::string problem, done;
    if (what == "start" || what == "restart") {
        if (what == "start") problem = co_await supervisor_.admin().start(name);
        if (what == "restart") problem = co_await supervisor_.admin().restart(name);
        done = came_up_text(name);
    } else if (what == "stop") {
        problem = co_await supervisor_.admin().stop(name);
        done = address + " is stopped";
    } else if (what == "remove") {
        problem = co_await supervisor_.admin().remove(name);
        const std::string saved = co_await supervisor_.saved_of(name);
        done = address + " is removed" + saved;
    } else if (what == "scale") {
        const auto* n = request.if_contains("instances");
        if (!n || !n->is_int64() || n->get_int64() < 1 || n->get_int64() > 10000)
            co_return error("instances: must be a whole number from 1 to 10000",
                            result::bad_request);
        problem = co_await supervisor_.admin().scale(name, static_cast<unsigned>(n->get_int64()));
        const std::string saved = co_await supervisor_.saved_of(name);
        done = fmt::format("{} has {} instance{}{}", address, n->get_int64(),
                           n->get_int64() == 1 ? "" : "s", saved);
    } else {
        co_return error(fmt::format("\"{}\" is not one of status, start, stop, restart, add, "
                                    "remove, scale, mail, call, restore, dead, find, notices",
                                    what),
                        result::bad_request);
    }
    // It may have been removed while this request waited for its turn.
    if (is_no_such_child(problem)) co_return no_such_child(address);
    co_return outcome(problem, std::move(done));
}

/// After a start without an error.
std::string commands::came_up_text(const std::string& name) {
    const std::string address = fmt::format("{}/{}", supervisor_.address(), name);
    const auto members = supervisor_.members(name);
    const bool at_rest = std::ranges::all_of(members, [&](const child* c) {
        return supervisor_.status_of(*c) == restarter::status::stopped;
    });
    return address + (at_rest ? " had nothing to do" : " is up");
}

awaitable<json::value> commands::add(json::object request) {
    const auto* text = request.if_contains("child");
    if (!text) co_return error("add needs a child, of at most 1 MiB", result::bad_request);
    std::string refused, problem, name;
    try {
        child_spec spec = parse_child(json::serialize(*text), "child", "/");
        name = spec.name;
        problem = co_await supervisor_.admin().add(std::move(spec));
    } catch (const config_error& e) {
        refused = e.what();
    }
    if (!refused.empty()) co_return error(std::move(refused), result::bad_request);
    co_return outcome(problem, came_up_text(name));
}

// --- mail ---

awaitable<json::value> commands::mail(json::object request) {
    std::string to = string_of(request, "to");
    if (to.empty()) co_return error("mail needs an address in `to`", result::bad_request);
    if (to != "supe") to = absolute(to);
    const bool wait = request.contains("wait") && request.at("wait") == true;
    std::string body = request.contains("msg") ? string_of(request, "msg") : std::string("null");
    if (!is_json(body)) co_return error(no_msg, result::bad_request);
    const milliseconds patience = patience_in(request);
    request.clear();
    const milliseconds until_accepted = std::min<milliseconds>(patience, acceptance_limit);
    const time_point sent = supervisor_.time().now();
    const std::string id = std::to_string(++last_id_);
    waiter_table<std::string, std::string>::waiter acceptance(awaiting_acceptance_, id),
        ack(awaiting_ack_, id);
    acceptance.expires_at(sent + until_accepted);
    supervisor_.mail().router.post(to, body, wait ? with_receipt(id) : without_receipt(id));
    body = std::string();  // the mailbox has it, and counts it: many may wait here
    supervisor_.mail().flush();
    while (acceptance.is_waiting()) co_await acceptance.changed();
    auto problem = acceptance.take();
    if (!problem) {
        co_return error(fmt::format("mail to {} was not accepted within {}: what is on its way "
                                    "does not answer, or its mailbox is full; it may still arrive",
                                    to, print_duration(until_accepted)),
                        result::timed_out);
    }
    if (problem->empty() && wait) {
        if (patience != milliseconds::max()) ack.expires_at(sent + patience);
        while (ack.is_waiting()) co_await ack.changed();
        problem = ack.take();
    }
    if (!problem) {
        co_return error(fmt::format("mail to {} was not acknowledged within {}: it stays accepted, "
                                    "and is delivered as any other",
                                    to, print_duration(patience)),
                        result::timed_out);
    }
    if (*problem == "unknown-address") co_return no_such_child(to);
    if (!problem->empty())
        co_return error(fmt::format("mail to {}: {}", to, *problem), result::failed);
    co_return ok(wait ? "acknowledged" : "accepted");
}

/// Its mail is an ordinary one (contract §3, a call): one whose answer does not come in time is
/// dealt with all the same.
awaitable<json::value> commands::call(std::string name, json::object request) {
    const std::string body = string_of(request, "msg");
    if (!is_json(body)) co_return error(no_msg, result::bad_request);
    const std::string address = fmt::format("{}/{}", supervisor_.address(), name);
    const std::string id = std::to_string(++last_id_);
    waiter_table<std::string, call_outcome>::waiter waiter(awaiting_answer_, id);
    waiter.add_key(supervisor_.mail().router.post(address, body, with_receipt(id)));
    waiter.expires_at(supervisor_.time().now() + answer_limit);
    supervisor_.mail().flush();
    while (waiter.is_waiting()) co_await waiter.changed();
    const auto outcome = waiter.take();
    if (!outcome)
        co_return error(fmt::format("{} does not answer (for 10 s)", address), result::timed_out);
    if (!outcome->problem.empty())
        co_return error(fmt::format("mail to {}: {}", address, outcome->problem), result::failed);
    co_return large_answer(outcome->answer);
}

/// Puts a mail into a mailbox again. It is safe there after accepted() alone: the mailbox may be
/// full, or the disk. `source`: what it is of; on_outcome() finds it in `sources`. May be empty.
std::unique_ptr<commands::acceptance> commands::put_again(const std::string& recipient,
                                                          envelope mail, mail_sources& sources,
                                                          std::string source) {
    const std::string id = std::to_string(++last_id_);
    if (!source.empty()) sources.emplace(id, std::move(source));
    auto outcome = std::make_unique<acceptance>(awaiting_acceptance_, id);
    outcome->expires_at(supervisor_.time().now() + acceptance_limit);
    mail.origin = without_receipt(id);
    supervisor_.mail().delivery.put_again(recipient, mail);
    return outcome;
}

/// Returns why it was not accepted, or empty.
awaitable<std::string> commands::accepted(acceptance& outcome) {
    while (outcome.is_waiting()) co_await outcome.changed();
    co_return outcome.take().value_or("not accepted within 10 s; it may still arrive");
}

}  // namespace supe::control
