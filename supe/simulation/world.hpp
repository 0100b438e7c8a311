// A whole tree in one thread, in virtual time, without a process: for tests of components and of
// coordination.
//
//     simulation::world world{seed};
//     world.provide("worker", worker);              // a component's coroutine
//     world.run(R"({"name": "t", "children": [{"name": "w", "component": "worker"}]})");
//     world.crash("/w");
//     world.advance(30s);                           // returns at once
//     BOOST_TEST(world.count("component-crashed") == 1);
#pragma once

#include "supe/simulation/memory_journal.hpp"
#include "supe/simulation/simulated_launcher.hpp"
#include "supe/simulation/virtual_clock.hpp"
#include "supe/supervision/supervisor_code.hpp"

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace supe::simulation {

/// Supervisors (nested ones too), channels and mail are real; processes, the clock and the dice are
/// not. Belongs to one thread. The same seed and the same calls give the same run.
class world {
public:
    explicit world(std::uint64_t seed = 1);
    /// Ends the tree at once.
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    /// The program behind `"component": NAME` or `"command": [NAME]`.
    void provide(std::string name, component_main body);
    /// As above, with an exit code of its choice.
    void provide_program(std::string name, program p) {
        launcher_.provide(std::move(name), std::move(p));
    }

    /// The state directory of what runs from now on; without one nothing is saved.
    void set_state(std::filesystem::path directory) { state_ = std::move(directory); }
    /// The disk that the supervisor at this address (`` for the root) keeps mail and dead letters
    /// on; it outlives run().
    journal_disk& disk(const std::string& address) { return disks_[address]; }
    /// The author's code in the nested supervisor at this address.
    void provide_code(const std::string& address, supervisor_code code) {
        code_[address] = std::move(code);
    }

    /// Starts a tree (the text of a tree file) and runs until nothing more happens without time
    /// passing. `code` runs in the root supervisor.
    void run(std::string_view tree, supervisor_code code = {});
    /// Lets everything happen that needs no time.
    void run_ready();
    /// Lets `d` pass, with everything that is due in it.
    void advance(duration d);
    /// Asks the tree to stop and lets at most `limit` pass; true when it has ended.
    bool stop(duration limit = std::chrono::seconds(60));
    /// Ends it at once, as the destructor does. True when nothing of it is left: no process, no
    /// timer, no coroutine.
    bool clean_up();

    /// What an operator asks of a supervisor: `w.by_hand(w.root().admin().add(spec))`. Lets time
    /// pass until it is done, and returns its answer; at most `limit`, then "no answer".
    std::string by_hand(awaitable<std::string> request, duration limit = std::chrono::seconds(60));
    /// The same, without waiting: the answer is there when it is done.
    std::shared_ptr<std::optional<std::string>> begin(awaitable<std::string> request);

    /// Ends the process at this address: by a signal, or with an exit code. False when none runs
    /// there.
    bool crash(const std::string& address, int signal = SIGKILL);
    bool exit(const std::string& address, int code = 0);
    /// As crash(), for a component that ends itself or another one in the middle of its work: what
    /// it has not sent yet is lost, and what follows from its end happens later.
    bool kill(const std::string& address);
    /// The process at this address stands still, as after SIGSTOP, until thaw() or its end. False
    /// when none runs there.
    bool freeze(const std::string& address) { return launcher_.freeze(address, true); }
    /// It goes on, as after SIGCONT.
    bool thaw(const std::string& address);
    void fail_next_starts(const std::string& address, unsigned n, launch_error error);

    /// Sends mail as `supe mail` does, and waits for nothing.
    void mail(std::string to, std::string body);

    // What happened so far, in all supervisors of the tree.
    std::size_t count(const std::string& notice) const;
    const std::vector<published>& notices() const { return notices_; }
    void forget_notices() { notices_ = {}; }
    /// The messages of all notices of this name, in order.
    std::vector<std::string> messages(const std::string& notice) const;
    const std::vector<std::string>& lines() const { return sink_.lines; }
    unsigned starts_of(const std::string& address) const { return launcher_.starts_of(address); }
    pid_t pid_of(const std::string& address) const { return launcher_.pid_of(address); }
    std::size_t processes() const { return launcher_.running(); }

    supervisor& root() { return *root_; }
    /// The supervisor at this address, `/` for the root; null where none runs.
    supervisor* supervisor_at(const std::string& address) const;
    bool ended() const { return ended_; }
    bool ended_cleanly() const { return ended_ && clean_; }
    virtual_clock& time() { return clock_; }
    std::uint64_t seed() const { return seed_; }
    double random();

private:
    struct recorder final : line_sink {
        std::vector<std::string> lines;
        void write(stream s, std::string_view address, std::string_view line) override;
    };
    awaitable<> run_root();
    awaitable<int> run_nested(process_start start);
    awaitable<> answer(awaitable<std::string> request,
                       std::shared_ptr<std::optional<std::string>> into);
    supervisor_environment environment(clock& time);
    void record(supervisor& s, const supervisor_code& code);

    std::uint64_t seed_;
    std::mt19937_64 dice_;
    asio::io_context loop_;
    virtual_clock clock_;
    simulated_launcher launcher_;
    recorder sink_;
    std::vector<published> notices_;
    std::filesystem::path state_;
    std::map<std::string, journal_disk> disks_;
    std::map<std::string, supervisor_code> code_;
    std::map<std::string, supervisor*> nested_;
    std::unique_ptr<supervisor> root_;
    std::unique_ptr<nursery> tasks_;
    bool ended_ = false;
    bool clean_ = false;
};

}  // namespace supe::simulation
