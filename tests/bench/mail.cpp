// Acknowledged mail through a supervisor: sender, supervisor and receiver are processes of their own, 256-byte mails.
#include "supe/control/client.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/programs.hpp"

#include <boost/json/object.hpp>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace json = boost::json;

constexpr int at_once = 20'000;
constexpr std::size_t mail_size = 256;  // bytes

/// A tree with a sender and a receiver. Rounds are ordered by `supe mail`'s way.
class mail_tree {
public:
    mail_tree(const bench::folder& where, const std::string& name, unsigned window, bool journal = false)
        : name_(name), state_(where / (name_ + ".state")), moments_(where / (name_ + ".fifo")) {
        const auto tree = where / (name_ + ".json");
        const std::string child = bench::child_program("bench_mail_child");
        std::ofstream(tree) << fmt::format(R"({{"supe": 1, "name": "bench", "mail": {{"journal": {}}}, "children": [
    {{"name": "receiver", "command": ["{}", "receiver", "{}"], "env": {{"BENCH_FIFO": "{}"}},
      "mail": {{"limit": 3000000, "limit_bytes": "2GiB"}}}},
    {{"name": "sender", "command": ["{}", "sender"], "env": {{"BENCH_FIFO": "{}"}}}}]}})",
                                           journal, child, window, moments_.path(), child, moments_.path());
        supervisor_ = std::make_unique<bench::program>(std::vector<std::string>{SUPE_BINARY, "run", tree, "--state", state_},
                                                       where / (name_ + ".log"));
        for (int i = 0; !supe::control::client::connect(state_); ++i) {
            if (i == 3000) throw std::runtime_error("the tree does not start");
            ::usleep(10'000);
        }
    }

    /// From the first one sent to the last one acknowledged, mails a second.
    double all_at_once(int count) {
        order(count);
        const auto begun = moments_.next().at_ns;
        moments_.next();
        return per_second(count, moments_.next().at_ns - begun);
    }

    /// All are in the mailbox before the receiver starts: from its first mail to its last ack, mails a second.
    double already_waiting(int count) {
        fill(count);
        return drained(count);
    }
    void fill(int count) {
        ask({{"do", "stop"}, {"address", "/receiver"}});
        order(count);
        moments_.next();
        while (queued() < count) ::usleep(10'000);
    }
    double drained(int count) {
        ask({{"do", "start"}, {"address", "/receiver"}});
        const auto first = moments_.next().at_ns;
        return per_second(count, moments_.next().at_ns - first);
    }
    pid_t pid() const { return supervisor_->pid(); }

private:
    static double per_second(int count, std::int64_t ns) { return count * 1e9 / static_cast<double>(ns); }
    json::value ask(json::object request) const {
        auto client = supe::control::client::connect(state_);
        return client ? client->ask(request) : throw std::runtime_error("the tree is gone");
    }
    void order(int count) { ask({{"do", "mail"}, {"to", "/sender"}, {"msg", count}}); }
    std::int64_t queued() const {
        return ask({{"do", "status"}, {"address", "/receiver"}}).at("ok").at("mailbox").at("queued").as_int64();
    }

    std::string name_;
    std::filesystem::path state_;
    bench::births moments_;
    std::unique_ptr<bench::program> supervisor_;
};

// --- floors: nothing but the sockets ------------------------------------------------------------------------------

struct pair {
    int ours, theirs;
    pair() {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) throw std::runtime_error("socketpair");
        ours = fds[0], theirs = fds[1];
    }
    ~pair() { ::close(ours), ::close(theirs); }
};

template <class F>
class forked {
public:
    explicit forked(F body) : pid_(::fork()) {
        if (pid_ == 0) {
            body();
            ::_exit(0);
        }
    }
    ~forked() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_;
};

void write_all(int fd, const char* data, std::size_t size) {
    for (ssize_t n = 0; size > 0; data += n, size -= static_cast<std::size_t>(n))
        if ((n = ::write(fd, data, size)) <= 0) return;
}

/// One mail there, one byte back, and so on.
double ping_pong() {
    pair p;
    const forked echo([&] {
        char buffer[4096];
        while (::read(p.theirs, buffer, sizeof buffer) > 0) write_all(p.theirs, buffer, 1);
    });
    const std::string mail(mail_size, 'm');
    char back = 0;
    const double ms = bench::milliseconds_of([&] {
        for (int i = 0; i < at_once; ++i) {
            write_all(p.ours, mail.data(), mail.size());
            if (::read(p.ours, &back, 1) != 1) throw std::runtime_error("ping-pong");
        }
    });
    return at_once * 1e3 / ms;
}

/// As many bytes through two sockets and the process between them, as fast as they go.
double two_hops() {
    constexpr std::size_t all = at_once * mail_size, buffer_size = 256 << 10;
    pair first, second;
    const forked relay([&] {
        std::string buffer(buffer_size, '\0');
        for (ssize_t n = 0; (n = ::read(first.theirs, buffer.data(), buffer.size())) > 0;)
            write_all(second.ours, buffer.data(), static_cast<std::size_t>(n));
    });
    const forked source([&] {
        const std::string mails(all, 'm');
        char go = 0;
        while (::read(first.ours, &go, 0) == 0 && ::read(second.theirs, &go, 0) == 0) {
            write_all(first.ours, mails.data(), mails.size());
            ::pause();
        }
    });
    std::string buffer(buffer_size, '\0');
    const double ms = bench::milliseconds_of([&] {
        for (std::size_t got = 0; got < all;) {
            const ssize_t n = ::read(second.theirs, buffer.data(), buffer.size());
            if (n <= 0) throw std::runtime_error("two hops");
            got += static_cast<std::size_t>(n);
        }
    });
    return at_once * 1e3 / ms;
}

// --- figures ------------------------------------------------------------------------------------------------------

double rss_bytes(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/statm", pid));
    double total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// A million held mails: what they cost in memory, what is left of it when they are gone, and whether they slow mail down.
void measure_backlog(bench::table& figures, const bench::folder& where, double plain) {
    constexpr int million = 1'000'000;
    mail_tree tree(where, "backlog", 1024);
    tree.all_at_once(at_once);
    const double before = rss_bytes(tree.pid());
    tree.fill(million);
    const double held = rss_bytes(tree.pid()) - before;
    const double speed = tree.drained(million);
    const double left = rss_bytes(tree.pid()) - before;
    figures.add({"the same, a million waiting", "mails/s", {"supe", speed}, {"supe, 20,000", plain}});
    figures.add({"a million held mails, memory", "MiB", {"supe", held / (1 << 20)}, {"their bytes", million * mail_size / double(1 << 20)}});
    figures.add({"the same, left after the drain", "MiB", {"supe", left / (1 << 20)}, {"their bytes", million * mail_size / double(1 << 20)}});
}

void measure(bench::table& figures) {
    const bench::folder where;
    {
        mail_tree one(where, "window-1", 1), some(where, "window-64", 64), many(where, "window-1024", 1024);
        const auto speeds = bench::in_turn(15, {[&] { return some.all_at_once(at_once); }, [&] { return many.all_at_once(at_once); },
                                                [&] { return one.already_waiting(at_once); }, two_hops, ping_pong,
                                                [&] { return many.already_waiting(at_once); }});
        figures.add({"acknowledged mails, window 64", "mails/s", {"supe", speeds[0]}, {"two bare hops", speeds[3]}});
        figures.add({"acknowledged mails, window 1024", "mails/s", {"supe", speeds[1]}, {"two bare hops", speeds[3]}});
        figures.add({"window 1, all waiting", "mails/s", {"supe", speeds[2]}, {"bare ping-pong", speeds[4]}});
        figures.add({"window 1024, all waiting", "mails/s", {"supe", speeds[5]}, {"two bare hops", speeds[3]}});
        measure_backlog(figures, where, speeds[5]);
    }
    mail_tree kept(where, "journal", 1024, true);
    const auto speeds = bench::in_turn(7, {[&] { return kept.all_at_once(at_once); }, two_hops});
    figures.add({"journaled, window 1024", "mails/s", {"supe", speeds[0]}, {"two bare hops", speeds[1]}});
}

const bench::benchmark registered("mail", measure);

}  // namespace
