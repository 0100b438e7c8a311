// A component as a process of its own: its event loop, its channel, its signals.
#include "supe/component/component.hpp"
#include "supe/component/own_channel.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace supe {
namespace {

constexpr std::chrono::seconds flush_limit{2};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// Prints it on stderr, where the supervisor labels it. Returns the exit code.
int report(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
    } catch (...) {
        std::fprintf(stderr, "something was thrown that is no std::exception\n");
    }
    return 1;
}

awaitable<> watch_signals(component& self) {
    asio::signal_set signals(self.time().executor(), SIGTERM, SIGINT);
    co_await signals.async_wait(use_awaitable);
    self.request_shutdown();
}

/// What the body acknowledged and sent counts only once it has left: a supervisor that does not
/// read gets a moment for it.
awaitable<> run_body(component& self, component_main& body, int& exit_code) {
    std::exception_ptr failure;
    try {
        co_await body(self);
    } catch (...) {
        failure = std::current_exception();
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
        co_return;  // the reader of the channel failed: run() reports why
    if (failure) exit_code = report(failure);
    co_await within(self.time(), self.time().now() + flush_limit, self.flushed());
}

awaitable<> run(component& self, component_main& body, int& exit_code) {
    const auto all_of_it = [&](nursery& all) -> awaitable<> {
        all.start(self.serve());
        all.start(watch_signals(self));
        co_await run_body(self, body, exit_code);
        all.cancel();
    };
    try {
        co_await with_nursery(self.time(), all_of_it);
    } catch (...) {
        exit_code = report(std::current_exception());
    }
}

}  // namespace

int run_component(component_main body) {
    unique_fd channel = own_channel();
    if (!channel) {
        std::fprintf(stderr,
                     "no channel: NODE_CHANNEL_FD does not name an open descriptor; "
                     "this program is a component and is started by a supervisor (supe run)\n");
        return 2;
    }
    asio::io_context loop(1);
    real_clock time(loop.get_executor());
    int exit_code = 0;
    {
        component self(time, channel.release(), variable("SUPE_CITIZEN_NAME"),
                       variable("SUPE_ADDRESS"));
        nursery all(time);
        all.start(run(self, body, exit_code));
        loop.run();
    }
    return exit_code;
}

std::vector<int> listening_sockets() {
    std::vector<int> fds;
    if (variable("LISTEN_PID") != std::to_string(::getpid())) return fds;
    const int count = std::atoi(variable("LISTEN_FDS").c_str());
    for (int i = 0; i < count && i < 64; ++i) {
        ::fcntl(3 + i, F_SETFD, FD_CLOEXEC);
        fds.push_back(3 + i);
    }
    return fds;
}

}  // namespace supe
