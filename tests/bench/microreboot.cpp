// What senders notice while the relay's components are killed and restarted: 64 of them post
// without pause, and each component is killed a hundred times. And intake and delivery at once,
// undisturbed.
#include "supe/control/client.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/destination.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/programs.hpp"
#include "tests/bench/relay_cost.hpp"

#include <fmt/format.h>
#include <boost/json/value.hpp>
#include <csignal>
#include <filesystem>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;

constexpr int posting_senders = 64;
constexpr int kills_of_each = 100;
constexpr auto between_kills = 250ms;
constexpr auto undisturbed = 5s;

/// A relay that delivers to a destination which answers at once.
class delivering_relay {
public:
    explicit delivering_relay(const bench::folder& where)
        : app_(where / "destination.log"), port_(bench::free_port()), state_(where / "state"),
          runs_({SUPE_BINARY, "relay", "--to", fmt::format("http://127.0.0.1:{}/", app_.port()),
                 "--listen", fmt::format("127.0.0.1:{}", port_), "--connections", "64", "--state",
                 state_},
                where / "relay.log") {
        bench::wait_until([this] { return !bench::ask_http(port_).empty(); },
                          "the relay does not start");
    }
    std::uint16_t port() const { return port_; }
    double delivered() const { return app_.seen().count; }
    bench::relay_cost cost() const { return bench::cost_of(runs_.pid(), state_); }

    /// Of the child at this address; 0 while it has no process.
    pid_t pid_of(std::string_view address) const {
        auto tree = supe::control::client::connect(state_);
        if (!tree) return 0;
        const auto answer = tree->ask({{"do", "status"}, {"address", address}});
        const auto* node = answer.is_object() ? answer.get_object().if_contains("ok") : nullptr;
        if (!node || !node->is_object()) return 0;
        const auto* pid = node->get_object().if_contains("pid");
        return pid && pid->is_int64() ? static_cast<pid_t>(pid->get_int64()) : 0;
    }

private:
    bench::destination app_;
    std::uint16_t port_;
    std::filesystem::path state_;
    bench::program runs_;
};

/// The p99 of a webhook's answer, in ms.
double measure_both(bench::table& figures, const delivering_relay& relay,
                    bench::http_senders& senders) {
    senders.go_on_for(500ms);
    senders.take();
    const bench::relay_cost from = relay.cost();
    const double delivered = relay.delivered();
    senders.go_on_for(undisturbed);
    const double seconds = std::chrono::duration<double>(undisturbed).count();
    const auto seen = senders.take();
    const double gone = relay.delivered() - delivered;
    figures.add({"intake and delivery at once, 64 connections each",
                 "/s",
                 {"taken", seen.answered / seconds},
                 {"delivered", gone / seconds}});
    figures.add({"the same, until the 200", "ms", {"p50", seen.p50_ms}, {"p99", seen.p99_ms}});
    bench::add_costs(figures, from, relay.cost(), seen.answered);
    return seen.p99_ms;
}

void measure_kills_of(bench::table& figures, const delivering_relay& relay,
                      bench::http_senders& senders, const std::string& address, double quiet_ms) {
    for (int i = 0; i < kills_of_each; bench::go_on()) {
        const pid_t pid = relay.pid_of(address);
        if (pid > 0 && ::kill(pid, SIGKILL) == 0) ++i;
        senders.go_on_for(between_kills);
    }
    senders.finish();
    const auto seen = senders.take();
    figures.add(
        {fmt::format("{} killed {} times: p99 of {:.0f}", address, kills_of_each, seen.answered),
         "ms",
         {"", seen.p99_ms},
         {"undisturbed", quiet_ms}});
    figures.add({"the same: the longest",
                 "ms",
                 {"", seen.most_ms},
                 {fmt::format("{:.0f} attempts cut, {:.0f} refused", seen.cut, seen.refused), 0}});
}

void measure_microreboot(bench::table& figures) {
    const bench::folder where;
    const auto disk = bench::time_syncs(where.path());
    figures.add({"fsync of the disk below, p50", "ms", {"disk", disk.p50}, {"p99", disk.p99}});
    const delivering_relay relay(where);
    bench::http_senders senders(relay.port(), posting_senders, 1024);
    const double quiet_ms = measure_both(figures, relay, senders);
    for (const char* address :
         {"/http_server", "/dam/queue", "/dam/forwarder", "/dam", "/connection_lock"})
        measure_kills_of(figures, relay, senders, address, quiet_ms);
}

const bench::benchmark registered_microreboot("microreboot", measure_microreboot);

}  // namespace
