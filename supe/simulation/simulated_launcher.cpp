#include "supe/simulation/simulated_launcher.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <csignal>

namespace supe::simulation {
namespace {

std::string variable(const launch_request& request, std::string_view name) {
    for (const std::string& entry : request.environment) {
        if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=')
            return entry.substr(name.size() + 1);
    }
    return {};
}

bool lies_below(const std::string& address, const std::string& root) {
    return address.starts_with(root + "/");
}

}  // namespace

/// One life of a simulated child. die() ends it at once, as SIGKILL ends a real process, also one
/// that is frozen.
class simulated_process final : public process {
public:
    simulated_process(simulated_launcher& owner, pid_t pid, std::string address,
                      std::shared_ptr<process_loop> loop)
        : owner_(owner), pid_(pid), address_(std::move(address)), loop_(std::move(loop)),
          life_(loop_->time) {
        owner_.processes_[pid_] = this;
        loop_->process = this;
    }
    ~simulated_process() override {
        die(exit_status::killed(SIGKILL));
        loop_->process = nullptr;
        owner_.processes_.erase(pid_);
    }

    void begin(const program& p, process_start start, unique_fd out) {
        output_ = std::move(out);
        start.print = [loop = loop_.get()](std::string_view line) {
            if (loop->process) loop->process->print(line);
        };
        channel_end_.reset(start.channel_fd);
        life_.start(run(*loop_, p, std::move(start)));
    }
    void print(std::string_view line) {
        const std::string whole = std::string(line) + "\n";
        if (output_) [[maybe_unused]]
            const auto n = ::write(output_.get(), whole.data(), whole.size());
    }

    pid_t pid() const override { return pid_; }
    const std::string& address() const { return address_; }

    bool is_dead() const override { return dead_; }
    void watch(timer& alarm) override { alarm_ = &alarm; }

    pid_t signal(int number) override {
        // SIGTERM asks a program of ours to shut down; the channel does that too.
        if (number == SIGKILL || number == SIGABRT) die(exit_status::killed(number));
        return 0;
    }
    pid_t signal_group(int number) override { return signal(number); }
    bool group_lives() override { return false; }
    /// A dead one still has its end to go through.
    void freeze(bool frozen) { loop_->frozen = frozen && !dead_; }

    exit_status reap() override {
        owner_.processes_.erase(pid_);
        return status_;
    }

    void die(exit_status status) {
        if (dead_) return;
        dead_ = true;
        status_ = status;
        loop_->frozen = false;
        life_.cancel();
        channel_end_.reset();
        output_.reset();
        if (alarm_) alarm_->notify();
    }

private:
    /// Its end may come after that of the object.
    static awaitable<> run(process_loop& loop, program p, process_start start) {
        loop.process->channel_end_.release();  // it is the program's now
        int code = 1;
        try {
            code = co_await p(std::move(start));
        } catch (const system_error& e) {
            if (e.code() == asio::error::operation_aborted) throw;
        } catch (const std::exception&) {}
        if (loop.process) loop.process->die(exit_status::exited(code));
    }

    simulated_launcher& owner_;
    pid_t pid_;
    std::string address_;
    unique_fd channel_end_;  // ours until the program runs: it may be killed before
    unique_fd output_;
    bool dead_ = false;
    exit_status status_;
    timer* alarm_ = nullptr;
    std::shared_ptr<process_loop> loop_;
    nursery life_;
};

std::variant<std::unique_ptr<process>, launch_error> simulated_launcher::launch(
    const launch_request& request) {
    const std::string address = variable(request, "SUPE_ADDRESS");
    ++starts_[address];
    if (const auto failing = failures_.find(address);
        failing != failures_.end() && failing->second.first > 0) {
        --failing->second.first;
        return failing->second.second;
    }
    // A built-in role stands before its address.
    const std::string& name =
        request.program.empty() ? request.command.back() : *(request.command.end() - 2);
    const auto found = programs_.find(name);
    if (found == programs_.end())
        return launch_error{"ENOENT", name + ": No such file or directory"};

    int wire[2], out[2], err[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire) != 0 ||
        ::pipe2(out, O_CLOEXEC | O_NONBLOCK) != 0 || ::pipe2(err, O_CLOEXEC | O_NONBLOCK) != 0)
        return launch_error{"EMFILE", "Too many open files"};
    const auto& loop = loops_.emplace_back(std::make_shared<process_loop>(clock_));
    auto child = std::make_unique<simulated_process>(*this, ++last_pid_, address, loop);
    child->channel.reset(wire[0]);
    child->output.reset(out[0]);
    child->error.reset(err[0]);
    ::close(err[1]);
    child->begin(found->second,
                 {loop->time, wire[1], variable(request, "SUPE_CITIZEN_NAME"), address, {}},
                 unique_fd(out[1]));
    return std::unique_ptr<process>(std::move(child));
}

/// The children of a real nested supervisor die with it (PR_SET_PDEATHSIG); here they belong to its
/// coroutine, which may still run.
awaitable<left_descendants> simulated_launcher::end_descendants(pid_t, std::string address) {
    left_descendants left;
    for (const auto& [pid, p] : processes_) {
        if (!lies_below(p->address(), address)) continue;
        p->die(exit_status::killed(SIGKILL));
        left.none = false;
    }
    co_return left;
}

simulated_process* simulated_launcher::at(const std::string& address) const {
    for (const auto& [pid, p] : processes_) {
        if (p->address() == address) return p;
    }
    return nullptr;
}

bool simulated_launcher::end(const std::string& address, exit_status status) {
    simulated_process* const p = at(address);
    if (p) p->die(status);
    return p != nullptr;
}

bool simulated_launcher::freeze(const std::string& address, bool frozen) {
    simulated_process* const p = at(address);
    if (p) p->freeze(frozen);
    return p != nullptr;
}

std::size_t simulated_launcher::poll() {
    std::size_t n = 0;
    for (auto it = loops_.begin(); it != loops_.end();) {
        const std::shared_ptr<process_loop> one = *it;
        if (!one->frozen) {
            one->loop.restart();
            n += one->loop.poll();
        }
        it = one->loop.stopped() ? loops_.erase(it) : std::next(it);
    }
    return n;
}

pid_t simulated_launcher::pid_of(const std::string& address) const {
    const simulated_process* const p = at(address);
    return p ? p->pid() : 0;
}

unsigned simulated_launcher::starts_of(const std::string& address) const {
    const auto found = starts_.find(address);
    return found == starts_.end() ? 0 : found->second;
}

}  // namespace supe::simulation
