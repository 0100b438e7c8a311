#include "supe/supervision/administration.hpp"

#include "supe/supervision/no_such_child.hpp"
#include "supe/tree/child_checks.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <ranges>

namespace supe {
namespace {

/// Keeps the first error only.
void note_first(std::string& problem, const std::string& another) {
    if (problem.empty()) problem = another;
}

}  // namespace

administration::administration(administered& supervisor, child_registry& children,
                               restarter& restarts, notice_publisher& notices,
                               nested_requests& below, clock& time, supervisor_spec& spec,
                               nursery& tasks)
    : supervisor_(supervisor), children_(children), restarts_(restarts), notices_(notices),
      below_(below), time_(time), spec_(spec), tasks_(tasks) {
    written_.reserve(spec.children.size());
    for (const child_spec& child : spec.children) written_.push_back(as_written(child));
}

awaitable<> administration::pause_after(std::size_t children) {
    if (children % children_per_turn == 0) co_await asio::post(time_.executor(), use_awaitable);
}

// --- turns ---

/// The place of an operation in the queue. Its end, also by a cancellation, lets the next one
/// begin.
class administration::turn {
public:
    turn(administration& a, operation_queue::ticket number, std::string when_cancelled)
        : result(std::make_shared<outcome>()), admin_(a), number_(number) {
        result->problem = std::move(when_cancelled);
    }
    ~turn() {
        result->done = true;
        admin_.queue_.leave(number_);
        admin_.supervisor_.change().notify();
    }
    turn(const turn&) = delete;
    bool has_come() const { return admin_.queue_.is_turn_of(number_); }
    const std::shared_ptr<outcome> result;

private:
    administration& admin_;
    operation_queue::ticket number_;
};

std::string administration::ending_text(const std::string& name) const {
    if (name.empty()) return "the reload was cut short: the supervisor is ending";
    return fmt::format("{}: its supervisor is ending", children_.address_of(name));
}

/// The operation belongs to the nursery of the supervisor. Whoever asked for it only waits.
awaitable<std::string> administration::in_turn(operation what, awaitable<std::string> work) {
    const std::string name = what.name;
    if (is_ending()) co_return ending_text(name);
    const auto number = queue_.enter(std::move(what));
    if (!number)
        co_return fmt::format("{} operations wait already: try again when some are done",
                              queue_.waiting() + 1);
    auto mine = std::make_unique<turn>(*this, *number, ending_text(name));
    const std::shared_ptr<outcome> result = mine->result;
    tasks_.start(perform_in_turn(std::move(mine), std::move(work)));
    supervisor_.change().notify();  // the one under way may wait for what this one takes down
    below_.look_again();
    while (!result->done) co_await supervisor_.change().wait();
    if (result->failure) std::rethrow_exception(result->failure);
    co_return result->problem;
}

awaitable<> administration::perform_in_turn(std::unique_ptr<turn> mine,
                                            awaitable<std::string> work) {
    while (!mine->has_come() && !is_ending()) co_await supervisor_.change().wait();
    if (is_ending()) co_return;
    try {
        std::string problem = co_await std::move(work);
        mine->result->problem = std::move(problem);
    } catch (...) {
        if (is_cancellation(std::current_exception())) throw;
        mine->result->failure = std::current_exception();
    }
}

/// A stop or a removal of it waits.
bool administration::is_unwanted(const child_entry& entry) const {
    return queue_.is_unwanted(entry.who.spec().name, entry.public_name());
}

awaitable<std::string> administration::start(std::string name) {
    return in_turn({operation::kind::start, name},
                   start_now(name, failed_start::leaves_it_stopped));
}

awaitable<std::string> administration::stop(std::string name) {
    return in_turn({operation::kind::stop, name}, stop_now(name));
}

awaitable<std::string> administration::restart(std::string name) {
    return in_turn({operation::kind::restart, name},
                   restart_now(name, failed_start::leaves_it_stopped));
}

awaitable<std::string> administration::add(child_spec spec) {
    operation what{operation::kind::add, spec.name};
    return in_turn(std::move(what), add_at(std::move(spec), nullptr, restarter::position{}));
}

awaitable<std::string> administration::remove(std::string name) {
    return in_turn({operation::kind::remove, name}, remove_now(name));
}

awaitable<std::string> administration::scale(std::string name, unsigned n) {
    return in_turn({operation::kind::scale, name, n}, scale_now(name, n));
}

awaitable<std::string> administration::reload(supervisor_spec tree) {
    return in_turn({operation::kind::reload}, reload_now(std::move(tree)));
}

std::vector<int> administration::numbers_of(const std::string& name) {
    std::vector<int> numbers;
    for (const child_entry* entry : children_.members(name)) numbers.push_back(entry->who.number());
    return numbers;
}

// --- up ---

administration::attempt administration::attempt_at(const child_entry& entry, wanted which) const {
    const child& c = entry.who;
    return {c.number(), c.address(), which == wanted::new_life ? c.life() : 0, entry.failures};
}

/// Waits until the child is up, until it had nothing to do, or until an end that was not requested
/// shows that this try failed.
awaitable<std::string> administration::came_up(attempt tried) {
    using status = restarter::status;
    for (;; co_await supervisor_.change().wait()) {
        if (is_ending()) co_return tried.address + ": its supervisor is ending";
        const child_entry* const entry = children_.find(tried.number);
        if (!entry) co_return fmt::format("{} left the tree", tried.address);
        const status s = restarts_.status_of(tried.number);
        const bool is_up = s == status::running && entry->who.life() > tried.life;
        if (is_up || s == status::idle || restarts_.has_finished(tried.number))
            co_return std::string();
        if (entry->failures != tried.failures)
            co_return fmt::format("{} did not come up: {}", tried.address,
                                  entry->deaths.back().text);
        if (s == status::stopped || s == status::given_up)
            co_return fmt::format("{} was stopped meanwhile", tried.address);
        if (s == status::stopping && !entry->who.why_untouchable().empty())
            co_return entry->who.why_untouchable();
        if (is_unwanted(*entry))
            co_return fmt::format("{} is not waited for: it is to be stopped", tried.address);
    }
}

awaitable<std::string> administration::start_now(std::string name, failed_start then) {
    std::vector<attempt> tries;
    for (const child_entry* entry : children_.members(name))
        tries.push_back(attempt_at(*entry, wanted::any_life));
    if (tries.empty()) co_return no_such_child(name);
    for (const attempt& a : tries) {
        if (children_.has(a.number))
            supervisor_.perform(restarts_.start(a.number, time_.now(), then));
    }
    std::string problem;
    for (const attempt& a : tries) {
        const std::string own = co_await came_up(a);
        note_first(problem, own);
    }
    co_return problem;
}

/// Restarts instances one after the other, so that at most one of them is down.
awaitable<std::string> administration::restart_now(std::string name, failed_start then) {
    const std::vector<int> numbers = numbers_of(name);
    if (numbers.empty()) co_return no_such_child(name);
    std::string problem;
    for (const int number : numbers) {
        const child_entry* const entry = children_.find(number);
        if (!entry) continue;
        const attempt a = attempt_at(*entry, wanted::new_life);  // earlier failures do not count
        supervisor_.perform(restarts_.restart(number, time_.now(), then));
        const std::string own = co_await came_up(a);
        note_first(problem, own);
    }
    if (numbers.size() == 1) co_return problem;
    const std::string not_shared = co_await share_sockets(name, then);
    note_first(problem, not_shared);
    co_return problem;
}

// --- down ---

awaitable<std::string> administration::stop_now(std::string name) {
    const std::vector<int> numbers = numbers_of(name);
    if (numbers.empty()) co_return no_such_child(name);
    for (const int number : numbers | std::views::reverse) {
        child_entry* const entry = children_.find(number);
        if (!entry) continue;
        // This is a second stop: with `infinity` the stop signal is sent now.
        if (entry->who.state().current() == lifecycle::state::stopping) entry->who.stop();
        supervisor_.perform(restarts_.stop(number, time_.now()));
    }
    std::string problem;
    for (const int number : numbers) {
        const std::string own = co_await wait_while_stopping(number);
        note_first(problem, own);
    }
    if (is_ending()) co_return ending_text(name);
    co_return problem;
}

/// Each further stop of it that comes meanwhile hurries it. Returns why it may go on for ever.
awaitable<std::string> administration::wait_while_stopping(int number) {
    std::size_t hurried = 0;
    while (!is_ending() && restarts_.has(number) &&
           restarts_.status_of(number) == restarter::status::stopping) {
        child& who = children_.at(number).who;
        const std::string endless = who.why_untouchable();
        if (!endless.empty()) co_return endless;
        const std::size_t stops =
            queue_.stops_of(who.spec().name, children_.at(number).public_name());
        for (; hurried < stops; ++hurried) who.stop();
        co_await supervisor_.change().wait();
    }
    co_return std::string();
}

awaitable<std::string> administration::remove_now(std::string name) {
    const std::vector<int> numbers = numbers_of(name);
    if (numbers.empty()) co_return no_such_child(name);
    for (const int number : numbers | std::views::reverse) {
        if (is_ending()) co_return ending_text(name);
        if (restarts_.has(number)) supervisor_.perform(restarts_.remove(number, time_.now()));
        const std::string endless = co_await wait_while_stopping(number);
        if (!endless.empty()) co_return endless;
    }
    if (is_ending()) co_return ending_text(name);
    co_return std::string();
}

// --- add ---

class administration::first_start_watch {
public:
    first_start_watch(administration& a, int number) : departures_(a.departures_), number_(number) {
        departures_[number];
    }
    ~first_start_watch() { departures_.erase(number_); }
    first_start_watch(const first_start_watch&) = delete;
    const departure& seen() const { return departures_.at(number_); }

private:
    std::map<int, departure>& departures_;
    int number_;
};

void administration::on_removed(const child_entry& entry) {
    const auto watched = departures_.find(entry.who.number());
    if (watched == departures_.end() || entry.deaths.empty() || entry.who.state().asked_for())
        return;
    const death& last = entry.deaths.back();
    watched->second = {.by_itself = true, .why = last.clean ? std::string() : last.text};
}

/// Why the child cannot be added; empty when it can.
std::string administration::refusal_of(const child_spec& spec) const {
    if (const std::size_t length = children_.address_of(spec.name).size(); length > longest_address)
        return fmt::format("the address of {} would have {} characters, at most {} are allowed",
                           spec.name, length, longest_address);
    if (children_.is_taken(spec.name))
        return fmt::format("the name \"{}\" is taken by an earlier child", spec.name);
    if (spec.significant && spec_.auto_shutdown == auto_shutdown_kind::never)
        return fmt::format("{}: significant has no meaning while auto_shutdown is never",
                           spec.name);
    return {};
}

std::string administration::refusal_of_scale(const std::string& name, unsigned n) {
    constexpr unsigned most = child_registry::most_instances;
    if (n < 1 || n > most)
        return fmt::format("{} is not a number of instances from 1 to {}", n, most);
    if (const child_entry* const alone = children_.find(name)) {
        if (alone->instance)
            return fmt::format("{} is an instance of {}; scale that", name, alone->public_name());
        if (alone->who.is_supervisor())
            return fmt::format("{} is a supervisor, and has no instances", name);
        return {};
    }
    return children_.find_group(name) ? std::string() : no_such_child(name);
}

/// `sockets`: those of the child; null where they are still to be opened.
awaitable<std::string> administration::add_at(child_spec spec,
                                              std::shared_ptr<listening_sockets_of_child> sockets,
                                              restarter::position where) {
    co_await supervisor_.until_free(spec.name);
    std::string problem = refusal_of(spec);
    if (!problem.empty()) co_return problem;
    try {
        if (!sockets) sockets = children_.sockets_for(spec);
    } catch (const listen_error& e) {
        problem = e.what();
    }
    if (!problem.empty()) co_return problem;
    if (spec.instances > 1) {
        problem = co_await add_instances(std::move(spec), std::move(sockets), where);
        co_return problem;
    }
    child_entry& entry = children_.add(std::move(spec));
    entry.sockets = std::move(sockets);
    problem = co_await first_start(entry.who.number(), where);
    co_return problem;
}

/// A child that could not be started is removed (OTP start_child). The watch has the reason.
awaitable<std::string> administration::first_start(int number, restarter::position where) {
    child_entry& entry = children_.at(number);
    entry.begin();
    notices_.publish_about(entry.who.spec().name, "created");
    const attempt a = attempt_at(entry, wanted::any_life);
    const first_start_watch watch(*this, number);
    supervisor_.perform(restarts_.add(number, entry.who.spec(), time_.now(), where));
    const std::string problem = co_await came_up(a);
    const departure& seen = watch.seen();
    if (!seen.by_itself) co_return problem;
    if (seen.why.empty()) co_return std::string();
    co_return fmt::format("{} could not be started: {}", a.address, seen.why);
}

/// Adds all instances, or removes them again.
awaitable<std::string> administration::add_instances(
    child_spec spec, std::shared_ptr<listening_sockets_of_child> sockets,
    restarter::position where) {
    const std::string name = spec.name;
    const unsigned all = spec.instances;
    children_.add_group(spec);
    std::string problem;
    for (unsigned i = 1; i <= all && problem.empty(); ++i) {
        child_group* const group = children_.find_group(name);
        if (!group) co_return std::string();  // temporary ones, which had nothing to do
        child_entry& entry = children_.add_instance(*group, i);
        entry.sockets = sockets;
        where.group = group->id;
        const int number = entry.who.number();
        problem = co_await first_start(number, where);
        where = restarter::position::behind(number);
        co_await pause_after(i);
    }
    if (!problem.empty() && !children_.members(name).empty()) co_await remove_now(name);
    co_return problem;
}

}  // namespace supe
