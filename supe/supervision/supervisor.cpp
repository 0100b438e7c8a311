#include "supe/supervision/supervisor.hpp"

#include "supe/async/assertion.hpp"
#include "supe/storage/private_files.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace supe {
namespace {

/// A random prefix, so that the mail ids of this life of this supervisor are unique.
std::string id_prefix(const std::function<double()>& random) {
    static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string prefix;
    for (int i = 0; i < 6; ++i) prefix += digits[static_cast<int>(random() * 36) % 36];
    return prefix + "-";
}

}  // namespace

supervisor::supervisor(supervisor_environment environment, supervisor_spec spec,
                       std::string address, std::shared_ptr<channel> above)
    : env_(std::move(environment)), spec_(std::move(spec)), address_(std::move(address)),
      tasks_(env_.time), starts_(env_.time), changed_(env_.time),
      above_(above ? std::make_unique<uplink>(std::move(above), out_, env_.time) : nullptr),
      mail_(address_, id_prefix(env_.random), env_.time, out_, *this),
      children_(address_, *this, mail_.directory, env_.time, tasks_),
      restarter_(spec_, env_.random,
                 [this](int number) {
                     const mail_endpoint& mail = children_.at(number).mail;
                     return mail.box.has_waiting(mail.consumer);
                 }),
      notices_(children_, out_, env_.time, above_.get()), below_(env_.time),
      large_answers_(env_.time),
      admin_(*this, children_, restarter_, notices_, below_, env_.time, spec_, tasks_),
      orders_(admin_, children_, tasks_),
      frames_(*this, children_, mail_, notices_, below_, orders_) {
    if (above_) mail_.directory.set_uplink(above_->link());
    notices_.set_forward(spec_.forward);
    create_children(std::exchange(spec_.children, {}));
    open_journal();
}

supervisor::~supervisor() = default;

void supervisor::create_children(std::vector<child_spec> specs) {
    const time_point now = env_.time.now();
    for (child_spec& spec : specs) {
        if (spec.instances == 1) {
            const child& c = children_.add(std::move(spec)).who;
            restarter_.add(c.number(), c.spec(), now);
            continue;
        }
        child_group& group = children_.add_group(spec);
        for (unsigned i = 1; i <= spec.instances; ++i) {
            const child& c = children_.add_instance(group, i).who;
            restarter_.add(c.number(), c.spec(), now, {.group = group.id});
        }
    }
}

// --- running ---

awaitable<bool> supervisor::run() {
    began_ = env_.time.now();
    if (!open_sockets()) co_return false;
    for (const int number : restarter_.in_order()) {
        child_entry& entry = children_.at(number);
        entry.begin();
        notices_.publish_about(entry.who.spec().name, "created");
    }
    tasks_.start(decide());
    if (above_) tasks_.start(run_uplink());
    tasks_.start(run_mail());
    if (journal_) tasks_.start(run_journal());
    if (journal_ && !journal_is_read_) tasks_.start(read_journal_late());
    if (code_) tasks_.start(run_code());
    std::exception_ptr broken;
    try {
        co_await tasks_.join();
    } catch (...) {
        broken = std::current_exception();
    }
    // Also after a cancellation of this coroutine: no coroutine of ours outlives it.
    co_await asio::this_coro::reset_cancellation_state();
    over_ = true;
    co_await children_.join_all();
    tasks_.cancel();
    try {
        co_await tasks_.join();
    } catch (...) {  // `broken` has the first failure
    }
    if (broken) std::rethrow_exception(broken);
    if (journal_) journal_->close();
    co_return clean_;
}

/// Opens all sockets before anything is started. The root throws, and the command line prints the
/// error.
bool supervisor::open_sockets() {
    try {
        children_.open_sockets();
        return true;
    } catch (const listen_error& e) {
        if (!above_) throw;
        report_failure(e.what());
        return false;
    }
}

awaitable<> supervisor::decide() {
    perform(restarter_.boot(env_.time.now()));
    while (!over_) {
        changed_.expires_at(restarter_.deadline());
        co_await changed_.wait();
        co_await children_.join_removed();
        if (!over_) perform(restarter_.tick(env_.time.now()));
    }
    while (saves_ > 0) {
        changed_.expires_at(never);
        co_await changed_.wait();
    }
    // What is on disk was accepted: its senders hear of it. No further mail is let in now.
    while (mail_.delivery.is_writing()) {
        changed_.expires_at(never);
        co_await changed_.wait();
    }
    while (mail_.delivery.is_burying()) {
        co_await asio::post(env_.time.executor(), use_awaitable);
        mail_.flush();
    }
    report_left_unsaved();
    tasks_.cancel();  // the other coroutines end with the children
}

/// The author's coroutine. An exception fails the supervisor, as a child past its limit does: all
/// children are stopped in order.
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
    fail("its own code failed: " + why);
}

void supervisor::shutdown() {
    // Before the first child hears of its end: some act otherwise where all stops.
    const std::string message =
        fmt::format(R"({{"address":"{}"}})", address().empty() ? "/" : address());
    if (!std::exchange(stop_requested_, true)) notices_.publish("supervisor-stopping", message);
    perform(restarter_.shutdown(env_.time.now()));
}

void supervisor::fail(std::string reason) {
    perform(restarter_.fail(std::move(reason), env_.time.now()));
}

void supervisor::kill() {
    children_.for_each([](child_entry& entry) { entry.who.kill(); });
    shutdown();
}

void supervisor::end(outcome how) {
    over_ = true;
    clean_ = how == outcome::clean_stop;
    changed_.notify();
}

// --- actions of restarter ---

void supervisor::perform(const restarter::actions& actions) {
    using kind = restarter::kind;
    if (over_) return;
    for (const restarter::action& a : actions) {
        child_entry* const entry = a.child ? &children_.at(*a.child) : nullptr;
        switch (a.what) {
            case kind::start: start(*entry, a); break;
            case kind::stop: entry->who.stop(); break;
            case kind::stopped: notices_.publish_about(entry->who.spec().name, "stopped"); break;
            case kind::give_up: a.whole ? give_up(*entry) : give_up_instance(*entry); break;
            case kind::remove: remove(*entry); break;
            case kind::booted: booted(); break;
            case kind::shut_down:
                log(fmt::format("shuts down: {}", restarter_.why()));
                shut_down_badly_ = !a.clean && !above_;  // for those above it ended (OTP)
                break;
            case kind::finished:
                end(shut_down_badly_ ? outcome::failure : outcome::clean_stop);
                break;
            case kind::failed:
                report_failure(restarter_.why());
                end(outcome::failure);
                break;
        }
    }
    mail_.flush();
    changed_.notify();  // deadlines and states may have changed
}

void supervisor::start(child_entry& entry, const restarter::action& a) {
    SUPE_ASSERT(entry.who.state().current() == lifecycle::state::down);
    entry.restarted = a.restart;
    entry.delay = a.delay;
    entry.took_mail = entry.wants_config = false;
    entry.last_at_start = entry.mail.box.last_waiting(entry.mail.consumer);
    entry.failure_below.reset();
    children_.renew_sockets(entry);
    entry.sockets_of_life = started_sockets(entry.sockets.get());
    entry.who.start(request_for(entry));
}

launch_request supervisor::request_for(const child_entry& entry) const {
    const child& c = entry.who;
    const child_spec& spec = c.spec();
    launch_request request;
    request.command = spec.command;
    if (spec.command.empty()) {
        request.program = env_.program;
        request.command = env_.builtin;
        request.command.push_back(c.is_supervisor() ? "supervisor" : spec.component);
        request.command.push_back(c.address());  // for whoever looks at the list of processes
    }
    request.directory = spec.directory;
    request.channel = spec.channel;
    request.open_input = spec.input == stdin_kind::open;
    request.environment = env_.variables;
    for (const auto& [key, value] : *spec.env) request.set_variable(key, value);
    request.environment.push_back("SUPE_CITIZEN_NAME=" + spec.name);
    request.environment.push_back("SUPE_ADDRESS=" + c.address());
    request.environment.push_back("SUPE_STATE=" + env_.state.string());
    // Another user could not pass through the state directory.
    if (!env_.state.empty() && spec.run_as->user.empty())
        request.notify_path = env_.state / "notify" / file_name_of(c.address());
    // The start may have to wait, and a reload give the child others meanwhile.
    if (const auto& sockets = entry.sockets) {
        request.listening = sockets->descriptors();
        request.listening_owner = sockets;
    }
    request.user = spec.run_as->user;
    request.group = spec.run_as->group;
    return request;
}

void supervisor::booted() {
    booted_ = true;
    if (above_) above_->send_ready();
}

void supervisor::report_failure(std::string_view why) {
    log(fmt::format("failed: {}", why));
    if (above_) above_->send_failed(why);
    mail_.flush();
}

// --- queries ---

child* supervisor::find(std::string_view child_name) {
    child_entry* const entry = children_.find(child_name);
    return entry ? &entry->who : nullptr;
}

std::vector<child*> supervisor::children() {
    std::vector<child*> all;
    for (const int number : restarter_.in_order()) all.push_back(&children_.at(number).who);
    return all;
}

std::vector<child*> supervisor::members(std::string_view name) {
    std::vector<child*> all;
    for (child_entry* entry : children_.members(name)) all.push_back(&entry->who);
    return all;
}

awaitable<boost::json::value> supervisor::ask_below(std::string nested,
                                                    boost::json::object command) {
    child* const below = find(nested);
    if (!below) co_return boost::json::value();
    supervisor_request request{supervisor_request::kind::command, std::move(command)};
    const std::function<bool()> is_wanted = [] { return true; };
    boost::json::value answer = co_await below_.ask(*below, std::move(request), is_wanted);
    co_return answer;
}

}  // namespace supe
