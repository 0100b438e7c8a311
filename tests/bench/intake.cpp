// Webhooks a second that the relay answers with 200, each on disk by then: the real relay, with its
// destination paused so that only the intake is measured.
#include "components/http/server.hpp"
#include "components/queue/webhook_store.hpp"
#include "supe/async/unique_fd.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/node_packages.hpp"
#include "tests/bench/peer_if_there.hpp"
#include "tests/bench/programs.hpp"
#include "tests/bench/rabbitmq_server.hpp"
#include "tests/bench/relay_cost.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace {

constexpr int rounds = 7, slow_rounds = 3;

void wait_for(std::uint16_t port) {
    bench::wait_until([port] { return !bench::ask_http(port).empty(); },
                      "the server does not start");
}

components::webhook_store paused_store(const std::filesystem::path& state) {
    std::filesystem::create_directories(state);
    components::webhook_store store(state / "queue.db");
    store.begin();
    store.routes().at(store.routes().lane_of("default")).paused = true;
    store.commit();
    return store;
}

/// `supe relay` on a state directory of its own, without a destination.
class relay {
public:
    relay(const bench::folder& where, const std::map<std::string, std::string>& environment = {})
        : port_(bench::free_port()), state_(where / ("relay" + std::to_string(port_))) {
        paused_store(state_);
        runs_.emplace(std::vector<std::string>{SUPE_BINARY, "relay", "--to", "http://127.0.0.1:1/",
                                               "--listen", fmt::format("127.0.0.1:{}", port_),
                                               "--state", state_},
                      where / "relay.log", environment);
        wait_for(port_);
    }
    std::uint16_t port() const { return port_; }
    bench::relay_cost cost(const std::filesystem::path& counts = {}) const {
        return bench::cost_of(runs_->pid(), state_, counts);
    }

private:
    std::uint16_t port_;
    std::filesystem::path state_;
    std::optional<bench::program> runs_;
};

supe::awaitable<components::http_answer> say_yes(components::http_request) {
    co_return components::http_answer{200, "kept\n", {}};
}

supe::awaitable<> answer_only(supe::component& self) {
    const components::http_handler handler = [](components::http_request request) {
        return say_yes(std::move(request));
    };
    co_await components::serve_http(self, supe::listening_sockets(), components::http_limits{},
                                    handler);
}

/// The relay's HTTP server alone, in a process of its own: every request is answered 200 at once.
class http_alone {
public:
    http_alone() {
        const supe::unique_fd listener = bench::listening_socket();
        port_ = bench::port_of(listener);
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            throw std::runtime_error("socketpair");
        channel_ = supe::unique_fd(ends[0]);
        const supe::unique_fd theirs(ends[1]);
        pid_ = ::fork();
        if (pid_ == 0) serve(listener.get(), theirs.get());
        wait_for(port_);
    }
    ~http_alone() {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }
    http_alone(const http_alone&) = delete;
    http_alone& operator=(const http_alone&) = delete;
    std::uint16_t port() const { return port_; }

private:
    [[noreturn]] static void serve(int listener, int channel) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int kept_channel = ::fcntl(channel, F_DUPFD, 10);
        ::dup2(listener, 3);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("NODE_CHANNEL_FD", std::to_string(kept_channel).c_str(), 1);
        ::_exit(supe::run_component(answer_only));
    }

    std::uint16_t port_;
    supe::unique_fd channel_;
    pid_t pid_ = 0;
};

/// Beast answering 200: at once, or (with a file) when the request is in it, and fsync was there.
/// `more`: the file, and `two` where it has a process of its own.
class beast_alone {
public:
    explicit beast_alone(const bench::folder& where, const std::vector<std::string>& more = {},
                         const std::map<std::string, std::string>& environment = {})
        : port_(bench::free_port()), runs_(command(more), where / "beast.log", environment) {
        wait_for(port_);
    }
    std::uint16_t port() const { return port_; }

private:
    std::vector<std::string> command(const std::vector<std::string>& more) const {
        std::vector<std::string> words{bench::child_program("bench_beast"), std::to_string(port_)};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    std::uint16_t port_;
    bench::program runs_;
};

/// A server in Node.js that answers 200 when RabbitMQ has confirmed the webhook.
class node_with_rabbitmq {
public:
    explicit node_with_rabbitmq(const bench::folder& where)
        : packages_(bench::node_packages(where)), broker_(where), port_(bench::free_port()),
          runs_(bench::node_command("intake.js",
                                    {std::to_string(port_), std::to_string(broker_.port())}),
                where / "node.log", {{"NODE_PATH", packages_}}) {
        wait_for(port_);
    }
    std::uint16_t port() const { return port_; }

private:
    std::filesystem::path packages_;
    bench::rabbitmq_server broker_;
    std::uint16_t port_;
    bench::program runs_;
};

/// The latencies of one contestant's rounds.
struct latencies {
    std::vector<double> p50, p99;

    double load(std::uint16_t port) {
        const bench::http_figures figures = bench::put_http_load(port, {});
        p50.push_back(figures.p50_ms);
        p99.push_back(figures.p99_ms);
        return figures.per_second;
    }
};

/// The path of a webhook that is kept, bare: the floor of a durable intake. In one process, and in
/// two as ours is.
void measure_durable(bench::table& figures, const bench::folder& where, int rounds_of_it,
                     const std::string& what,
                     const std::map<std::string, std::string>& environment) {
    const beast_alone bare(where, {where / (what + ".db")}, environment);
    const beast_alone two(where, {where / (what + ".two.db"), "two"}, environment);
    const relay ours(where, environment);
    latencies of_relay, of_bare, of_two;
    const auto rates = bench::in_turn(rounds_of_it, {[&] { return of_relay.load(ours.port()); },
                                                     [&] { return of_bare.load(bare.port()); },
                                                     [&] { return of_two.load(two.port()); }});
    const std::string floor = "Beast and SQLite in one process";
    figures.add({what, "/s", {"relay", rates[0]}, {floor, rates[1]}});
    figures.add({"the same", "/s", {"relay", rates[0]}, {"Beast and SQLite in two", rates[2]}});
    figures.add({"the same, p99",
                 "ms",
                 {"relay", bench::median(of_relay.p99)},
                 {floor, bench::median(of_bare.p99)}});
    // Of one round more, of which all requests are counted.
    const bench::relay_cost from = ours.cost();
    const double n = bench::put_http_load(ours.port(), {}).answered;
    bench::add_costs(figures, from, ours.cost(), n);
}

/// What people build who want the same guarantee.
void measure_beside_rabbitmq(bench::table& figures, const bench::folder& where) {
    bench::peer_if_there<node_with_rabbitmq> peer("Node with RabbitMQ's confirms", where);
    const relay ours(where);
    latencies of_relay, of_peer;
    const auto rates = bench::in_turn(
        slow_rounds,
        {[&] { return of_relay.load(ours.port()); },
         [&] { return peer.measured([&](const auto& p) { return of_peer.load(p.port()); }); }});
    figures.add({"the same", "/s", {"relay", rates[0]}, {peer.name(), rates[1]}});
}

/// In a relay of its own.
void count_calls(bench::table& figures, const bench::folder& where) {
    const auto counts = where / "counts";
    const relay ours(where, bench::counting_in(counts));
    const bench::relay_cost from = ours.cost(counts);
    const double n = bench::put_http_load(ours.port(), {}).answered;
    bench::add_calls(figures, from, ours.cost(counts), n);
}

void measure(bench::table& figures) {
    const bench::folder where;
    const auto disk = bench::time_syncs(where.path());
    figures.add({"fsync of the disk below, p50", "ms", {"disk", disk.p50}, {"p99", disk.p99}});
    measure_durable(figures, where, rounds, "webhooks of 1 KB, 64 connections", {});
    count_calls(figures, where);
    measure_beside_rabbitmq(figures, where);
    for (const std::string more : {"1", "3"})
        measure_durable(figures, where, slow_rounds, "with " + more + " ms more a commit",
                        {{"LD_PRELOAD", bench::child_program("libbench_slow_disk.so")},
                         {"SLOW_SYNC_MS", more}});
    const beast_alone beast(where);
    const http_alone server;
    latencies of_server, of_beast;
    const auto rates = bench::in_turn(slow_rounds, {[&] { return of_server.load(server.port()); },
                                                    [&] { return of_beast.load(beast.port()); }});
    figures.add({"the same, nothing kept",
                 "/s",
                 {"its HTTP server alone", rates[0]},
                 {"Beast answering 200 and nothing else", rates[1]}});
}

const bench::benchmark registered("intake", measure);

}  // namespace
