// What a launcher does about the descendants of its processes. How they are found: descendants.cpp.
#include "supe/process/posix_launcher.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

namespace supe {
namespace {

constexpr std::chrono::milliseconds reap_interval{100};  // between two scans for dead orphans
constexpr std::chrono::milliseconds end_interval{5};     // … while the last ones are ended

}  // namespace

void posix_launcher::scan() {
    ++scans_;
    orphans_ = look_for_orphans();
}

awaitable<left_descendants> posix_launcher::end_descendants(pid_t life, std::string address) {
    // Any later scan finds every orphan of this moment. So all callers of one turn share a scan.
    const std::uint64_t before = scans_;
    co_await asio::post(executor_, use_awaitable);
    if (scans_ == before) scan();
    co_return end_life(orphans_, life, address);
}

awaitable<bool> posix_launcher::end_all_descendants(clock& time, time_point deadline) {
    for (scan(); !end_all(orphans_); scan()) {
        if (time.now() >= deadline) co_return false;
        co_await time.sleep_for(end_interval);
    }
    co_return true;
}

awaitable<> posix_launcher::reap_orphans(clock& time) {
    asio::signal_set ended(executor_, SIGCHLD);
    for (;;) {
        co_await ended.async_wait(use_awaitable);
        // Wait first: most often a child of our own ended, and the scan must not delay its
        // replacement.
        co_await time.sleep_for(reap_interval);
        scan();
    }
}

}  // namespace supe
