// The rungs of a child's stop ladder: its stop command, signals, and who may not be signalled.
#include "supe/async/race.hpp"
#include "supe/supervision/child.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstring>

namespace supe {
namespace {

awaitable<> died(process& p, timer& alarm) {
    while (!p.is_dead()) {
        p.watch(alarm);
        co_await alarm.wait();
    }
}

}  // namespace

// --- signals ---

/// SIGCONT follows, since a stopped process could not act on it.
void child::send_stop_signal() {
    if (!process_) return;
    for (const int number : {lifecycle_.stop_signal(), SIGCONT}) {
        const pid_t refused =
            lifecycle_.stops_group() ? process_->signal_group(number) : process_->signal(number);
        if (number != SIGCONT) note_refusal(number, refused);
    }
}

void child::abort() {
    if (!process_) return;
    note_refusal(SIGABRT, process_->signal(SIGABRT));
    process_->signal(SIGCONT);
}

void child::kill_group() {
    if (process_) note_refusal(SIGKILL, process_->kill_group());
}

void child::note_refusal(int number, pid_t who) {
    if (who == 0) return;
    refused_signal_ = number;
    refused_by_ = who;
    post(lifecycle::event::refused);
}

std::string child::refusal_text() const {
    const std::string who =
        refused_by_ == pid()
            ? fmt::format("{} (pid {})", spec_.name, pid())
            : fmt::format("the process {} of the group that {} left", refused_by_, spec_.name);
    return fmt::format("{} may not be signalled ({}: {}), since it runs as another user{}", who,
                       signal_name(refused_signal_), std::strerror(EPERM),
                       abandoned_ ? ": it is left behind" : "");
}

std::string child::why_untouchable() const {
    return process_ && lifecycle_.is_untouchable() ? refusal_text() : std::string();
}

std::string child::what_the_stop_waits_for() const {
    if (!reaped_) return fmt::format("waiting for {} (pid {}) to stop", spec_.name, pid());
    const bool is_group = lifecycle_.gives_time_to_group() && process_->group_lives();
    if (stop_command_ && !is_group)
        return fmt::format("waiting for the stop command of {} to end", spec_.name);
    return fmt::format("waiting for the group {} that {} left to stop", pid(), spec_.name);
}

std::string child::slow_stop_text() const {
    const std::string who = what_the_stop_waits_for();
    if (lifecycle_.was_killed()) return who + " after SIGKILL";
    if (lifecycle_.kill_at() == never) return who + ", as long as it takes";
    const auto left =
        std::chrono::duration<double>(lifecycle_.kill_at() - host_.time().now()).count();
    return fmt::format("{}, SIGKILL in {:.0f} s", who, left);
}

// --- stop_command ---

/// Beside the child's three coroutines, for the time of a stop.
awaitable<> child::run_stop_command() {
    std::string failure;
    try {
        failure = co_await failure_of_stop_command();
    } catch (const system_error& e) {  // the event loop cannot watch its descriptors
        if (is_cancellation(std::current_exception())) throw;
        failure = e.what();
    }
    if (!failure.empty())
        host_.log(fmt::format("the stop command of {} failed: {}", spec_.name, failure));
    post(failure.empty() ? lifecycle::event::stop_command_done
                         : lifecycle::event::stop_command_failed);
}

awaitable<> child::pass_on(std::shared_ptr<output_reader> output) {
    while (!output->at_end()) {
        if (!output->has_more()) co_await output->ready();
        co_await take_turn(output);
    }
}

/// As the process of this life was started, but without its sockets.
awaitable<std::string> child::failure_of_stop_command() {
    launch_request how = *stop_request_;
    how.channel = how.notify = how.open_input = false;
    how.watchdog.reset();
    how.set_variable("SUPE_CHILD_PID", std::to_string(pid()));
    clock& time = host_.time();
    timer alarm(time);  // outlives the process
    auto started = host_.processes().launch(how);
    if (auto* error = std::get_if<launch_error>(&started)) co_return error->text;
    const auto command = std::move(std::get<std::unique_ptr<process>>(started));
    const auto output = std::make_shared<output_reader>(
        time, std::move(command->output), std::move(command->error), host_.sink(),
        [this](stream s, std::string_view l) { host_.on_line(*this, s, l); });
    co_await race(time, pass_on(output), died(*command, alarm));
    co_await died(*command, alarm);
    output->end_after_arrived();
    while (!output->at_end()) {
        output->take();
        co_await asio::post(time.executor(), use_awaitable);
    }
    const exit_status exit = command->reap();
    co_return exit.signal == 0 && exit.code == 0 ? std::string() : exit.text();
}

/// Kills it, where it runs still.
awaitable<> child::end_stop_command() {
    if (stop_command_->size() > 0)
        host_.log(fmt::format("the stop command of {} had not ended, and is killed", spec_.name));
    stop_command_->cancel();
    co_await stop_command_->join();
    stop_command_.reset();
}

}  // namespace supe
