#include "components/admin/question.hpp"

#include "supe/async/race.hpp"

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;    // of whoever wants an answer
constexpr auto ask_again = 30s;  // a question may be lost with the process that had taken it

}  // namespace

supe::awaitable<> question::ask_once() {
    const supe::time_point begin = time_.now();
    given_answer answer;
    try {
        auto value = co_await supe::within(time_, begin + ask_again, ask_());
        if (value)
            answer.value = std::move(*value);
        else
            answer.problem = "does not answer";
    } catch (const supe::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
        answer.problem = e.code().message();
    } catch (const std::exception& e) {
        answer.problem = e.what();
    }
    latest_ = std::move(answer);
    asked_at_ = begin;
    has_answer_ = true;
    came_.notify();
}

supe::awaitable<> question::run() {
    for (;;) {
        while (!is_wanted_) co_await wanted_.wait();
        is_wanted_ = false;
        co_await ask_once();
    }
}

bool question::is_from(supe::time_point oldest) const { return has_answer_ && asked_at_ >= oldest; }

supe::awaitable<> question::asked_since(supe::time_point oldest) {
    while (!is_from(oldest)) {
        is_wanted_ = true;
        wanted_.notify();
        co_await came_.wait();
    }
}

supe::awaitable<given_answer> question::newest(supe::duration age) {
    const supe::time_point now = time_.now();
    const bool in_time = co_await supe::within(time_, now + patience, asked_since(now - age));
    if (in_time) co_return latest_;
    co_return given_answer{nullptr, "does not answer"};
}

}  // namespace components
