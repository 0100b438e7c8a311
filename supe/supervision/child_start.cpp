// The start of a child's process.
#include "supe/async/assertion.hpp"
#include "supe/async/blocking_work.hpp"
#include "supe/channel/message.hpp"
#include "supe/supervision/child.hpp"

#include <system_error>

namespace supe {

/// Before each start, since entries change. The user database may be on the network, so it is asked
/// beside the event loop. The user is that of the request, as its command is: a reload may change
/// the spec meanwhile.
awaitable<> child::look_up_user() {
    std::variant<identity, launch_error> found;
    std::function<void()> look = [&found, user = request_->user, group = request_->group] {
        found = look_up_identity(user, group);
    };
    try {
        co_await run_blocking(host_.time().executor(), std::move(look));
    } catch (const std::system_error& e) {  // no thread, or no descriptor: the start fails
        found = launch_error::from_errno(e.code().value(), "its user cannot be looked up");
    }
    if (auto* error = std::get_if<launch_error>(&found)) {
        no_user_ = std::make_unique<launch_error>(std::move(*error));
        co_return;
    }
    request_->run_as = std::move(std::get<identity>(found));
    for (const auto& [key, value] : request_->run_as->variables)
        if (!spec_.env->contains(key)) request_->set_variable(key, value);
}

void child::spawn() {
    started_at_ = ended_at_ = host_.time().now();
    was_ready_ = false;
    status_text_.reset();
    error_.reset();
    SUPE_ASSERT(request_ && !process_ && !channel_);
    launch_request request = std::move(*std::exchange(request_, nullptr));
    abandoned_ = false;
    refused_signal_ = 0;
    refused_by_ = 0;
    request.listening_name = spec_.name;
    request.notify = spec_.ready == ready_kind::notify || spec_.watchdog;
    request.watchdog = spec_.watchdog;
    if (!spec_.stop_command->empty()) {
        stop_request_ = std::make_unique<launch_request>(request);
        stop_request_->command = *spec_.stop_command;
        stop_request_->listening.clear();
        stop_request_->listening_owner.reset();
    }
    if (no_user_) {
        error_ = std::move(no_user_);
    } else {
        launch(request);
    }
    if (error_) exit_.reset();
    // At the front: the start happened before the requests that wait in the queue.
    events_.insert(events_.begin(),
                   error_ ? lifecycle::event::spawn_failed : lifecycle::event::spawned);
}

void child::launch(const launch_request& request) {
    try {
        auto started = host_.processes().launch(request);
        if (auto* error = std::get_if<launch_error>(&started)) {
            error_ = std::make_unique<launch_error>(std::move(*error));
        } else {
            adopt(std::move(std::get<std::unique_ptr<process>>(started)));
        }
    } catch (const system_error& e) {  // the event loop cannot watch its descriptors
        error_ =
            std::make_unique<launch_error>(launch_error::from_errno(e.code().value(), spec_.name));
        process_.reset();
    }
}

void child::adopt(std::unique_ptr<process> p) {
    address_of_life_.reset();
    process_ = std::move(p);
    clock& time = host_.time();
    auto output = std::make_shared<output_reader>(
        time, std::move(process_->output), std::move(process_->error), host_.sink(),
        [this](stream s, std::string_view l) { host_.on_line(*this, s, l); },
        is_supervisor() ? relayed_line_limit : line_limit);
    // The frames of a supervisor are longer, since it passes mail on.
    const std::size_t overhead = is_supervisor() ? delivery_overhead : 0;
    channel_ = std::make_shared<channel>(time, std::move(process_->channel),
                                         channel::side::supervisor, default_frame_limit + overhead);
    output_ = std::move(output);
    ++life_;
    channel_ended_ = false;
    report_closed_at_ = never;
    life_began_.notify();
}

}  // namespace supe
