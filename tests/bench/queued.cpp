// A relay whose destination was down for long: a million webhooks are queued through its intake,
// then the destination comes back. What all of its processes take in memory, and how fast the queue
// drains at its beginning, in its middle and at its end. Then the replay of what was delivered.
#include "tests/bench/bench.hpp"
#include "tests/bench/destination.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/programs.hpp"
#include "tests/bench/relay_cost.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t queued_body = 200;
constexpr double queued_webhooks = 1'000'000, replayed_webhooks = 100'000;
constexpr unsigned queued_permits = 64;
constexpr int queued_patience = 3600;  // seconds

/// Connections to a port of this machine that are established, as the port's side counts them.
unsigned connections_to(std::uint16_t port) {
    std::ifstream in("/proc/net/tcp");
    const std::string local = fmt::format(":{:04X}", port);
    unsigned n = 0;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string number, from, to, state;
        words >> number >> from >> to >> state;
        n += from.ends_with(local) && state == "01" ? 1 : 0;
    }
    return n;
}

/// A relay whose destination is down until it is told to come up.
class queued_relay {
public:
    queued_relay(const bench::folder& where, const std::string& keep_delivered)
        : where_(where), state_(where / "state"), to_(bench::free_port()),
          port_(bench::free_port()) {
        fs::remove_all(state_);
        const fs::path settings = where / "relay.json";
        std::ofstream(settings) << fmt::format(
            R"({{"to": "http://127.0.0.1:{}/", "listen": "127.0.0.1:{}", "connections": {},
                "state": "{}", "keep_delivered": "{}"}})",
            to_, port_, queued_permits, state_.string(), keep_delivered);
        relay_.emplace(std::vector<std::string>{SUPE_BINARY, "relay", settings},
                       where / "relay.log");
        bench::wait_until([this] { return !bench::ask_http(port_).empty(); },
                          "the relay does not start");
    }
    /// Through the intake, by 64 connections. Webhooks a second.
    double queue(double n) {
        double sent = 0;
        const double ms = bench::milliseconds_of([&] {
            while (sent < n)
                sent += bench::put_http_load(port_, {.body = queued_body,
                                                     .warm_up = std::chrono::milliseconds(0),
                                                     .measured = std::chrono::milliseconds(1000)})
                            .answered;
        });
        accepted_ += sent;
        return 1000 * sent / ms;
    }
    void let_destination_up() { destination_.emplace(where_ / "destination.log", to_); }
    double accepted() const { return accepted_; }
    /// How many have arrived; the most connections are noted. Precondition: it is up.
    double arrived() {
        most_ = std::max(most_, connections_to(to_));
        return destination_->seen().count;
    }
    void wait_for(double n) {
        bench::wait_until([&] { return arrived() >= n; }, "nothing is delivered", queued_patience);
    }
    /// Webhooks a second from one number of arrivals to another.
    double rate(double from, double to) {
        wait_for(from);
        const double begin = arrived();
        const double ms = bench::milliseconds_of([&] { wait_for(to); });
        return 1000 * (arrived() - begin) / ms;
    }
    /// MiB (PSS).
    double memory() const { return bench::cost_of(relay_->pid(), state_).memory; }
    unsigned most_connections() const { return most_; }
    const fs::path& state() const { return state_; }

private:
    const bench::folder& where_;
    fs::path state_;
    std::uint16_t to_, port_;
    double accepted_ = 0;
    unsigned most_ = 0;
    std::optional<bench::program> relay_;
    std::optional<bench::destination> destination_;
};

void measure_queue(bench::table& figures, const bench::folder& where) {
    queued_relay relay(where, "0s");
    const double empty = relay.memory();
    const double intake = relay.queue(queued_webhooks);
    const double all = relay.accepted(), piece = all / 10;
    figures.add({fmt::format("{:.0f} webhooks of {} bytes come, none can go", all, queued_body),
                 "/s",
                 {"intake", intake},
                 {"", 0}});
    figures.add({"memory of all processes when they are queued",
                 "MiB",
                 {"PSS", relay.memory()},
                 {"before the first one", empty}});
    relay.let_destination_up();
    const double first = relay.rate(1, piece);
    figures.add({"the destination is back: the first tenth", "/s", {"relay", first}, {"", 0}});
    const double middle = relay.rate(all / 2, all / 2 + piece);
    figures.add({"the middle tenth", "/s", {"relay", middle}, {"", 0}});
    const double last = relay.rate(all - piece, all);
    figures.add({"the last tenth", "/s", {"relay", last}, {"", 0}});
    figures.add({"memory of all processes at the end",
                 "MiB",
                 {"PSS", relay.memory()},
                 {"most connections", double(relay.most_connections())}});
}

void measure_replay(bench::table& figures, const bench::folder& where) {
    queued_relay relay(where, "1h");
    relay.let_destination_up();
    relay.queue(replayed_webhooks);
    const double before = relay.accepted();
    relay.wait_for(before);
    const double ms = bench::milliseconds_of([&] {
        const bench::program replay(
            {SUPE_BINARY, "webhooks", "replay", "--status", "delivered", "--limit",
             fmt::format("{:.0f}", replayed_webhooks), "--state", relay.state()},
            where / "replay.log");
        relay.wait_for(before + replayed_webhooks);
    });
    figures.add({fmt::format("replay of {:.0f}, until they have arrived again", replayed_webhooks),
                 "s",
                 {"relay", ms / 1000},
                 {fmt::format("most connections, of {}", queued_permits),
                  double(relay.most_connections())}});
}

void measure_queued(bench::table& figures) {
    const bench::folder where;
    measure_queue(figures, where);
    measure_replay(figures, where);
}

const bench::benchmark registered_queued("queued", measure_queued);

}  // namespace
