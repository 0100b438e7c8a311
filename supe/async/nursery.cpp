#include "supe/async/nursery.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <list>

namespace supe {

struct nursery::state {
    explicit state(clock& c) : executor(c.executor()), changed(c) {}

    asio::any_io_executor executor;
    std::list<asio::cancellation_signal> running;
    std::exception_ptr failure;
    timer changed;

    void cancel() {
        // A cancelled coroutine may end at once and leave the list: step on before each signal.
        for (auto it = running.begin(); it != running.end();) (it++)->emit(asio::cancellation_type::terminal);
    }

    void ended(std::list<asio::cancellation_signal>::iterator task, std::exception_ptr error) {
        running.erase(task);
        if (error && !failure && !is_cancellation(error)) {
            failure = error;
            cancel();
        }
        changed.notify();
    }

    static bool is_cancellation(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const system_error& e) {
            return e.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }
};

nursery::nursery(clock& c) : state_(std::make_shared<state>(c)) {}

nursery::~nursery() { cancel(); }

void nursery::start(awaitable<> work) {
    auto task = state_->running.emplace(state_->running.end());
    auto on_end = [s = state_, task](std::exception_ptr error) { s->ended(task, std::move(error)); };
    asio::co_spawn(state_->executor, std::move(work), asio::bind_cancellation_slot(task->slot(), std::move(on_end)));
}

/// Within the event loop alone, at once where we are in it: from outside, Asio (before 1.83) would post each signal with a
/// pointer to a coroutine that may have ended by then.
void nursery::cancel() {
    asio::dispatch(state_->executor, [s = state_] { s->cancel(); });
}

awaitable<> nursery::join() {
    auto s = state_;
    while (!s->running.empty()) co_await s->changed.wait();
    if (s->failure) std::rethrow_exception(std::exchange(s->failure, nullptr));
}

std::size_t nursery::size() const { return state_->running.size(); }

}  // namespace supe
