#include "supe/supervision/child.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace supe {
namespace {

constexpr milliseconds last_words = 100ms;         // contract §2: a grandchild may hold the other end
constexpr milliseconds descendants_limit = 10s;    // contract §4
constexpr milliseconds descendants_poll = 5ms;

}  // namespace

child::child(child_host& host, int number, child_spec spec, std::string address)
    : host_(host), spec_(std::move(spec)), address_(std::move(address)),
      mail_(number, spec_.name, spec_.supervisor != nullptr, spec_.mail.limits), lifecycle_(spec_), wake_(host.time()),
      life_began_(host.time()) {}

void child::begin(nursery& tasks) {
    tasks.start(run_lifecycle());
    tasks.start(run_output());
    tasks.start(run_mail());
}

void child::start() {
    if (lifecycle_.is_down()) lifecycle_ = lifecycle(spec_);
    tell(lifecycle::event::start);
}

void child::tell(lifecycle::event e) {
    events_.push_back(e);
    wake_.notify();
}

void child::signal(std::string_view name, std::string_view data) {
    if (!mail_.wire) return;
    append_signal(mail_.wire->out(), name, data);
    mail_.wire->flush();
}

// --- lifecycle ----------------------------------------------------------------------------------------------------

awaitable<> child::run_lifecycle() {
    for (;;) {
        const lifecycle::event e = co_await next_event();
        for (const lifecycle::action a : lifecycle_.on(e, host_.time().now())) perform(a);
    }
}

awaitable<lifecycle::event> child::next_event() {
    for (;;) {
        if (!events_.empty()) {
            const lifecycle::event e = events_.front();
            events_.pop_front();
            // A start that fails and is tried again at once must let others in between, a stop above all.
            if (e == lifecycle::event::start) co_await asio::post(host_.time().executor(), asio::use_awaitable);
            co_return e;
        }
        if (host_.time().now() >= lifecycle_.deadline()) co_return lifecycle::event::deadline;
        wake_.expires_at(lifecycle_.deadline());
        bool dead = false;
        if (process_) {
            dead = co_await process_->ended_before(wake_);
        } else {
            co_await wake_.wait();
        }
        if (!dead) continue;
        co_await bury();
        co_return lifecycle::event::exited;
    }
}

void child::perform(lifecycle::action a) {
    using action = lifecycle::action;
    switch (a) {
        case action::spawn: return spawn();
        case action::report_started: return host_.on_started(*this);
        case action::report_ready: was_ready_ = true; return host_.on_ready(*this);
        case action::report_start_failed:
        case action::report_ended: return host_.on_ended(*this);
        case action::ask_to_finish: return signal("SUPE-SHUTDOWN");
        case action::send_stop_signal:
            if (process_) process_->signal(spec_.stop_signal);
            if (process_) process_->signal(SIGCONT);  // a stopped process could not act on it
            return;
        case action::kill_group:
            if (process_) process_->kill_group();
            return;
    }
}

void child::spawn() {
    started_at_ = ended_at_ = host_.time().now();
    was_ready_ = false;
    last_error_.reset();
    auto started = host_.processes().launch(host_.request_for(*this));
    if (auto* error = std::get_if<launch_error>(&started)) {
        last_error_ = std::move(*error);
        last_exit_.reset();
        return tell(lifecycle::event::spawn_failed);
    }
    process_ = std::move(std::get<std::unique_ptr<process>>(started));
    ++mail_.life;
    mail_.wire = std::make_shared<channel>(host_.time().executor(), std::move(process_->channel),
                                           channel::side::supervisor);
    channel_ended_ = false;
    output_ = std::make_shared<labeller>(host_.time().executor(), std::move(process_->output), std::move(process_->error),
                                         host_.sink(), [this](stream s, std::string_view l) { host_.on_line(*this, s, l); });
    life_began_.notify();
    tell(lifecycle::event::spawned);
}

bool child::last_words_read() const { return channel_ended_ && (!output_ || output_->at_end()); }

awaitable<> child::bury() {
    clock& time = host_.time();
    process_->kill_group();
    const time_point limit = time.now() + last_words;
    wake_.expires_at(limit);
    while (!last_words_read() && time.now() < limit) co_await wake_.wait();
    if (mail_.wire) {
        mail_.wire->drain([this](std::string_view frame) { host_.on_frame(*this, frame); });
        report_lost_frames(*mail_.wire);
        if (const std::size_t n = mail_.wire->unfinished())
            host_.on_bad_frame(*this, fmt::format("cut short after {} bytes by the end of the channel", n));
        mail_.wire->close();
        mail_.wire.reset();
    }
    if (output_) output_->finish();
    output_.reset();
    ended_at_ = time.now();
    last_exit_ = process_->reap();
    process_.reset();
    const time_point descendants_by = time.now() + descendants_limit;
    while (!host_.processes().end_descendants(address_) && time.now() < descendants_by) {
        co_await time.sleep_for(descendants_poll);
    }
}

// --- output -------------------------------------------------------------------------------------------------------

awaitable<> child::run_output() {
    for (;;) {
        while (!output_ || output_->at_end()) co_await life_began_.wait();
        const auto output = output_;
        co_await output->read_to_end();
        wake_.notify();
    }
}

// --- mail ---------------------------------------------------------------------------------------------------------

void child::report_lost_frames(channel& wire) {
    for (std::size_t n = wire.take_oversized(); n > 0; --n)
        host_.on_bad_frame(*this, fmt::format("longer than {} bytes", wire.frame_limit()));
}

awaitable<> child::run_mail() {
    const channel::frame_sink on_frame = [this](std::string_view frame) { host_.on_frame(*this, frame); };
    for (;;) {
        while (channel_ended_) co_await life_began_.wait();
        const auto wire = mail_.wire;
        while (wire && co_await wire->turn(on_frame)) {
            report_lost_frames(*wire);
            host_.after_turn(*this);
        }
        if (wire == mail_.wire || !mail_.wire) channel_ended_ = true;
        wake_.notify();
    }
}

}  // namespace supe
