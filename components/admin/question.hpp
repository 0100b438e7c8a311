// What somebody else of the relay is asked again and again: one question on its way, and a wait
// with a limit.
#pragma once

#include "supe/async/clock.hpp"

#include <boost/json/value.hpp>
#include <functional>
#include <string>

namespace components {

/// An answer, or why no answer came.
struct given_answer {
    boost::json::value value{};
    std::string problem{};  ///< empty: it was answered
};

class question {
public:
    using ask_function = std::function<supe::awaitable<boost::json::value>()>;

    /// `ask` asks once, and throws std::exception where there will be no answer.
    question(supe::clock& time, ask_function ask)
        : time_(time), ask_(std::move(ask)), wanted_(time), came_(time) {}

    /// Asks when an answer is wanted, until it is cancelled.
    supe::awaitable<> run();

    /// The answer to what was asked no longer than `age` ago, asked anew where that is older. Waits
    /// for 2 s at most: whoever hangs holds up nobody.
    supe::awaitable<given_answer> newest(supe::duration age);

private:
    supe::awaitable<> ask_once();
    supe::awaitable<> asked_since(supe::time_point oldest);
    bool is_from(supe::time_point oldest) const;

    supe::clock& time_;
    ask_function ask_;
    supe::condition wanted_, came_;
    bool is_wanted_ = false;
    bool has_answer_ = false;
    supe::time_point asked_at_{};  // what latest_ answers
    given_answer latest_;
};

}  // namespace components
