// A component as a process of its own: its event loop, its channel, its signals.
#include "supe/component/component.hpp"

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

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// A descriptor number from the environment that is really open; -1 otherwise.
int descriptor_from(const char* name) {
    const std::string text = variable(name);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos ||
        text.size() > 4)
        return -1;
    const int fd = std::stoi(text);
    return ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

/// To stderr, where the supervisor labels it; the exit code.
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

/// The body, and what it had to say: what was acked and sent counts only when it has left.
awaitable<> run_body(component& self, component_main& body, nursery& all, int& exit_code) {
    std::exception_ptr failure;
    try {
        co_await body(self);
    } catch (...) {
        failure = std::current_exception();
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
        co_return;  // the channel's reader failed, and tells why
    if (failure) exit_code = report(failure);
    // A supervisor that does not read is not waited for.
    const auto everything_left = [](component& c) -> awaitable<bool> {
        co_await c.flushed();
        co_return true;
    };
    const time_point limit = self.time().now() + std::chrono::seconds(2);
    co_await within(self.time(), limit, everything_left(self));
    all.cancel();
}

awaitable<> run(component& self, component_main& body, int& exit_code) {
    nursery all(self.time());
    all.start(self.serve());
    all.start(watch_signals(self));
    all.start(run_body(self, body, all, exit_code));
    try {
        co_await all.join();
    } catch (...) {
        exit_code = report(std::current_exception());
    }
}

}  // namespace

int run_component(component_main body) {
    const int fd = descriptor_from("NODE_CHANNEL_FD");
    if (fd < 0) {
        std::fprintf(stderr,
                     "no channel: NODE_CHANNEL_FD does not name an open descriptor; "
                     "this program is a component and is started by a supervisor (supe run)\n");
        return 2;
    }
    asio::io_context loop(1);
    real_clock time(loop.get_executor());
    int exit_code = 0;
    {
        component self(time, fd, variable("SUPE_CITIZEN_NAME"), variable("SUPE_ADDRESS"));
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
