// Plays the supervisor of one component: starts its process, and talks with it frame by frame.
#pragma once

#include "components/conformance/dialogue.hpp"
#include "supe/async/nursery.hpp"
#include "supe/channel/channel.hpp"
#include "supe/process/launcher.hpp"

#include <filesystem>

namespace components {

/// One life of the component at a time. What it does not do in time is thrown as a violation.
class stage {
public:
    static constexpr auto answer_limit = std::chrono::seconds(10);
    /// Half of the default of `shutdown` (contract §5): then a supervisor sends the stop signal.
    static constexpr auto shutdown_limit = std::chrono::seconds(4);

    /// `directory`: the value of SUPE_STATE in its environment. All references outlive this object,
    /// and this object outlives what runs in `readers`.
    stage(supe::clock& time, supe::launcher& starter, supe::nursery& readers,
          const std::vector<std::string>& command, const std::filesystem::path& directory);

    /// A new life; the one before it is killed. With a config SUPE-START is its first frame.
    void start(const std::string& config = {});
    /// start(), and waits until it takes mail.
    supe::awaitable<> start_and_await();
    dialogue& talk() { return talk_; }

    /// Bytes to the channel, as they are.
    void send(std::string_view bytes);
    /// Delivers one mail with an id of its own, which is returned.
    std::string deliver(std::string_view msg);
    /// Gives the component time to read what was sent so far: a torn frame arrives torn.
    supe::awaitable<> pause();

    supe::awaitable<> until_ready();
    /// All mail is acknowledged.
    supe::awaitable<> until_acked(supe::duration limit = answer_limit);
    supe::awaitable<> until_event(std::string event);
    /// Sends SUPE-SHUTDOWN, waits for the end of the process, and takes its last frames.
    supe::awaitable<supe::exit_status> shut_down();
    /// Ends the life, and its output with it.
    void kill() { process_.reset(); }
    /// The end of what the component wrote to stderr.
    const std::string& last_words() const { return errors_; }

private:
    supe::awaitable<> next(supe::time_point deadline, std::string missing);
    supe::awaitable<> read_output(supe::unique_fd from, bool keep);

    supe::clock& time_;
    supe::launcher& starter_;
    supe::nursery& readers_;
    std::vector<std::string> command_;
    std::filesystem::path directory_;
    supe::timer alarm_;  // outlives the process
    std::unique_ptr<supe::process> process_;
    std::unique_ptr<supe::channel> channel_;
    dialogue talk_;
    unsigned last_id_ = 0;
    std::string errors_;  // the end of its stderr
};

}  // namespace components
