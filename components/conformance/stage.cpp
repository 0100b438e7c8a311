#include "components/conformance/stage.hpp"

#include "supe/async/race.hpp"
#include "supe/async/stream_descriptor.hpp"
#include "supe/channel/message.hpp"
#include "supe/run/environment.hpp"

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto tear = 5ms;
constexpr std::size_t most_words = 1000;  // bytes of stderr that are kept

}  // namespace

stage::stage(supe::clock& time, supe::launcher& starter, supe::nursery& readers,
             const std::vector<std::string>& command, const std::filesystem::path& directory)
    : time_(time), starter_(starter), readers_(readers), command_(command), directory_(directory),
      alarm_(time) {}

void stage::start(const std::string& config) {
    channel_.reset();
    process_.reset();
    talk_ = dialogue(config.empty() ? "null" : config);
    supe::launch_request request;
    request.command = command_;
    request.environment = supe::inherited_variables();
    request.set_variable("SUPE_CITIZEN_NAME", "tested");
    request.set_variable("SUPE_ADDRESS", "/tested");
    request.set_variable("SUPE_STATE", directory_.string());
    auto started = starter_.launch(request);
    if (const auto* error = std::get_if<supe::launch_error>(&started))
        throw violation(fmt::format("it cannot be started: {}", error->text));
    process_ = std::move(std::get<0>(started));
    channel_ = std::make_unique<supe::channel>(time_, std::move(process_->channel),
                                               supe::channel::side::component);
    readers_.start(read_output(std::move(process_->output), false));
    readers_.start(read_output(std::move(process_->error), true));
    if (!config.empty()) send(talk_.config_frame());
}

supe::awaitable<> stage::start_and_await() {
    start();
    co_await until_ready();
}

void stage::send(std::string_view bytes) {
    channel_->out().append(bytes);
    channel_->flush();
}

std::string stage::deliver(std::string_view msg) {
    const std::string id = fmt::format("mail-{}", ++last_id_);
    send(talk_.deliver(id, msg));
    return id;
}

supe::awaitable<> stage::pause() { co_await time_.sleep_for(tear); }

/// One turn of the channel.
supe::awaitable<> stage::next(supe::time_point deadline, std::string missing) {
    const auto take = [this](std::string_view frame) { send(talk_.take(frame)); };
    const supe::channel::frame_sink sink = take;
    const auto open = co_await supe::within(time_, deadline, channel_->turn(sink));
    if (!open) throw violation(fmt::format("{} did not come in time", missing));
    if (channel_->take_oversized() > 0) throw violation("it sent a frame of more than 16 MiB");
    if (!*open) throw violation(fmt::format("its channel ended before {} came", missing));
}

supe::awaitable<> stage::until_ready() {
    const auto deadline = time_.now() + answer_limit;
    while (!talk_.takes_mail()) co_await next(deadline, "READY-TO-RECEIVE-MAIL");
}

supe::awaitable<> stage::until_acked(supe::duration limit) {
    const auto deadline = time_.now() + limit;
    while (!talk_.in_flight().empty())
        co_await next(deadline, "ACK-CURRENT-MAIL for \"" + talk_.in_flight().front() + "\"");
}

supe::awaitable<> stage::until_event(std::string event) {
    const auto deadline = time_.now() + answer_limit;
    while (std::ranges::find(talk_.events(), event) == talk_.events().end())
        co_await next(deadline, event == "pause" ? "NOT-READY-TO-RECEIVE-MAIL" : event);
}

supe::awaitable<supe::exit_status> stage::shut_down() {
    std::string frame;
    supe::append_signal(frame, supe::signal_kind::supe_shutdown);
    send(frame);
    const auto deadline = time_.now() + shutdown_limit;
    alarm_.expires_at(deadline);
    while (!process_->is_dead()) {
        if (time_.now() >= deadline)
            throw violation("it had not ended 4 s after SUPE-SHUTDOWN (then a stop signal comes)");
        process_->watch(alarm_);
        co_await alarm_.wait();
    }
    channel_->end_after_arrived();
    const auto take = [this](std::string_view last) { talk_.take(last); };
    const supe::channel::frame_sink sink = take;
    while (co_await channel_->turn(sink)) continue;
    if (channel_->unfinished() > 0) throw violation("its last frame has no newline");
    co_return process_->reap();
}

/// Until the pipe ends: one that nobody reads would stop the component.
supe::awaitable<> stage::read_output(supe::unique_fd from, bool keep) {
    supe::stream_descriptor pipe(time_.executor(), from.release());
    std::string buffer(4096, '\0');
    for (;;) {
        const auto [failed, read] = co_await pipe.async_read_some(
            boost::asio::buffer(buffer), boost::asio::as_tuple(supe::use_awaitable));
        if (failed) co_return;
        if (!keep) continue;
        errors_.append(buffer, 0, read);
        if (errors_.size() > most_words) errors_.erase(0, errors_.size() - most_words);
    }
}

}  // namespace components
