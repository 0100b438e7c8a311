// What a supervisor hears on its channels: frames of its children, and of its own supervisor.
#include "supe/supervision/supervisor.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace supe {

using namespace std::chrono_literals;

namespace {

constexpr milliseconds answer_limit =
    10s;  // a nested supervisor without a sign of life for so long counts as silent
constexpr milliseconds working_every =
    3s;  // it gives one while it is busy with a request: a stop may take its time

bool flag_of(const boost::json::object& o, const char* key, bool otherwise) {
    const auto* value = o.if_contains(key);
    return value && value->is_bool() ? value->get_bool() : otherwise;
}

/// The strings of a JSON array, which is checked already; what else is in it is passed over.
template <class F>
void for_each_string(std::string_view array, F f) {
    for (std::size_t at = array.find('"'); at != std::string_view::npos;
         at = array.find('"', at + 1)) {
        const std::size_t start = at;
        bool escaped = false;
        for (++at; at < array.size() && array[at] != '"'; ++at) {
            if (array[at] != '\\') continue;
            escaped = true;
            ++at;
        }
        const std::string_view text = array.substr(start, at + 1 - start);
        escaped ? f(json_string_value(text)) : f(text.substr(1, text.size() - 2));
    }
}

/// The `data` of a signal as an object; an empty one where it is none.
boost::json::object object_of(std::string_view data) {
    auto value = parse_json(data);
    return value && value->is_object() ? std::move(value->get_object()) : boost::json::object();
}

/// The text of a member, as it stands there; empty where it is missing.
std::string_view member_of(std::string_view object, std::string_view key) {
    std::string_view found;
    for (json_members members(object); members.next();) {
        if (members.key() == key) found = members.value();
    }
    return found;
}

/// The first, the tenth, the hundredth: what may come by the million is logged so.
bool is_power_of_ten(std::uint64_t n) {
    for (; n >= 10 && n % 10 == 0; n /= 10) {}
    return n == 1;
}

/// The call that a mail answers: its member `re`.
std::string call_of(const envelope& mail) {
    const std::string extras = "{" + std::string(mail.extras.substr(1)) + "}";
    const std::string_view re = member_of(extras, "re");
    return re.starts_with('"') ? json_string_value(re) : std::string();
}

}  // namespace

std::string supervisor::start_data(const child& c) const {
    return fmt::format(R"({{"address":{},"config":{}}})", json_quoted(c.address()),
                       boost::json::serialize(c.spec().config));
}

void supervisor::on_frame(child& c, std::string_view frame) {
    const message m = read_message(frame);
    if (const auto* as_mail = std::get_if<mail_frame>(&m)) {
        if (!c.state().has_spoken()) c.post(lifecycle::event::spoke);
        return router_.on_mail(c.mail(), *as_mail);
    }
    if (const auto* as_signal = std::get_if<signal_frame>(&m)) {
        if (!c.state().has_spoken()) c.post(lifecycle::event::spoke);
        return on_signal(c, *as_signal);
    }
    if (const auto* node = std::get_if<node_frame>(&m)) {
        if (node->handle && c.mail().wire) {
            c.mail().wire->out() += "{\"cmd\":\"NODE_HANDLE_NACK\"}\n";
            router_.touch(c.mail().wire);
        }
        return;
    }
    if (const auto* bad = std::get_if<bad_frame>(&m)) return on_bad_frame(c, bad->reason);
    if (place_of(c).strange_ones().rate.add(env_.time.now())) {
        publish("component-message",
                fmt::format(R"({{"name":{},"message":{}}})", json_quoted(c.spec().name), frame),
                c.spec().name);
    }
}

/// Counted always, told at a bounded rate: a component that speaks rubbish costs no more than
/// reading it.
void supervisor::on_bad_frame(child& c, const std::string& reason) {
    strange_frames& seen = place_of(c).strange_ones();
    ++seen.bad;
    if (is_power_of_ten(seen.bad))
        log(fmt::format("{} sent {} bad frame{} so far, the latest: {}", c.spec().name, seen.bad,
                        seen.bad == 1 ? "" : "s", reason));
    if (!seen.rate.add(env_.time.now())) return;
    publish("component-bad-frame",
            fmt::format(R"({{"name":{},"reason":{},"count":{}}})", json_quoted(c.spec().name),
                        json_quoted(reason), seen.bad),
            c.spec().name);
}

void supervisor::on_signal(child& c, const signal_frame& frame) {
    mail_endpoint& stop = c.mail();
    const std::string& name = frame.name;
    const auto dealt_with_mail = [&] {
        place_of(c).took_mail = place_of(c).took_mail || stop.box.in_flight() > 0;
    };
    if (name == "ACK-CURRENT-MAIL") {
        dealt_with_mail();
        json_members data(frame.data);
        bool named = false;
        while (data.next()) {
            if (data.key() != "ids") continue;
            named = true;
            for_each_string(data.value(), [&](std::string_view id) { router_.on_ack(stop, id); });
        }
        if (!named) router_.on_ack_oldest(stop);
        return;
    }
    if (name == "READY-TO-RECEIVE-MAIL") {
        const auto data = object_of(frame.data);
        const auto* window = data.if_contains("window");
        const bool given = window && window->is_int64() && window->get_int64() > 0;
        return router_.on_ready(stop, given ? static_cast<unsigned>(std::min<std::int64_t>(
                                                  window->get_int64(), 1 << 30))
                                            : 1);
    }
    if (name == "NOT-READY-TO-RECEIVE-MAIL") return router_.on_pause(stop);
    if (name == "REJECT-MAIL") {
        const auto data = object_of(frame.data);
        const bool requeue = flag_of(data, "requeue", false);
        if (!requeue) dealt_with_mail();
        return router_.on_reject(stop, string_of(data, "id"), requeue, string_of(data, "reason"));
    }
    if (name == "READY-FOR-CONFIG") return c.signal("SUPE-START", start_data(c));
    if (name == "NOTICEBOARD-REQUEST") return on_noticeboard_request(c, frame.data);
    if (name == "COMPONENT-READY") return c.post(lifecycle::event::ready);
    if (name == "COMPONENT-ALIVE") return c.post(lifecycle::event::alive);
    if (name == "UNHANDLED-MAIL") {
        return publish("mail-unhandled",
                       fmt::format(R"({{"name":{}}})", json_quoted(c.spec().name)), c.spec().name);
    }
    if (c.is_supervisor() && on_signal_from_nested(c, frame)) return;
    if (place_of(c).strange_ones().rate.add(env_.time.now())) {
        publish("component-signal",
                fmt::format(R"({{"name":{},"signal":{}}})", json_quoted(c.spec().name),
                            json_quoted(name)),
                c.spec().name);
    }
}

/// What only supervisors say to each other.
bool supervisor::on_signal_from_nested(child& c, const signal_frame& frame) {
    const auto data = object_of(frame.data);
    if (frame.name == "MAIL-ACKED" || frame.name == "MAIL-UNDELIVERABLE" ||
        frame.name == "MAIL-WITHHELD") {
        router_.on_outcome_below(c.mail(), frame.name, string_of(data, "id"),
                                 string_of(data, "reason"));
        return true;
    }
    if (frame.name == "SUPE-FAILED") {
        place_of(c).failure_below = string_of(data, "why");
        return true;
    }
    if (frame.name == "SUPE-ANSWER" || frame.name == "SUPE-WORKING") {
        on_answer(frame.name, data);
        return true;
    }
    return false;
}

// --- noticeboard ---

/// A name that is none does nothing and is answered as npm's supe does, whose component would end
/// by an error; it is told all the same.
void supervisor::on_noticeboard_request(child& c, std::string_view text) {
    const auto data = object_of(text);
    const std::string type = string_of(data, "type");
    const std::string notice = string_of(data, "notice");
    const std::string_view as_given = member_of(text, "notice");
    const auto* opts = data.if_contains("opts");
    const boost::json::object options =
        opts && opts->is_object() ? opts->get_object() : boost::json::object();
    std::string error;
    std::optional<std::string> cached;
    if (notice.empty()) {
        on_bad_frame(
            c, fmt::format(
                   "NOTICEBOARD-REQUEST: notice must be a string with something in it, not {:.40}",
                   as_given.empty() ? "missing" : as_given));
    } else if (type == "watch") {
        auto answer = board_.watch(watcher_of(c), notice,
                                   {.once = flag_of(options, "once", false),
                                    .use_cache = flag_of(options, "useCache", false)});
        error = std::move(answer.error);
        cached = std::move(answer.cached);
    } else if (type == "ignore") {
        board_.ignore(watcher_of(c), notice);
    } else if (type != "notify") {
        error = fmt::format("type {} is not one of watch, ignore, notify", json_quoted(type));
    }
    c.signal("NOTICEBOARD-RESPONSE",
             fmt::format(R"({{"type":{}{}{},"success":{}{}}})", json_quoted(type),
                         as_given.empty() ? "" : R"(,"notice":)", as_given, error.empty(),
                         error.empty() ? "" : fmt::format(R"(,"error":{})", json_quoted(error))));
    if (cached && !send_to_watcher(watcher_of(c), notice, *cached))
        on_pipe_failure(watcher_of(c), notice);
    if (type != "notify" || notice.empty()) return;
    const std::string source = string_of(data, "source");
    publish(notice,
            std::string(
                member_of(text, "message")),  // as it stands there: no digit of a number is lost
            source.empty() ? c.spec().name : fmt::format("{}-{}", c.spec().name, source));
}

// --- mail events ---

void supervisor::on_supervisor_mail(const envelope& mail) {
    if (mail.answer && call_answers_ && call_answers_(call_of(mail), mail.msg)) return;
    publish("supervisor-mail",
            fmt::format(R"({{"from":{},"msg":{}}})", json_quoted(mail.from), mail.msg),
            std::string(mail.from));
    if (on_mail_) on_mail_(std::string(mail.from), mail.msg);
}

void supervisor::on_dead_letter(const envelope& mail, const std::string& recipient,
                                const std::string& reason, const mail_history& history) {
    log(fmt::format("mail {} to {} went to the dead letters: {}", mail.id, recipient, reason));
    publish("mail-dead-lettered",
            fmt::format(R"({{"to":{},"from":{},"id":{},"reason":{},"attempts":{},"mail":{}}})",
                        json_quoted(recipient), json_quoted(mail.from), json_quoted(mail.id),
                        json_quoted(reason), mail.attempt, mail.msg));
    dead_.add(mail, recipient, reason, history, env_.time.wall());
}

void supervisor::on_undeliverable(const envelope& mail, const std::string& reason) {
    publish("mail-undeliverable", fmt::format(R"({{"from":{},"reason":{}}})",
                                              json_quoted(mail.from), json_quoted(reason)));
}

/// Of several instances one more is started for it.
void supervisor::on_mail_waiting(mail_endpoint& stop) {
    const place& p = places_.at(stop.number);
    if (!p.instance) return perform(restarter_.demanded(stop.number, env_.time.now()));
    for (const auto& [instance, number] : groups_.at(p.group).numbers) {
        if (restarter_.status_of(number) == restarter::status::idle)
            return perform(restarter_.demanded(number, env_.time.now()));
    }
}

void supervisor::on_control_answer(const mail_origin& origin, std::string_view signal,
                                   std::string_view reason) {
    if (control_answers_) control_answers_(std::string(origin.id), signal, reason);
}

// --- our own supervisor ---

awaitable<> supervisor::run_uplink() {
    append_signal(uplink_->out(), "READY-TO-RECEIVE-MAIL", R"({"window":1024})");
    const channel::frame_sink on_frame = [this](std::string_view frame) { on_uplink_frame(frame); };
    for (const std::string& frame : std::exchange(early_frames_, {})) on_frame(frame);
    while (co_await uplink_->turn(on_frame)) router_.flush();
    shutdown();  // nobody is left to restart us, or to want us
    shutdown();
}

void supervisor::on_uplink_frame(std::string_view frame) {
    const message m = read_message(frame);
    if (const auto* as_mail = std::get_if<mail_frame>(&m))
        return router_.on_mail_from_above(*as_mail);
    const auto* signal = std::get_if<signal_frame>(&m);
    if (!signal) return;
    if (signal->name == "SUPE-SHUTDOWN") return shutdown();
    const auto data = object_of(signal->data);
    if (signal->name.starts_with("MAIL-")) {
        router_.on_outcome_above(signal->name, string_of(data, "id"), string_of(data, "reason"));
    } else if (signal->name == "SUPE-ASK" && data.contains("request") &&
               data.at("request").is_object()) {
        tasks_.start(answer_command(string_of(data, "id"), data.at("request").get_object()));
    }
}

/// A new tree is a matter among supervisors; the rest is performed by supe/control.
awaitable<> supervisor::answer_command(std::string id, boost::json::object request) {
    struct work {
        nursery both;
        boost::json::value answer;

        awaitable<> perform(supervisor& s, boost::json::object asked) {
            answer = co_await s.perform_command(std::move(asked));
            both.cancel();
        }
        awaitable<> beat(supervisor& s, std::string data) {
            for (;;) {
                co_await s.env_.time.sleep_for(working_every);
                append_signal(s.uplink_->out(), "SUPE-WORKING", data);
                s.uplink_->flush();
            }
        }
    } w{nursery(env_.time), {}};
    w.both.start(w.perform(*this, std::move(request)));
    w.both.start(w.beat(*this, fmt::format(R"({{"id":{}}})", json_quoted(id))));
    co_await w.both.join();
    append_signal(uplink_->out(), "SUPE-ANSWER",
                  fmt::format(R"({{"id":{},"answer":{}}})", json_quoted(id),
                              boost::json::serialize(w.answer)));
    uplink_->flush();
}

awaitable<boost::json::value> supervisor::perform_command(boost::json::object request) {
    boost::json::value answer;
    if (string_of(request, "do") == "reload" && string_of(request, "address") == address_ &&
        request.contains("tree")) {
        supervisor_spec tree =
            parse_tree(boost::json::serialize(request.at("tree")), address_, "/");
        const std::string problem = co_await reload(std::move(tree));
        answer = problem.empty() ? boost::json::object{{"ok", "reloaded"}}
                                 : boost::json::object{{"error", problem}, {"code", 1}};
    } else if (commands_) {
        answer = co_await commands_(std::move(request));
    }
    co_return answer;
}

/// Somebody waits for what a nested supervisor answers. It looks again when the answer is there, or
/// the supervisor gone.
struct supervisor::pending_answer {
    pending_answer(supervisor& s, std::string question)
        : done(s.env_.time), asker(s), id(std::move(question)) {
        asker.asked_[id] = this;
    }
    ~pending_answer() { asker.asked_.erase(id); }
    boost::json::value value;
    bool answered = false;
    timer done;
    supervisor& asker;
    std::string id;
};

void supervisor::on_answer(std::string_view signal, const boost::json::object& data) {
    const auto asked = asked_.find(string_of(data, "id"));
    if (asked == asked_.end()) return;
    if (signal == "SUPE-WORKING")
        return asked->second->done.expires_at(env_.time.now() + answer_limit);
    asked->second->value = data.contains("answer") ? data.at("answer") : boost::json::value();
    asked->second->answered = true;
    asked->second->done.notify();
}

void supervisor::wake_askers() {
    for (const auto& [id, pending] : asked_) pending->done.notify();
}

awaitable<boost::json::value> supervisor::ask_below(std::string nested,
                                                    boost::json::object request) {
    child* below = find(nested);
    if (!below || !below->mail().wire) co_return boost::json::value();
    const int number = below->number();
    const std::uint64_t life = below->mail().life;
    pending_answer pending(*this, std::to_string(++last_question_));
    below->signal("SUPE-ASK", fmt::format(R"({{"id":"{}","request":{}}})", pending.id,
                                          boost::json::serialize(request)));
    pending.done.expires_at(env_.time.now() + answer_limit);
    const auto lives = [this, number, life] {
        const auto p = places_.find(number);
        return p != places_.end() && p->second.who.mail().wire && p->second.who.mail().life == life;
    };
    while (!pending.answered && lives() && env_.time.now() < pending.done.expiry())
        co_await pending.done.wait();
    co_return std::move(pending.value);
}

}  // namespace supe
