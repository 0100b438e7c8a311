#include "supe/async/nursery.hpp"

#include "supe/async/assertion.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
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
    struct task {
        asio::cancellation_signal end;
        bool waits = false;  // it has come to its first wait
    };
    using task_ref = std::list<task>::iterator;

    state(clock& c, std::shared_ptr<state> over)
        : executor(c.executor()), above(std::move(over)), changed(c) {}

    loop_executor executor;
    std::shared_ptr<state> above;
    std::list<task> running;
    std::exception_ptr failure;
    bool ending = false;  // cancelled, and not all have ended yet
    timer changed;

    void cancel() {
        ending = !running.empty();
        // A cancelled coroutine may end at once and leave the list: step on before each signal.
        for (auto it = running.begin(); it != running.end();) end(*it++);
    }

    /// A coroutine that is cancelled before its first wait makes co_spawn of Asio 1.26 terminate
    /// the program: begin() cancels it at that wait.
    static void end(task& t) {
        if (t.waits) t.end.emit(asio::cancellation_type::terminal);
    }

    /// In the loop: co_spawn runs `work` to its first wait at once, and reports its end later.
    static void begin(const std::shared_ptr<state>& s, task_ref t, awaitable<> work) {
        if (s->ending) return s->ended(t, nullptr);
        asio::co_spawn(
            s->executor, std::move(work),
            asio::bind_cancellation_slot(t->end.slot(),
                                         [s, t](std::exception_ptr error) { s->ended(t, error); }));
        t->waits = true;
        if (s->ending) end(*t);
    }

    void ended(task_ref t, const std::exception_ptr& error) {
        running.erase(t);
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
    const auto task = state_->running.emplace(state_->running.end());
    asio::post(state_->executor, [s = state_, task, work = std::move(work)]() mutable {
        state::begin(s, task, std::move(work));
    });
}

/// Within the event loop alone, at once where we are in it: from outside, Asio (before 1.83) would
/// post each signal with a pointer to a coroutine that may have ended by then.
void nursery::cancel() {
    state_->ending = size() > 0;  // at once: what has not run yet never does
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
    SUPE_ASSERT(s->running.empty() && !s->ending);
    const std::exception_ptr failure = std::exchange(s->failure, nullptr);
    // A caller that handles the failure and goes on would be cancelled by nobody any more.
    if (cancelled) throw system_error(asio::error::operation_aborted);
    if (failure) std::rethrow_exception(failure);
}

std::size_t nursery::size() const { return state_->running.size(); }

}  // namespace supe
