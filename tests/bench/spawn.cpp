// The cost of a start in a large supervisor: /bin/true, from its start until it is reaped, with 1
// GB of touched heap.
#include "supe/async/clock.hpp"
#include "supe/process/posix_launcher.hpp"
#include "tests/bench/bench.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <stdexcept>
#include <system_error>

namespace {

constexpr std::size_t heap = 1u << 30;  // bytes
constexpr const char* program = "/bin/true";

/// The floor: posix_spawn and waitpid of the C library.
void spawn_and_reap() {
    char* arguments[] = {const_cast<char*>(program), nullptr};
    char* environment[] = {nullptr};
    pid_t pid = 0;
    if (const int error = ::posix_spawn(&pid, program, nullptr, nullptr, arguments, environment))
        throw std::system_error(error, std::generic_category(), "posix_spawn");
    ::waitpid(pid, nullptr, 0);
}

supe::awaitable<> launch_and_reap(supe::launcher& launcher, supe::clock& clock) {
    supe::launch_request request;
    request.command = {program};
    auto launched = launcher.launch(request);
    if (const auto* error = std::get_if<supe::launch_error>(&launched))
        throw std::runtime_error(error->text);
    const auto process = std::move(std::get<0>(launched));
    supe::timer alarm(clock);
    process->watch(alarm);
    co_await alarm.wait();
    process->reap();
}

void measure(bench::table& figures) {
    const std::vector<char> touched(heap, 'x');
    supe::asio::io_context context(1);
    supe::real_clock clock(context.get_executor());
    supe::posix_launcher launcher(context.get_executor());
    const auto ours = [&] {
        return bench::milliseconds_of([&] {
            auto done = supe::asio::co_spawn(context, launch_and_reap(launcher, clock),
                                             supe::asio::use_future);
            context.restart();
            context.run();
            done.get();
        });
    };
    const auto floor = [] { return bench::milliseconds_of(spawn_and_reap); };
    const auto times = bench::in_turn(101, {ours, floor});
    figures.add({"start of a process to its end, 1 GB heap",
                 "ms",
                 {"launcher", times[0]},
                 {"posix_spawn", times[1]}});
}

const bench::benchmark registered("spawn", measure);

}  // namespace
