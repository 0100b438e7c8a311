#include "supe/run/state_keeper.hpp"

#include "supe/run/state_owner.hpp"

#include <fmt/format.h>

namespace supe {
namespace {

constexpr std::chrono::seconds keep_every{30};  // contract §6: within a minute

}  // namespace

void state_keeper::look() {
    std::string problem;
    try {
        const bool made_again = lock_.restore();
        if (made_again) claim_state(state_, file_);
        const bool listens_again = control_.restore();
        if (made_again || listens_again)
            root_.log(fmt::format("what was deleted of the state directory {} is made again",
                                  state_.string()));
    } catch (const std::exception& e) {
        problem = fmt::format("no command reaches this tree: {}", e.what());
    }
    if (!problem.empty() && problem != problem_) root_.log(problem);
    problem_ = problem;
}

awaitable<> state_keeper::run() {
    for (;;) {
        co_await root_.time().sleep_for(keep_every);
        look();
    }
}

}  // namespace supe
