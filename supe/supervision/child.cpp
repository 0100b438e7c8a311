#include "supe/supervision/child.hpp"

#include "supe/channel/message.hpp"
#include "supe/text/utf8.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>

namespace supe {

using namespace std::chrono_literals;

namespace {

constexpr milliseconds last_words = 100ms;       // contract §2: a grandchild may hold the other end
constexpr milliseconds descendants_limit = 10s;  // contract §4
constexpr milliseconds descendants_poll = 5ms;
constexpr milliseconds group_poll_first = 2ms;  // no descriptor tells the end of a group
constexpr milliseconds group_poll_last = 50ms;
constexpr std::size_t status_limit = 200;  // bytes

/// Events that the process itself caused, by its start, its frames and its notifications. The
/// others are requests, its exit, and deadlines.
bool is_of_process(lifecycle::event e) {
    using event = lifecycle::event;
    return e == event::spawned || e == event::ready || e == event::spoke || e == event::alive ||
           e == event::finishing || e == event::channel_closed;
}

}  // namespace

child::child(child_host& host, child_spec spec, std::string address, int number)
    : host_(host), spec_(std::move(spec)), address_(std::move(address)), number_(number),
      lifecycle_(spec_), wake_(host.time()), life_began_(host.time()) {}

void child::rename(const std::string& name, std::string address) {
    spec_.name = name;
    if (!address_of_life_) address_of_life_ = std::make_unique<std::string>(address_);
    address_ = std::move(address);
}

void child::begin(nursery& tasks) {
    tasks_ = &tasks;
    tasks.start(run_lifecycle());
    tasks.start(run_output());
    tasks.start(run_mail());
}

void child::start(launch_request how) {
    request_ = std::make_unique<launch_request>(std::move(how));
    if (lifecycle_.current() == lifecycle::state::down) lifecycle_ = lifecycle(spec_);
    post(lifecycle::event::start);
}

/// An event of the process that waits already is not added again: frames may post one each.
void child::post(lifecycle::event e) {
    if (is_of_process(e) && std::ranges::find(events_, e) != events_.end()) return;
    events_.push_back(e);
    wake_.notify();
}

void child::signal(signal_kind kind, std::string_view data) {
    if (!channel_) return;
    append_signal(channel_->out(), kind, data);
    channel_->flush();
}

// --- lifecycle ---

awaitable<> child::run_lifecycle() {
    for (;;) {
        if (const auto e = next_event()) {
            // Thousands of starts, or one that fails and is tried again at once, must not starve
            // other work, above all a stop.
            if (*e == lifecycle::event::start) {
                co_await host_.starts().pass();
                // Without the question no frame of it is made, which would stay as a block of
                // memory.
                const bool is_another =
                    request_ && !(request_->user.empty() && request_->group.empty());
                if (is_another) co_await look_up_user();
            }
            handle(*e);
            // Who waits for the stop reads why it was refused, before this life is over.
            if (*e == lifecycle::event::refused)
                co_await asio::post(host_.time().executor(), use_awaitable);
        } else if (process_ && is_over()) {
            co_await finish_life();
            queue_exit_event();
        } else {
            wake_.expires_at(std::min({lifecycle_.deadline(), next_look(), report_closed_at_}));
            if (process_ && !reaped_) process_->watch(wake_);
            co_await wake_.wait();
            if (process_) read_notifications();
            report_closed_channel();
        }
    }
}

std::optional<lifecycle::event> child::next_event() {
    if (!events_.empty()) {
        const lifecycle::event e = events_.front();
        events_.erase(events_.begin());
        return e;
    }
    if (host_.time().now() >= lifecycle_.deadline()) return lifecycle::event::deadline;
    return std::nullopt;
}

/// The events of the process come before its exit. A request that came while finish_life() ran
/// comes after it, because it did not cause the exit.
void child::queue_exit_event() {
    std::vector<lifecycle::event> requests;
    std::ranges::copy_if(events_, std::back_inserter(requests), std::not_fn(is_of_process));
    std::erase_if(events_, std::not_fn(is_of_process));
    events_.push_back(lifecycle::event::exited);
    events_.insert(events_.end(), requests.begin(), requests.end());
}

void child::handle(lifecycle::event e) {
    for (const lifecycle::action a : lifecycle_.on(e, host_.time().now())) perform(a);
}

void child::perform(lifecycle::action a) {
    using action = lifecycle::action;
    switch (a) {
        case action::spawn: return spawn();
        case action::report_started: return host_.on_started(*this);
        case action::report_ready: was_ready_ = true; return host_.on_ready(*this);
        case action::report_start_failed:
        case action::report_ended: return host_.on_ended(*this, how_it_ended());
        case action::ask_to_finish:
            signal(signal_kind::supe_shutdown);
            if (channel_ && channel_->has_left_unread()) post(lifecycle::event::channel_closed);
            return;
        case action::run_stop_command:
            stop_command_ = std::make_unique<nursery>(host_.time(), *tasks_);
            return stop_command_->start(run_stop_command());
        case action::send_stop_signal: return send_stop_signal();
        case action::abort: return abort();
        case action::kill_group: return kill_group();
        case action::report_refused: return host_.on_refused(*this, refusal_text());
        // What a dead one left of its group is named by end_descendants().
        case action::abandon: abandoned_ = !process_->is_dead(); return;
        case action::report_slow_stop: return host_.log(slow_stop_text());
    }
}

child_end child::how_it_ended() {
    child_end end;
    end.exit = exit_;
    if (error_) end.error = *error_;
    end.failure = lifecycle_.failure();
    end.asked_for = lifecycle_.asked_for();
    end.was_ready = was_ready_;
    end.lasted = std::chrono::duration_cast<milliseconds>(ended_at_ - started_at_);
    const bool by_itself = exit_ && exit_->signal == 0 && end.failure.empty() &&
                           spec_.clean_exits->contains(exit_->code);
    end.clean = end.asked_for || by_itself;
    end.left_processes = by_itself && !end.asked_for && left_processes_;
    const bool too_early = end.clean && !end.asked_for && !end.was_ready;
    if (too_early && !had_nothing_to_do(spec_, end.clean, end.was_ready)) {
        end.clean = false;
        end.error = launch_error{"EPROTO", "it ended before it was ready: " + exit_->text()};
    }
    return end;
}

void child::set_status_text(std::string_view text) {
    std::string line = shown_line(text, status_limit);
    status_text_ = line.empty() ? nullptr : std::make_unique<std::string>(std::move(line));
}

/// sd_notify(3): one assignment a line. Unknown ones are ignored. Called once a turn of the event
/// loop: process::notifications() is bounded.
void child::read_notifications() {
    for (const std::string& text : process_->notifications()) {
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            if (line == "READY=1") post(lifecycle::event::ready);
            if (line == "WATCHDOG=1") post(lifecycle::event::alive);
            if (line == "STOPPING=1") post(lifecycle::event::finishing);
            if (line.starts_with("STATUS=")) set_status_text(line.substr(7));
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        }
    }
    if (process_->dropped_notification())
        host_.log(
            fmt::format("{} sent a notification (sd_notify) of more than 4096 bytes: it has "
                        "no effect, and neither have further ones",
                        spec_.name));
}

/// Whether a group has ended can be seen only when its first process is reaped.
bool child::group_has_time() {
    if (!lifecycle_.gives_time_to_group()) return false;
    const bool first_look = !reaped_;
    if (first_look) reap();
    if (!process_->group_lives()) return false;
    if (first_look) handle(lifecycle::event::first_dead);
    // As long as others took the signal, those that refused it do not show.
    const pid_t refusing = process_->signal_group(0);
    if (refusing != refused_by_) note_refusal(lifecycle_.stop_signal(), refusing);
    return true;
}

/// In between the looks there is an eighth of the time since the end of the process.
time_point child::next_look() const {
    if (!reaped_) return never;
    const time_point now = host_.time().now();
    const auto pause =
        std::clamp<duration>((now - ended_at_) / 8, group_poll_first, group_poll_last);
    return now + pause;
}

void child::reap() {
    exit_ = process_->reap();
    ended_at_ = host_.time().now();
    reaped_ = true;
}

/// The process is dead, or is given up, and nothing else of this life has time left.
bool child::is_over() {
    if (abandoned_) return true;
    if (!process_->is_dead() || group_has_time()) return false;
    if (!stop_command_ || !lifecycle_.gives_time_to_command()) return true;
    if (!reaped_) {  // with `kill_mode` mixed
        process_->kill_group();
        reap();
    }
    return false;
}

bool child::last_words_read() const { return channel_ended_ && output_->at_end(); }

awaitable<> child::finish_life() {
    clock& time = host_.time();
    // Whether others of its group live can be seen only when it is reaped.
    if (!reaped_ && !abandoned_) reap();
    left_processes_ = !abandoned_ && process_->group_lives();
    process_->kill_group();
    if (stop_command_) co_await end_stop_command();
    const time_point limit = time.now() + last_words;
    wake_.expires_at(limit);
    while (!last_words_read() && time.now() < limit) co_await wake_.wait();
    co_await read_what_has_arrived();
    close_channel();
    output_.reset();
    read_notifications();
    const pid_t life = process_->pid();
    if (abandoned_) exit_.reset();
    process_.reset();
    stop_request_.reset();
    reaped_ = false;
    if (!abandoned_) co_await end_descendants(life);
}

/// A descendant may hold the other ends and write on and on. No turn takes long.
awaitable<> child::read_what_has_arrived() {
    channel_->end_after_arrived();
    output_->end_after_arrived();
    while (!last_words_read()) {
        if (!output_->at_end()) output_->take();
        if (!channel_ended_) channel_ended_ = !read_frames(*channel_);
        co_await asio::post(host_.time().executor(), use_awaitable);
    }
}

void child::close_channel() {
    report_lost_frames(*channel_);
    if (const std::size_t n = channel_->unfinished())
        host_.on_bad_frame(*this,
                           fmt::format("cut short after {} bytes by the end of the channel", n));
    host_.on_disconnected(*this);
    channel_->close();
    channel_.reset();
}

/// The end of a child is reported only when its descendants are dead. So the next life never runs
/// beside what the last one left behind, and a nested supervisor never beside the rest of its old
/// tree.
awaitable<> child::end_descendants(pid_t life) {
    clock& time = host_.time();
    const time_point limit = time.now() + descendants_limit;
    const std::string address = address_of_life_ ? *address_of_life_ : address_;
    for (;;) {
        const left_descendants left = co_await host_.processes().end_descendants(life, address);
        for (const pid_t pid : left.untouchable)
            host_.log(
                fmt::format("the process {} that {} left behind may not be killed ({}), since "
                            "it runs as another user; going on",
                            pid, spec_.name, std::strerror(EPERM)));
        if (!left.none || !left.untouchable.empty()) left_processes_ = true;
        if (left.none) co_return;
        if (time.now() >= limit) {
            host_.log(fmt::format(
                "processes that {} left behind are still alive after 10 s; going on", spec_.name));
            co_return;
        }
        co_await time.sleep_for(descendants_poll);
    }
}

// --- output ---

awaitable<> child::run_output() {
    for (;;) {
        while (!output_ || output_->at_end()) co_await life_began_.wait();
        // The long wait is in this coroutine: a second frame for it would cost each child memory.
        for (const auto output = output_; !output->at_end();) {
            if (!output->has_more()) co_await output->ready();
            co_await take_turn(output);
        }
        wake_.notify();
    }
}

awaitable<> child::take_turn(std::shared_ptr<output_reader> output) {
    if (output->has_more()) co_await asio::post(host_.time().executor(), use_awaitable);
    // The sink is checked last: else a thousand children that wait here would each read once more
    // into a full sink.
    while (host_.sink().is_full()) co_await host_.sink().writable();
    if (!output->at_end()) output->take();
    host_.after_lines();
}

// --- mail ---

void child::report_lost_frames(channel& from) {
    for (std::size_t n = from.take_oversized(); n > 0; --n)
        host_.on_bad_frame(*this, fmt::format("longer than {} bytes", from.frame_limit()));
}

bool child::read_frames(channel& from) {
    const bool more = from.take([this](std::string_view frame) { host_.on_frame(*this, frame); });
    if (more) report_lost_frames(from);
    return more;
}

/// One that had read SUPE-SHUTDOWN before was asked, and has its time: to close the channel is how
/// a Node program ends. The end of a process closes it too, a moment before the process is dead.
void child::on_channel_closed(const channel& by_the_process) {
    if (&by_the_process != channel_.get() || process_->is_dead()) return;
    const bool was_asked = lifecycle_.current() == lifecycle::state::stopping;
    if (!was_asked || by_the_process.has_left_unread()) post(lifecycle::event::channel_closed);
    if (is_supervisor()) return;  // it ends without its channel
    report_closed_at_ = host_.time().now() + last_words;
    host_.on_disconnected(*this);
}

void child::report_closed_channel() {
    if (host_.time().now() < report_closed_at_) return;
    report_closed_at_ = never;
    if (process_ && !process_->is_dead() && lifecycle_.has_spoken() &&
        lifecycle_.current() != lifecycle::state::stopping)
        host_.log(fmt::format("{} has closed its channel: mail for it waits for its next life",
                              spec_.name));
}

awaitable<> child::run_mail() {
    for (;;) {
        while (channel_ended_) co_await life_began_.wait();
        const auto from = channel_;
        while (from && from->is_open()) {
            if (from->has_more()) {
                co_await asio::post(host_.time().executor(), use_awaitable);
            } else {
                co_await from->ready();
            }
            if (!read_frames(*from)) {
                on_channel_closed(*from);
                break;
            }
            host_.after_turn(*this);
        }
        if (from == channel_ || !channel_) channel_ended_ = true;
        wake_.notify();
    }
}

}  // namespace supe
