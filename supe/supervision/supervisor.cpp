#include "supe/supervision/supervisor.hpp"

#include "supe/supervision/saved_mailbox.hpp"
#include "supe/text/json_text.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json/serialize.hpp>

namespace supe {

using namespace std::chrono_literals;

namespace {

/// Four characters that make mail ids of this life of this supervisor unlike those of every other.
std::string id_prefix(const std::function<double()>& random) {
    static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string prefix;
    for (int i = 0; i < 6; ++i) prefix += digits[static_cast<int>(random() * 36) % 36];
    return prefix + "-";
}

constexpr std::size_t death_limit = 10;  // of a child, kept for a look

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }
long long in_ms(duration d) { return std::chrono::duration_cast<milliseconds>(d).count(); }

/// A failure in it is known already.
awaitable<> ended_quietly(nursery& tasks) {
    tasks.cancel();
    try {
        co_await tasks.join();
    } catch (...) {}
}

}  // namespace

supervisor::supervisor(supervisor_environment environment, supervisor_spec spec,
                       std::string address, std::shared_ptr<channel> uplink)
    : env_(std::move(environment)), spec_(std::move(spec)), address_(std::move(address)),
      uplink_(std::move(uplink)),
      restarter_(spec_, env_.random,
                 [this](int number) { return places_.at(number).who.mail().box.has_waiting(); }),
      router_(address_, id_prefix(env_.random), env_.time, *this), tasks_(env_.time),
      changed_(env_.time) {
    router_.set_uplink(uplink_);
    written_ = written(spec_.children);
    for (child_spec& c : std::exchange(spec_.children, {})) {
        if (c.instances == 1) {
            const place& p = create(std::move(c));
            restarter_.add(p.who.number(), p.who.spec(), env_.time.now());
            continue;
        }
        group& g = create_group(c);
        for (unsigned i = 1; i <= c.instances; ++i) {
            const place& p = create_instance(g, i);
            restarter_.add(p.who.number(), p.who.spec(), env_.time.now(), {restarter::none, g.id});
        }
    }
    open_journal();
}

supervisor::~supervisor() = default;

/// A supervisor is ready when its own children are (OTP: start_link of a supervisor), however long
/// that takes.
child_spec supervisor::as_child(child_spec spec) {
    if (spec.supervisor) {
        spec.ready = ready_kind::signal;
        spec.start_timeout = 24h;
    }
    return spec;
}

std::shared_ptr<listening_sockets_of_child> supervisor::sockets_for(const child_spec& spec) {
    if (spec.listen.empty()) return nullptr;
    try {
        return std::make_shared<listening_sockets_of_child>(spec.listen, spec.directory);
    } catch (const listen_error& e) {
        throw listen_error(fmt::format("{} cannot listen on {}", spec.name, e.what()));
    }
}

supervisor::place& supervisor::put(child_spec spec, mail_endpoint stop) {
    const std::string child_address = fmt::format("{}/{}", address_, spec.name);
    const int number = stop.number;
    numbers_[spec.name] = number;
    child_host& host = *this;
    place& p = places_
                   .try_emplace(number, host, as_child(std::move(spec)), child_address,
                                std::move(stop), env_.time, tasks_)
                   .first->second;
    router_.add(p.who.mail());
    return p;
}

supervisor::place& supervisor::create(child_spec spec) {
    mail_endpoint stop(++last_number_, spec.name, spec.supervisor != nullptr, spec.mail.mailbox());
    return put(std::move(spec), std::move(stop));
}

// --- running ---

awaitable<bool> supervisor::run() {
    began_ = env_.time.now();
    if (!open_sockets()) co_return false;
    for (const int number : restarter_.in_order()) {
        place& p = places_.at(number);
        p.who.begin(p.tasks);
        publish_about(p.who.spec().name, "created");
    }
    tasks_.start(decide());
    if (uplink_) tasks_.start(run_uplink());
    if (journal_) tasks_.start(run_journal());
    if (code_) tasks_.start(run_code());
    std::exception_ptr broken;
    try {
        co_await tasks_.join();
    } catch (...) {
        broken = std::current_exception();
    }
    // Also where we are cancelled ourselves: no coroutine of ours outlives us.
    co_await asio::this_coro::reset_cancellation_state();
    over_ = true;
    for (auto& [number, p] : places_) p.tasks.cancel();
    for (auto& [number, p] : places_) co_await ended_quietly(p.tasks);
    for (auto& gone : leaving_) co_await ended_quietly(gone.mapped().tasks);
    co_await ended_quietly(tasks_);
    if (broken) std::rethrow_exception(broken);
    if (journal_) journal_->close();
    co_return clean_;
}

/// All of them, before anything is started. The root throws, and the command line says which could
/// not be had.
bool supervisor::open_sockets() {
    try {
        for (auto& [number, p] : places_) {
            if (!p.instance) p.sockets = sockets_for(p.who.spec());
        }
        for (auto& [name, g] : groups_) {
            const auto sockets = sockets_for(g.spec);
            for (const auto& [instance, number] : g.numbers) places_.at(number).sockets = sockets;
        }
        return true;
    } catch (const listen_error& e) {
        if (!uplink_) throw;
        report_failure(e.what());
        return false;
    }
}

awaitable<> supervisor::decide() {
    perform(restarter_.boot(env_.time.now()));
    while (!over_) {
        changed_.expires_at(restarter_.deadline());
        co_await changed_.wait();
        co_await join_the_removed();
        if (!over_) perform(restarter_.tick(env_.time.now()));
    }
    tasks_.cancel();  // what runs beside the children ends with them
}

/// An author's coroutine. What it throws is a failure like that of a child past its limit: all are
/// stopped, in order.
awaitable<> supervisor::run_code() {
    std::string why;
    try {
        co_await code_(*this);
        co_return;
    } catch (const system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
        why = e.what();
    } catch (const std::exception& e) {
        why = e.what();
    }
    perform(restarter_.fail("its own code failed: " + why, env_.time.now()));
}

awaitable<> supervisor::join_the_removed() {
    while (!leaving_.empty()) {
        auto gone = std::move(leaving_.back());
        leaving_.pop_back();
        co_await ended_quietly(gone.mapped().tasks);
    }
}

void supervisor::shutdown() {
    if (stop_requested_) {
        for (auto& [number, p] : places_) p.who.kill();
    }
    stop_requested_ = true;
    perform(restarter_.shutdown(env_.time.now()));
}

void supervisor::end(bool cleanly) {
    over_ = true;
    clean_ = cleanly;
    changed_.notify();
}

void supervisor::perform(const restarter::actions& actions) {
    using kind = restarter::kind;
    if (over_) return;
    for (const restarter::action& a : actions) {
        switch (a.what) {
            case kind::start: start(places_.at(a.child), a); break;
            case kind::stop: places_.at(a.child).who.stop(); break;
            case kind::stopped:
                publish_about(places_.at(a.child).who.spec().name, "stopped");
                break;
            case kind::give_up: give_up(places_.at(a.child), a.whole); break;
            case kind::remove: remove(places_.at(a.child)); break;
            case kind::booted: booted(); break;
            case kind::finished: end(true); break;
            case kind::failed:
                report_failure(restarter_.why());
                end(false);
                break;
        }
    }
    router_.flush();
    changed_.notify();  // deadlines, and those who wait for a state, look again
}

void supervisor::start(place& p, const restarter::action& a) {
    p.restarted = a.restart;
    p.delay = a.delay;
    p.took_mail = false;
    p.failure_below.clear();
    p.who.start();
}

void supervisor::booted() {
    booted_ = true;
    if (!uplink_) return;
    append_signal(uplink_->out(), "COMPONENT-READY");
    router_.touch(uplink_);
}

void supervisor::report_failure(std::string_view why) {
    log(fmt::format("failed: {}", why));
    if (!uplink_) return;
    append_signal(uplink_->out(), "SUPE-FAILED", fmt::format(R"({{"why":{}}})", json_quoted(why)));
    router_.touch(uplink_);
    router_.flush();
}

void supervisor::give_up(place& p, bool whole) {
    const child_spec& spec = p.who.spec();
    const std::string& name = public_name(p);
    const std::string why =
        fmt::format("more than {} restarts within {:g} s (the last end: {})", spec.limit.count,
                    seconds(spec.limit.within), p.deaths.back().text);
    if (!whole) {
        log(fmt::format("{} stays down: {}; the other instances of {} go on", spec.name, why,
                        name));
        return;
    }
    const std::string address = fmt::format("{}/{}", address_, name);
    const std::string file = save_mailbox(p.who.mail().box, address, env_.state);
    const std::string copied = file.empty() ? "" : ", a copy of it in " + file;
    log(fmt::format("{} stays down: {}; supe start {} tries again{}", name, why, address,
                    p.who.mail().box.empty() ? "" : "; its mail waits" + copied));
    publish_about(
        name, "excessive-crash",
        fmt::format(R"("restarts":{},"within_ms":{},"mailbox":{})", spec.limit.count,
                    spec.limit.within.count(), file.empty() ? "null" : json_quoted(file)));
}

void supervisor::remove(place& p) {
    const int number = p.who.number();
    const auto waited_for = refusals_.find(number);
    if (waited_for != refusals_.end() && !p.deaths.empty())
        waited_for->second = p.deaths.back().text;
    publish_about(p.who.spec().name, "removed");
    router_.remove(p.who.mail());
    numbers_.erase(p.who.spec().name);
    if (p.instance) {
        const auto g = groups_.find(p.group);
        g->second.numbers.erase(p.instance);
        if (g->second.numbers.empty()) groups_.erase(g);
    }
    p.sockets.reset();
    leaving_.push_back(places_.extract(number));  // its own coroutine may be the one that runs now
}

launch_request supervisor::request_for(const child& c) {
    const child_spec& spec = c.spec();
    launch_request request;
    request.command = spec.command;
    if (spec.command.empty()) {
        request.command = env_.builtin;
        request.command.push_back(c.is_supervisor() ? "supervisor" : spec.component);
    }
    request.directory = spec.directory;
    request.environment = env_.variables;
    for (const auto& [key, value] : spec.env) {
        std::erase_if(request.environment,
                      [&key = key](const std::string& e) { return e.starts_with(key + "="); });
        request.environment.push_back(key + "=" + value);
    }
    request.environment.push_back("NODE_CHANNEL_SERIALIZATION_MODE=json");
    request.environment.push_back("SUPE_CITIZEN_NAME=" + spec.name);
    request.environment.push_back("SUPE_ADDRESS=" + c.address());
    request.environment.push_back("SUPE_STATE=" + env_.state.string());
    if (const auto& sockets = places_.at(c.number()).sockets)
        request.listening = sockets->descriptors();
    return request;
}

// --- what children report ---

void supervisor::on_started(child& c) {
    const place& p = place_of(c);
    if (c.is_supervisor()) {
        const boost::json::object config{{"tree", to_json(*c.spec().supervisor)}};
        c.signal("SUPE-START",
                 fmt::format(R"({{"address":{},"config":{}}})", json_quoted(c.address()),
                             boost::json::serialize(config)));
    } else if (!c.spec().config.is_null()) {
        c.signal("SUPE-START", start_data(c));
    }
    const unsigned restarts = restarts_of(c);
    publish_about(c.spec().name, "started",
                  fmt::format(R"("pid":{},"restarts":{})", c.pid(), restarts));
    if (p.restarted) {
        publish_about(c.spec().name, "auto-restarted",
                      fmt::format(R"("restarts":{},"delay_ms":{})", restarts, p.delay.count()));
    }
    router_.on_connected(c.mail());
    router_.flush();
}

void supervisor::on_ready(child& c) {
    publish_about(c.spec().name, "ready");
    perform(restarter_.ready(c.number(), env_.time.now()));
}

void supervisor::on_ended(child& c) {
    place& p = place_of(c);
    board_.forget(watcher_of(c));
    const bool clean = c.ended_cleanly();
    const bool asked_for = c.state().asked_for();
    const bool never_up = c.last_error() || (!c.was_ready() && !c.state().failure().empty());
    const std::string text = note_death(p, clean);
    if (never_up) {
        const launch_error error =
            c.last_error() ? *c.last_error() : launch_error{"ETIMEDOUT", c.state().failure()};
        publish_about(
            c.spec().name, "start-failed",
            fmt::format(R"("error":{{"code":{},"text":{}}},"restarts":{})", json_quoted(error.code),
                        json_quoted(error.text), restarts_of(c)));
        log(fmt::format("{} could not be started: {}", c.spec().name, text));
    } else if (clean) {
        publish_about(c.spec().name, "shutdown",
                      fmt::format(R"("exit":{})", c.last_exit()->json()));
    } else {
        publish_about(
            c.spec().name, "crashed",
            fmt::format(R"("exit":{},"after_ms":{})", c.last_exit()->json(), in_ms(c.lasted())));
        log(fmt::format("{} crashed after {:.1f} s: {}", c.spec().name, seconds(c.lasted()), text));
    }
    const bool poisoned = router_.on_ended(c.mail(), !clean && !c.last_error(),
                                           clean ? "it ended: " + text : "it crashed: " + text);
    if (!asked_for) ++p.failures;
    if (c.is_supervisor()) wake_askers();
    perform(restarter_.ended(
        c.number(), {clean, asked_for, never_up || !c.was_ready(), p.took_mail, poisoned, text},
        env_.time.now()));
}

/// The text is the cause chain, where the child is a supervisor that failed.
std::string supervisor::note_death(place& p, bool clean) {
    const child& c = p.who;
    std::string text = !clean && !p.failure_below.empty() ? p.failure_below : c.how_it_ended();
    p.deaths.push_back({env_.time.wall(), text,
                        c.last_error() || !c.last_exit() ? "null" : c.last_exit()->json(),
                        milliseconds(in_ms(c.lasted())), clean});
    if (p.deaths.size() > death_limit) p.deaths.erase(p.deaths.begin());
    return text;
}

void supervisor::on_line(child& c, stream s, std::string_view line) {
    if (c.is_supervisor()) {
        const auto [address, text] = split_label(line, c.address());
        env_.sink.write(s, address, text);
        return;
    }
    env_.sink.write(s, c.address(), line);
    const std::string notice = c.spec().name + (s == stream::out ? "-output" : "-error");
    if (!is_watched(notice)) return;
    std::string text;
    append_json_output(text, line);
    publish(notice, text, c.spec().name);
}

void supervisor::after_turn(child& c) {
    router_.pump(c.mail());
    router_.flush();
}

child* supervisor::find(std::string_view child_name) const {
    const auto found = numbers_.find(child_name);
    return found == numbers_.end() ? nullptr : &const_cast<place&>(places_.at(found->second)).who;
}

std::vector<child*> supervisor::children() const {
    std::vector<child*> all;
    for (const int number : restarter_.in_order())
        all.push_back(&const_cast<place&>(places_.at(number)).who);
    return all;
}

}  // namespace supe
