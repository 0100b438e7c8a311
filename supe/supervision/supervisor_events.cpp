// The events of a supervisor: from its children, from its mail, and from the supervisor above.
#include "supe/async/assertion.hpp"
#include "supe/async/race.hpp"
#include "supe/supervision/json_turns.hpp"
#include "supe/supervision/large_answer.hpp"
#include "supe/supervision/supervisor.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/large_json.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds working_every = 3s;  // SUPE-WORKING while a request is under way
constexpr milliseconds soon = 60s;          // a program that goes to the background ends by then
constexpr milliseconds hint_every = 60s;    // of one child

/// `beginning`, one more member and the end of the object: a message of 16 MiB is copied once.
std::string object_with(std::string beginning, std::string_view name, std::string_view json) {
    beginning.reserve(beginning.size() + name.size() + json.size() + 8);
    beginning += ',';
    append_json_quoted(beginning, name);
    beginning += ':';
    beginning += json;
    beginning += '}';
    return beginning;
}

/// The id of the call that a mail answers: its member `re`.
std::string call_of(const envelope& mail) {
    const std::string extras = "{" + std::string(mail.extras.substr(1)) + "}";
    return json_string_or_empty(member_of(extras, "re"));
}

}  // namespace

// --- children ---

void supervisor::on_started(child& c) {
    child_entry& entry = children_.at(c.number());
    const std::string& name = c.spec().name;
    if (c.is_supervisor()) {
        const boost::json::object config{{"tree", to_json(*c.spec().supervisor)}};
        c.signal(signal_kind::supe_start,
                 fmt::format(R"({{"address":{},"config":{}}})", json_quoted(c.address()),
                             boost::json::serialize(config)));
        // As the tree that it was sent: one that a reload brings is for its next life.
        entry.mail.keeps_mail = c.spec().supervisor->journal;
    } else if (!c.spec().config->is_null()) {
        c.signal(signal_kind::supe_start, start_data(c));
    }
    const unsigned restarts = restarts_of(c);
    notices_.publish_about(name, "started",
                           fmt::format(R"("pid":{},"restarts":{})", c.pid(), restarts));
    if (entry.restarted) {
        notices_.publish_about(
            name, "auto-restarted",
            fmt::format(R"("restarts":{},"delay_ms":{})", restarts, entry.delay.count()));
    }
    mail_.delivery.on_connected(entry.mail, *c.link(), c.life());
    mail_.flush();
}

void supervisor::on_ready(child& c) {
    SUPE_ASSERT(c.state().current() == lifecycle::state::running);
    notices_.publish_about(c.spec().name, "ready");
    perform(restarter_.ready(c.number(), env_.time.now()));
}

void supervisor::on_disconnected(child& c) {
    mail_.delivery.on_disconnected(children_.at(c.number()).mail);
    mail_.out.forget(*c.link());  // answers to a child that closed it early go there too
    if (c.is_supervisor()) below_.on_ended(c);
}

void supervisor::on_ended(child& c, const child_end& end) {
    SUPE_ASSERT(c.state().current() == lifecycle::state::down && c.pid() == 0);
    child_entry& entry = children_.at(c.number());
    notices_.forget_watches_of(c);
    // The whole cause chain, when a nested supervisor failed.
    const bool failed_below = !end.clean && entry.failure_below && !entry.failure_below->empty();
    const std::string text = failed_below ? *entry.failure_below : end.text();
    entry.add_death({env_.time.wall(), text, end.exit ? end.exit->json() : "null", end.lasted,
                     end.clean, end.asked_for});
    if (!end.asked_for) ++entry.failures;
    report_end(entry, end, text);
    // What waited at its start, and neither waits nor is in flight to it any more, a sibling took.
    const bool left_none = !entry.mail.box.has_left(entry.mail.consumer, entry.last_at_start);
    using ending = mailbox::ending;
    // A supervisor that is killed at a stop has not answered all of its mail either.
    const bool was_killed = c.is_supervisor() && end.exit && end.exit->signal != 0;
    const bool crashed = was_killed || (!end.clean && !end.error);
    const bool poisoned =
        mail_.delivery.on_ended(entry.mail, crashed ? ending::charged : ending::uncharged,
                                (end.clean ? "it ended: " : "it crashed: ") + text);
    const restarter::actions follows =
        restarter_.ended(c.number(),
                         {.clean = end.clean,
                          .asked_for = end.asked_for,
                          .start_failed = end.never_started() || !end.was_ready,
                          .took_mail = entry.took_mail || left_none,
                          .poisoned = poisoned,
                          .text = text},
                         env_.time.now());
    if (!end.asked_for) report_clean_end(entry, end);
    perform(follows);
}

/// A permanent child should not end. One that ends at once and leaves processes behind went to the
/// background, as daemons do: what it left was ended, and an operator would not see why.
void supervisor::report_clean_end(child_entry& entry, const child_end& end) {
    const child_spec& spec = entry.who.spec();
    if (end.clean && spec.restart == restart_type::permanent && !spec.demand) {
        const bool again =
            !restarter_.is_ending() && status_of(entry.who) != restarter::status::given_up;
        log(fmt::format("{} ended cleanly with code {} after {:.1f} s{}", spec.name, end.exit->code,
                        in_seconds(end.lasted), again ? ", and is restarted" : ""));
    }
    const time_point now = env_.time.now();
    if (!end.left_processes || end.lasted > soon || now < entry.next_hint) return;
    entry.next_hint = now + hint_every;
    log(fmt::format("{}: it left processes behind: programs must stay in the foreground",
                    spec.name));
}

/// Those who wait for its stop do not wait any longer.
void supervisor::on_refused(child&, const std::string& why) {
    log(why);
    changed_.notify();
}

void supervisor::report_end(const child_entry& entry, const child_end& end,
                            const std::string& text) {
    const std::string& name = entry.who.spec().name;
    if (end.never_started()) {
        const launch_error error = end.error.value_or(launch_error{"ETIMEDOUT", end.failure});
        notices_.publish_about(
            name, "start-failed",
            fmt::format(R"("error":{{"code":{},"text":{}}},"restarts":{})", json_quoted(error.code),
                        json_quoted(error.text), restarts_of(entry.who)));
        log(fmt::format("{} could not be started: {}", name, text));
    } else if (end.clean) {
        // One that was left behind has no exit.
        const std::string exit = end.exit ? end.exit->json() : "null";
        notices_.publish_about(name, "shutdown", fmt::format(R"("exit":{})", exit));
    } else {
        notices_.publish_about(
            name, "crashed",
            fmt::format(R"("exit":{},"after_ms":{})", end.exit->json(), end.lasted.count()));
        log(fmt::format("{} crashed after {:.1f} s: {}", name, in_seconds(end.lasted), text));
    }
}

void supervisor::on_line(child& c, stream s, std::string_view line) {
    if (c.is_supervisor()) {
        const auto [address, text] = split_label(line, c.address());
        env_.sink.write(s, address, text);
        return;
    }
    env_.sink.write(s, c.address(), line);
    if (const log_spec& log = *c.spec().log; !log.file.empty()) logs_.write(log, line);
    notices_.publish_line(c, s, line);
}

void supervisor::after_lines() {
    for (const std::string& report : logs_.flush(env_.time.now())) log(report);
}

void supervisor::after_turn(child& c) {
    if (child_entry* const entry = children_.find(c.number())) {  // it may have been removed
        frames_.after_turn(*entry);
        below_.after_turn(c);
        mail_.delivery.changed(*entry->mail.destination);
    }
    mail_.flush();
}

// --- mail ---

void supervisor::on_mail_limits(child_entry& entry) {
    mail_.delivery.changed(*entry.mail.destination);
    mail_.flush();
}

/// Goes on with what a turn left, after all others had a turn of the event loop.
awaitable<> supervisor::run_mail() {
    for (;;) {
        while (!mail_.delivery.has_unfinished()) co_await mail_.delivery.unfinished();
        co_await asio::post(env_.time.executor(), use_awaitable);
        mail_.flush();
    }
}

void supervisor::on_supervisor_mail(const envelope& mail) {
    if (mail.answer && call_answers_ && call_answers_(call_of(mail), mail.msg)) return;
    notices_.publish(
        "supervisor-mail",
        object_with(fmt::format(R"({{"from":{})", json_quoted(mail.from)), "msg", mail.msg),
        std::string(mail.from));
    if (on_mail_) on_mail_(std::string(mail.from), mail.msg);
}

void supervisor::on_dead_letter(const envelope& mail, const std::string& recipient,
                                const std::string& reason, const mail_history& history) {
    log(fmt::format("mail {} to {} went to the dead letters: {}", mail.id, recipient, reason));
    notices_.publish(
        "mail-dead-lettered",
        object_with(fmt::format(R"({{"to":{},"from":{},"id":{},"reason":{},"attempts":{})",
                                json_quoted(recipient), json_quoted(mail.from),
                                json_quoted(mail.id), json_quoted(reason), mail.attempt),
                    "mail", mail.msg));
    dead_.add(mail, recipient, reason, history, env_.time.wall());
}

void supervisor::on_undeliverable(const envelope& mail, const std::string& reason) {
    notices_.publish(
        "mail-undeliverable",
        fmt::format(R"({{"from":{},"reason":{}}})", json_quoted(mail.from), json_quoted(reason)));
}

/// Starts the child, or one more instance.
bool supervisor::on_mail_waiting(mail_endpoint& endpoint, waits_for whom) {
    const child_entry& entry = children_.at(endpoint.number);
    int wanted = endpoint.number;
    if (entry.instance && whom == waits_for::any_instance) {
        const auto& all = children_.find_group(entry.public_name())->numbers;
        const auto idle = std::ranges::find_if(all, [this](const auto& instance) {
            return restarter_.status_of(instance.second) == restarter::status::idle;
        });
        if (idle == all.end()) return false;
        wanted = idle->second;
    }
    perform(restarter_.demanded(wanted, env_.time.now()));
    return true;
}

void supervisor::on_control_answer(const mail_origin& origin, signal_kind outcome,
                                   std::string_view reason) {
    if (control_answers_) control_answers_(std::string(origin.id), outcome, reason);
}

// --- the supervisor above ---

awaitable<> supervisor::run_uplink() {
    channel& above = above_->link();
    append_signal(above.out(), signal_kind::ready_to_receive_mail, R"({"window":1024})");
    const channel::frame_sink on_frame = [this](std::string_view f) { on_uplink_frame(f); };
    for (const std::string& frame : std::exchange(early_frames_, {})) on_frame(frame);
    while (co_await above.turn(on_frame)) {
        above_->after_turn();
        mail_.delivery.changed(*mail_.directory.uplink()->destination);  // it may take output again
        mail_.flush();
    }
    kill();  // the supervisor above is gone
}

void supervisor::on_uplink_frame(std::string_view frame) {
    using kind = signal_kind;
    const message m = read_message(frame);
    if (const auto* as_mail = std::get_if<mail_frame>(&m)) {
        if (!over_) mail_.router.from_above(*as_mail);  // else it stays above
        return;
    }
    const auto* signal = std::get_if<signal_frame>(&m);
    if (!signal) return;
    switch (signal->kind) {
        case kind::supe_shutdown: return stop_requested_ ? kill() : shutdown();
        case kind::mail_accepted:
        case kind::mail_acked:
        case kind::mail_undeliverable:
        case kind::mail_withheld: {
            const auto data = parse_object(signal->data);
            return mail_.delivery.on_outcome(*mail_.directory.uplink(), signal->kind,
                                             string_of(data, "id"), string_of(data, "reason"));
        }
        case kind::supe_ask: tasks_.start(answer_request(std::string(signal->data))); return;
        default: return;  // signals that are not for a supervisor, and those of newer versions
    }
}

/// Sends SUPE-WORKING from time to time while the request is under way. Each step of reading a
/// large request has a turn of its own.
awaitable<> supervisor::answer_request(std::string data) {
    std::size_t bytes = data.size();
    co_await turn_after_json(env_.time, bytes);
    auto asked = uplink::read_request(std::exchange(data, {}));
    if (!asked) co_return;
    const std::string id = asked->id;
    co_await turn_after_json(env_.time, bytes);
    supervisor_request request = asked->request();
    asked.reset();
    co_await turn_after_json(env_.time, bytes);
    {
        answer_room::place held;
        auto work = perform_request(std::move(request), held);
        auto results = co_await race(env_.time, std::move(work), beat(id));
        outgoing_answer answer(id, *std::get<0>(results));
        std::get<0>(results).reset();
        bytes = answer.size();
        co_await send_answer(answer);
    }
    give_back_after_json(bytes);
}

/// Each piece has a turn of its own, and is a sign of life. It waits until the ones before it are
/// read.
awaitable<> supervisor::send_answer(outgoing_answer& answer) {
    while (!answer.is_sent()) {
        while (!above_->has_room()) co_await above_->moved();
        above_->send_piece_of(answer);
        out_.flush();
        if (!answer.is_sent()) co_await asio::post(env_.time.executor(), use_awaitable);
    }
}

awaitable<> supervisor::beat(std::string request_id) {
    for (;;) {
        co_await env_.time.sleep_for(working_every);
        above_->send_working(request_id);
        out_.flush();
    }
}

/// Supervisors perform a reload themselves; supe/control performs commands. `held`: the place of a
/// large answer, until it is sent.
awaitable<boost::json::value> supervisor::perform_request(supervisor_request request,
                                                          answer_room::place& held) {
    boost::json::value answer;
    if (request.what == supervisor_request::kind::reload) {
        supervisor_spec tree = parse_tree(boost::json::serialize(request.body), address_, "/");
        const std::string problem = co_await admin_.reload(std::move(tree));
        answer = problem.empty() ? boost::json::object{{"ok", "reloaded"}}
                                 : boost::json::object{{"error", problem}, {"code", 1}};
    } else if (commands_) {
        auto place = co_await large_answers_.enter(asks_for_a_letter(request.body.as_object()));
        if (!place) co_return too_many_answers();
        held = std::move(*place);
        answer = co_await commands_(std::move(request.body.as_object()));
    }
    co_return answer;
}

}  // namespace supe
