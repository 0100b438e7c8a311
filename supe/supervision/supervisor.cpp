#include "supe/supervision/supervisor.hpp"

#include "supe/channel/json_text.hpp"
#include "supe/supervision/saved_mailbox.hpp"
#include "supe/supervision/tree_file.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

namespace supe {
namespace {

/// Four characters that make mail ids of this life of this supervisor unlike those of every other.
std::string id_prefix(const std::function<double()>& random) {
    static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string prefix;
    for (int i = 0; i < 6; ++i) prefix += digits[static_cast<int>(random() * 36) % 36];
    return prefix + "-";
}

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }
long long in_ms(duration d) { return std::chrono::duration_cast<milliseconds>(d).count(); }

/// A supervisor is ready when its own children are (OTP: start_link of a supervisor), however long that takes.
child_spec as_child(child_spec spec) {
    if (spec.supervisor) {
        spec.ready = ready_kind::signal;
        spec.start_timeout = 24h;
    }
    return spec;
}

bool ended_cleanly(const child& c) {
    const auto& exit = c.last_exit();
    if (c.state().asked_for()) return true;
    if (!exit || exit->signal != 0 || !c.state().failure().empty()) return false;
    return std::ranges::find(c.spec().clean_exits, exit->code) != c.spec().clean_exits.end();
}

std::string how_it_ended(const child& c) {
    if (c.last_error()) return c.last_error()->text;
    if (!c.state().failure().empty()) return c.state().failure();
    return c.last_exit() ? c.last_exit()->text() : "unknown";
}

}  // namespace

supervisor::supervisor(supervisor_environment environment, supervisor_spec spec, std::string address,
                       std::shared_ptr<channel> uplink)
    : env_(std::move(environment)), spec_(std::move(spec)), address_(std::move(address)), uplink_(std::move(uplink)),
      restarter_(spec_, env_.random,
                 [this](int number) { return by_number(number).mail().box.has_waiting(); }),
      office_(address_, id_prefix(env_.random), *this), tasks_(env_.time), changed_(env_.time) {
    office_.set_uplink(uplink_);
    for (child_spec& c : spec_.children) add(std::move(c));
    spec_.children.clear();
}

supervisor::~supervisor() = default;

child& supervisor::add(child_spec spec) {
    const std::string child_address = fmt::format("{}/{}", address_, spec.name);
    const int number = children_.empty() ? 0 : children_.back()->number() + 1;
    child_host& host = *this;
    children_.push_back(std::make_unique<child>(host, number, as_child(std::move(spec)), child_address));
    child& c = *children_.back();
    restarter_.add(c.spec());
    office_.add(c.mail());
    return c;
}

// --- running ------------------------------------------------------------------------------------------------------

awaitable<bool> supervisor::run() {
    began_ = env_.time.now();
    for (const auto& c : children_) {
        open_listening_sockets(*c);
        c->begin(tasks_);
        publish_about(*c, "created");
    }
    if (uplink_) tasks_.start(run_uplink());
    perform(restarter_.boot(env_.time.now()));
    while (!over_) {
        changed_.expires_at(restarter_.deadline(env_.time.now()));
        co_await changed_.wait();
        if (!over_) perform(restarter_.tick(env_.time.now()));
    }
    tasks_.cancel();
    co_await tasks_.join();
    co_return clean_;
}

void supervisor::shutdown() {
    if (told_once_) {
        for (const auto& c : children_) c->kill();
    }
    told_once_ = true;
    perform(restarter_.shutdown(env_.time.now()));
}

void supervisor::end(bool cleanly) {
    over_ = true;
    clean_ = cleanly;
    changed_.notify();
}

void supervisor::perform(const restarter::actions& actions) {
    using kind = restarter::kind;
    for (const restarter::action& a : actions) {
        switch (a.what) {
            case kind::start: {
                child& c = by_number(a.child);
                c.start();
                if (a.restart) {
                    publish_about(c, "auto-restarted", fmt::format(R"("restarts":{},"delay_ms":{})",
                                                                   restarter_.restarts_of(a.child), a.delay.count()));
                }
                break;
            }
            case kind::stop: by_number(a.child).stop(); break;
            case kind::give_up: give_up(by_number(a.child)); break;
            case kind::remove: remove(by_number(a.child)); break;
            case kind::booted:
                booted_ = true;
                if (uplink_) {
                    append_signal(uplink_->out(), "COMPONENT-READY");
                    office_.touch(uplink_);
                }
                break;
            case kind::finished: end(true); break;
            case kind::failed:
                log(fmt::format("failed: {}", restarter_.why()));
                if (uplink_) {
                    append_signal(uplink_->out(), "SUPE-FAILED", fmt::format(R"({{"why":{}}})", json_quoted(restarter_.why())));
                    office_.touch(uplink_);
                }
                end(false);
                break;
        }
    }
    office_.flush();
    changed_.notify();  // deadlines, and those who wait for a state, look again
}

void supervisor::give_up(child& c) {
    const std::string file = save_mailbox(c.mail().box, c.address(), env_.state);
    log(fmt::format("{} crashed too often and stays down; its mail is in {} (supe start {} tries again)", c.spec().name,
                    file.empty() ? "memory only" : file, c.address()));
    publish_about(c, "excessive-crash",
                  fmt::format(R"("restarts":{},"within_ms":{},"mailbox":{})", c.spec().limit.count,
                              c.spec().limit.within.count(), file.empty() ? "null" : json_quoted(file)));
}

void supervisor::remove(child& c) {
    publish_about(c, "removed");
    strange_.erase(c.number());
    office_.remove(c.mail());
    const auto place = std::ranges::find_if(children_, [&](const auto& other) { return other.get() == &c; });
    leaving_.push_back(std::move(*place));  // its own coroutine may be the one that runs now
    children_.erase(place);
}

void supervisor::open_listening_sockets(child& c) {
    if (c.spec().listen.empty()) return;
    sockets_.emplace(c.number(), listening_sockets_of_child(c.spec().listen, c.spec().directory));
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
        std::erase_if(request.environment, [&key = key](const std::string& e) { return e.starts_with(key + "="); });
        request.environment.push_back(key + "=" + value);
    }
    request.environment.push_back("NODE_CHANNEL_SERIALIZATION_MODE=json");
    request.environment.push_back("SUPE_CITIZEN_NAME=" + spec.name);
    request.environment.push_back("SUPE_ADDRESS=" + c.address());
    if (spec.command.empty()) request.environment.push_back("SUPE_STATE=" + env_.state.string());
    const auto sockets = sockets_.find(c.number());
    if (sockets != sockets_.end()) request.listening = sockets->second.descriptors();
    return request;
}

// --- what children report -----------------------------------------------------------------------------------------

void supervisor::on_started(child& c) {
    if (c.is_supervisor()) {
        const boost::json::object config{{"tree", to_json(*c.spec().supervisor)}};
        c.signal("SUPE-START", fmt::format(R"({{"address":{},"config":{}}})", json_quoted(c.address()),
                                           boost::json::serialize(config)));
    } else if (!c.spec().config.is_null()) {
        c.signal("SUPE-START", start_data(c));
    }
    publish_about(c, "started", fmt::format(R"("pid":{},"restarts":{})", c.pid(), restarter_.restarts_of(c.number())));
    office_.on_connected(c.mail());
    office_.flush();
}

void supervisor::on_ready(child& c) {
    publish_about(c, "ready");
    perform(restarter_.ready(c.number(), env_.time.now()));
}

void supervisor::on_ended(child& c) {
    board_.forget(watcher_of(c));
    answer_for_the_dead(c);
    const bool clean = ended_cleanly(c);
    const bool asked_for = c.state().asked_for();
    const bool never_up = c.last_error() || (!c.was_ready() && !c.state().failure().empty());
    const std::string text = how_it_ended(c);
    if (never_up) {
        const launch_error error = c.last_error().value_or(launch_error{"ETIMEDOUT", c.state().failure()});
        publish_about(c, "start-failed", fmt::format(R"("error":{{"code":{},"text":{}}},"restarts":{})", json_quoted(error.code),
                                                     json_quoted(error.text), restarter_.restarts_of(c.number())));
        log(fmt::format("{} could not be started: {}", c.spec().name, text));
    } else if (clean) {
        publish_about(c, "shutdown", fmt::format(R"("exit":{})", c.last_exit()->json()));
    } else {
        publish_about(c, "crashed", fmt::format(R"("exit":{},"after_ms":{})", c.last_exit()->json(), in_ms(c.lasted())));
        log(fmt::format("{} crashed after {:.1f} s: {}", c.spec().name, seconds(c.lasted()), text));
    }
    office_.on_ended(c.mail(), !clean && !c.last_error());
    const std::string reason = c.is_supervisor() && !clean && !failure_below_.empty() ? std::exchange(failure_below_, {}) : text;
    if (asked_for && !restarter_.is_ending()) publish_about(c, "stopped");
    perform(restarter_.ended(c.number(), {clean, asked_for, never_up || !c.was_ready(), reason}, env_.time.now()));
}

void supervisor::on_line(child& c, stream s, std::string_view line) {
    if (c.is_supervisor()) {
        env_.sink.write(s, {}, line);  // labelled down there
        return;
    }
    env_.sink.write(s, address_.empty() ? c.spec().name : c.address(), line);
    const std::string notice = c.spec().name + (s == stream::out ? "-output" : "-error");
    if (is_watched(notice)) publish(notice, json_quoted(line), c.spec().name);
}

void supervisor::after_turn(child& c) {
    office_.pump(c.mail());
    office_.flush();
}

// --- by hand ------------------------------------------------------------------------------------------------------

awaitable<std::string> supervisor::start_child(std::string name) {
    child* c = find(name);
    if (!c) co_return fmt::format("no such child: {}", name);
    perform(restarter_.start(c->number(), env_.time.now()));
    const bool up = co_await came_up(*c);
    co_return up ? std::string() : fmt::format("{} did not come up: {}", c->address(), how_it_ended(*c));
}

awaitable<std::string> supervisor::stop_child(std::string name) {
    child* c = find(name);
    if (!c) co_return fmt::format("no such child: {}", name);
    if (c->state().current() == lifecycle::state::stopping) c->stop();  // told twice: `infinity` gets its signal
    perform(restarter_.stop(c->number(), env_.time.now()));
    while (restarter_.status_of(c->number()) == restarter::status::stopping) co_await changed_.wait();
    co_return std::string();
}

awaitable<std::string> supervisor::restart_child(std::string name) {
    child* c = find(name);
    if (!c) co_return fmt::format("no such child: {}", name);
    const std::uint64_t life = c->mail().life;
    perform(restarter_.restart(c->number(), env_.time.now()));
    while (c->mail().life == life && !over_ && !c->last_error()) co_await changed_.wait();
    const bool up = co_await came_up(*c);
    co_return up ? std::string() : fmt::format("{} did not come up: {}", c->address(), how_it_ended(*c));
}

awaitable<bool> supervisor::came_up(child& c) {
    using status = restarter::status;
    while (!over_ && restarter_.status_of(c.number()) == status::starting) co_await changed_.wait();
    const status s = restarter_.status_of(c.number());
    co_return s == status::running || s == status::idle;
}

child* supervisor::find(std::string_view child_name) const {
    const auto found = std::ranges::find_if(children_, [&](const auto& c) { return c->spec().name == child_name; });
    return found == children_.end() ? nullptr : found->get();
}

std::vector<child*> supervisor::children() const {
    std::vector<child*> all;
    for (const auto& c : children_) all.push_back(c.get());
    return all;
}

restarter::status supervisor::status_of(const child& c) const { return restarter_.status_of(c.number()); }

child& supervisor::by_number(int number) const {
    return **std::ranges::find_if(children_, [=](const auto& c) { return c->number() == number; });
}

}  // namespace supe
