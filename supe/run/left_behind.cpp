#include "supe/run/left_behind.hpp"

#include "supe/process/descendants.hpp"

#include <poll.h>

namespace supe {

using namespace std::chrono_literals;

namespace {

constexpr auto end_limit = 10s;
constexpr auto look_every = 5ms;

}  // namespace

awaitable<std::size_t> end_left_behind(clock& time, std::filesystem::path state,
                                       std::uint64_t tree) {
    std::size_t all = 0;
    const auto limit = time.now() + end_limit;
    for (auto killed = kill_left_behind(state, tree); !killed.empty();
         killed = kill_left_behind(state, tree)) {
        all += killed.size();
        for (const unique_fd& process : killed) {
            pollfd ended{process.get(), POLLIN, 0};
            while (::poll(&ended, 1, 0) == 0 && time.now() < limit)
                co_await time.sleep_for(look_every);
        }
        if (time.now() >= limit) break;  // the kernel holds them: no reason not to start
    }
    co_return all;
}

awaitable<std::size_t> end_members(clock& time, control_group group) {
    const std::size_t all = group.members().size();
    const auto limit = time.now() + end_limit;
    // A member may have started another one meanwhile.
    for (auto living = all; living > 0 && time.now() < limit; living = group.members().size()) {
        group.kill();
        co_await time.sleep_for(look_every);
    }
    co_return all;
}

}  // namespace supe
