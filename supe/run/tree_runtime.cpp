#include "supe/run/tree_runtime.hpp"

#include "supe/async/signals_blocked.hpp"
#include "supe/run/environment.hpp"
#include "supe/run/services.hpp"
#include "supe/run/signals.hpp"
#include "supe/text/terminal_text.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <malloc.h>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace supe {
namespace {

constexpr std::chrono::seconds left_over_limit{10};  // of what children left behind, contract §4
constexpr std::chrono::seconds output_patience{1};   // with a slow reader of our output, at the end

/// What it took to read the tree and to start it goes back to the system once all is up.
awaitable<> give_back_memory(supervisor& s) {
    while (!s.is_booted()) co_await s.changed();
    ::malloc_trim(0);
}

awaitable<> with_plain_errors(awaitable<int> work, int& exit_code) {
    try {
        const int code = co_await std::move(work);
        exit_code = code;
    } catch (const std::exception& e) {
        fmt::print(stderr, "supe: {}\n", terminal_lines(e.what()));
        exit_code = exit_bad_start;
    }
}

}  // namespace

tree_runtime::tree_runtime(output_format format) : sink_(time_, format) {
    ignore_stray_signals();
    // One heap for all threads: malloc_trim() gives back the end of the first one alone, and the
    // loop does not run on the first thread.
    ::mallopt(M_ARENA_MAX, 1);
}

supervisor_environment tree_runtime::environment(std::filesystem::path state) {
    return {time_,
            processes_,
            sink_,
            [this] { return std::uniform_real_distribution<double>(0, 1)(dice_); },
            std::move(state),
            inherited_variables(),
            {program_invocation_short_name, "component"},
            "/proc/self/exe"};
}

void tree_runtime::start_services(nursery& services, supervisor& s) {
    services.start(serve(s, "the output", [this] { return sink_.drain(); }));
    services.start(serve(s, "reaping", [this] { return processes_.reap_orphans(time_); }));
    services.start(give_back_memory(s));
}

awaitable<> tree_runtime::end_what_is_left(std::string address) {
    const time_point deadline = time_.now() + left_over_limit;
    const bool none = co_await processes_.end_all_descendants(time_, deadline);
    if (!none)
        log_to(sink_, address,
               "processes that children left behind are still alive after 10 s; going on");
}

awaitable<> tree_runtime::finish_output() { return sink_.finish(output_patience); }

int tree_runtime::run(awaitable<int> work) {
    int exit_code = exit_failed;
    nursery all(time_);
    all.start(with_plain_errors(std::move(work), exit_code));
    // Not on the first thread: orphans fall to that one, whose list of children holds no one else
    // then, so that looking for them takes no longer with thousands of children of our own.
    try {
        std::thread loop([this] { run_loop(); });
        const signals_blocked on_this_thread;  // they are the loop's
        loop.join();
    } catch (const std::system_error& e) {  // no thread can be had
        fmt::print(stderr, "supe: the event loop's thread: {}\n", e.what());
        return exit_bad_start;
    }
    return exit_code;
}

/// A coroutine's exception goes to its nursery. What comes here was thrown by a handler of the loop
/// itself, as for want of memory: what it leaves behind cannot be trusted, not even for a stop.
void tree_runtime::run_loop() {
    try {
        loop_.run();
    } catch (const std::exception& e) {
        fmt::print(stderr, "supe: internal error: {}\n", e.what());
        std::_Exit(exit_failed);
    }
}

}  // namespace supe
