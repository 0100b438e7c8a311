#include "supe/async/nursery.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>

namespace supe {

bool is_cancellation(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

struct nursery::state {
    state(clock& c, std::shared_ptr<state> over) : executor(c.executor()), above(std::move(over)), changed(c) {}

    asio::any_io_executor executor;
    std::shared_ptr<state> above;
    std::list<asio::cancellation_signal> running;
    std::exception_ptr failure;
    bool ending = false;  // cancelled, and not all have ended yet
    timer changed;

    void cancel() {
        ending = !running.empty();
        // A cancelled coroutine may end at once and leave the list: step on before each signal.
        for (auto it = running.begin(); it != running.end();) (it++)->emit(asio::cancellation_type::terminal);
    }

    /// co_spawn of Asio 1.26 runs what is started inside the loop at once, and never reports the end of a coroutine that
    /// was cancelled before its first suspension.
    static awaitable<> from_the_loop(std::shared_ptr<state> s, awaitable<> work) {
        co_await asio::post(asio::use_awaitable);
        if (!s->ending) co_await std::move(work);
    }

    void ended(std::list<asio::cancellation_signal>::iterator task, const std::exception_ptr& error) {
        running.erase(task);
        if (running.empty()) ending = false;
        if (error && !is_cancellation(error)) fail(error);
        changed.notify();
    }

    void fail(const std::exception_ptr& error) {
        if (failure) return;
        failure = error;
        cancel();
        if (above) above->fail(error);
        changed.notify();
    }
};

nursery::nursery(clock& c) : state_(std::make_shared<state>(c, nullptr)) {}

nursery::nursery(clock& c, nursery& above) : state_(std::make_shared<state>(c, above.state_)) {}

nursery::~nursery() { cancel(); }

void nursery::start(awaitable<> work) {
    auto task = state_->running.emplace(state_->running.end());
    auto on_end = [s = state_, task](std::exception_ptr error) { s->ended(task, error); };
    asio::co_spawn(state_->executor, state::from_the_loop(state_, std::move(work)),
                   asio::bind_cancellation_slot(task->slot(), std::move(on_end)));
}

/// Within the event loop alone, at once where we are in it: from outside, Asio (before 1.83) would post each signal with a
/// pointer to a coroutine that may have ended by then.
void nursery::cancel() {
    asio::dispatch(state_->executor, [s = state_] { s->cancel(); });
}

awaitable<> nursery::join() {
    auto s = state_;
    bool cancelled = false;
    while (!s->running.empty()) {
        bool interrupted = false;
        try {
            co_await s->changed.wait();
        } catch (const system_error&) {  // a wait throws nothing but operation_aborted
            interrupted = true;
        }
        if (!interrupted) continue;
        cancelled = true;
        co_await asio::this_coro::reset_cancellation_state();
        s->cancel();
    }
    if (s->failure) std::rethrow_exception(std::exchange(s->failure, nullptr));
    if (cancelled) throw system_error(asio::error::operation_aborted);
}

std::size_t nursery::size() const { return state_->running.size(); }

}  // namespace supe
