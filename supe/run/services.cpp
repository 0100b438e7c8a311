#include "supe/run/services.hpp"

#include <fmt/format.h>

namespace supe {

using namespace std::chrono_literals;

namespace {

constexpr auto again_after = 1s;

}  // namespace

awaitable<> serve(supervisor& s, std::string name, std::function<awaitable<>()> service) {
    for (;;) {
        std::string why;
        try {
            awaitable<> life = service();
            co_await std::move(life);
            co_return;
        } catch (const std::exception& e) {
            if (is_cancellation(std::current_exception())) throw;
            why = fmt::format("{} failed: {}", name, e.what());
        }
        s.log(why);
        s.fail(std::move(why));
        co_await s.time().sleep_for(again_after);
    }
}

}  // namespace supe
