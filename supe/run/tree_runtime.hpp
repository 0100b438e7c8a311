// What the process of a supervisor has besides the supervisor itself.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/output/terminal_sink.hpp"
#include "supe/process/posix_launcher.hpp"
#include "supe/supervision/supervisor.hpp"

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <random>

namespace supe {

/// Exit codes (contract §6).
inline constexpr int exit_clean = 0, exit_failed = 1, exit_bad_start = 2;

/// The event loop, the clock, the processes and the output of a root or a nested supervisor.
class tree_runtime {
public:
    explicit tree_runtime(output_format format);
    tree_runtime(const tree_runtime&) = delete;
    tree_runtime& operator=(const tree_runtime&) = delete;

    clock& time() { return time_; }
    terminal_sink& sink() { return sink_; }
    /// For a supervisor that this object outlives.
    supervisor_environment environment(std::filesystem::path state);

    /// The processes that are started from now on have the mark of this tree (life_mark::tree).
    void belong_to(std::uint64_t tree) { processes_.belong_to(tree); }
    /// What the supervisor needs beside it, until `services` is cancelled.
    void start_services(nursery& services, supervisor& s);
    /// After the end of the supervisor at `address`: nothing that its children started lives on.
    awaitable<> end_what_is_left(std::string address);
    /// After the services have ended: what is not written yet, for as long as somebody reads it.
    awaitable<> finish_output();

    /// Runs `work` to its end, on a thread of its own, and returns what it returns: an exit code.
    /// What it throws is printed as one line, and is exit_bad_start. What an event handler throws
    /// ends the process at once, and its children with it.
    int run(awaitable<int> work);

private:
    void run_loop();

    asio::io_context loop_{1};
    real_clock time_{loop_.get_executor()};
    posix_launcher processes_{loop_.get_executor()};
    terminal_sink sink_;
    std::mt19937_64 dice_{std::random_device{}()};
};

}  // namespace supe
