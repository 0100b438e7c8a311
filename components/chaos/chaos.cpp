#include "components/chaos/chaos.hpp"

#include "components/chaos/chaos_destination.hpp"
#include "components/chaos/relay_process.hpp"
#include "components/http/connection.hpp"
#include "supe/async/race.hpp"

#include <fmt/format.h>
#include <boost/asio/basic_signal_set.hpp>
#include <csignal>
#include <fstream>
#include <random>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto try_again = 20ms;
constexpr auto answer_limit = 30s;
constexpr auto start_limit = 30s;
constexpr auto drain_limit = 120s;  // without an arrival
constexpr auto recovery_limit = 60s;
constexpr auto stop_limit = 60s;
constexpr auto look_every = 50ms;  // whether the relay has ended, or all has arrived
constexpr auto tell_every = 10s;
constexpr std::uint64_t most_on_their_way = 2000;  // then the senders wait

/// That was free a moment ago.
unsigned short free_port(supe::clock& time) {
    const tcp_acceptor once(time.executor(), {boost::asio::ip::address_v4::loopback(), 0});
    return once.local_endpoint().port();
}

class chaos_run {
public:
    chaos_run(supe::clock& time, const chaos_settings& s)
        : time_(time), settings_(s), dice_(s.seed), destination_(time, ledger_, s.seed),
          port_(free_port(time)), relay_(relay_words(), s.directory / "relay.log") {}

    supe::awaitable<> run() {
        const auto body = [this](supe::nursery& all) { return perform(all); };
        co_await supe::with_nursery(time_, body);
    }
    chaos_report report() const {
        chaos_report r = report_;
        r.counts = ledger_.counts();
        r.most_open = destination_.most_open();
        r.longest_pause =
            std::chrono::duration_cast<supe::milliseconds>(destination_.longest_pause());
        r.connections = settings_.connections;
        return r;
    }

private:
    /// A short timeout: permits of a process that was killed with an answer unread rest so long.
    std::vector<std::string> relay_words() const {
        const auto file = settings_.directory / "relay.json";
        std::ofstream(file) << fmt::format(
            R"({{"to": "http://127.0.0.1:{}", "listen": "127.0.0.1:{}", "connections": {},)"
            R"( "retry_every": "1s", "timeout": "1s", "state": "{}"}})",
            destination_.port(), port_, settings_.connections,
            (settings_.directory / "state").string());
        return {"relay", file.string()};
    }

    /// The phases, and what goes on beside them.
    supe::awaitable<> perform(supe::nursery& all) {
        relay_.start();
        all.start(destination_.run());
        all.start(watch_signals());
        all.start(tell());
        for (unsigned i = 0; i < settings_.senders; ++i) all.start(send());
        const bool up = co_await is_up();
        if (up) {
            co_await kill_and_restart();
            is_sending_ = false;
            if (!report_.was_interrupted) co_await drain();
        } else if (!report_.was_interrupted) {
            report_.trouble = fmt::format("the relay took no webhook within 30 s: see {}",
                                          (settings_.directory / "relay.log").string());
        }
        is_sending_ = false;
        co_await stop();
        all.cancel();
    }

    bool is_over(supe::time_point end) const {
        return report_.was_interrupted || time_.now() >= end;
    }

    supe::awaitable<bool> is_up() {
        const auto end = time_.now() + start_limit;
        while (acknowledged_ == 0 && !is_over(end)) co_await time_.sleep_for(look_every);
        co_return acknowledged_ > 0;
    }

    supe::awaitable<> kill_and_restart() {
        const auto began = time_.now();
        const auto end = began + settings_.lasts;
        for (unsigned i = 1; i <= settings_.kills && !is_over(supe::never); ++i) {
            const auto due = began + settings_.lasts / settings_.kills * i;
            while (!is_over(due)) co_await look(due);
            // Every other kill may hit a relay that has not recovered from the last one. Were all
            // kills like that, the relay would never come as far as its last components.
            if (i % 2 == 0) co_await recover();
            while (!report_.was_interrupted && !kill_one()) co_await look(supe::never);
        }
        while (!is_over(end)) co_await look(end);
    }

    /// Until something has arrived since the last kill.
    supe::awaitable<> recover() {
        const auto end = time_.now() + recovery_limit;
        while (destination_.last_arrival() <= last_kill_ && !is_over(end)) co_await look(end);
    }

    /// A relay that was killed as a whole is started again, as systemd would.
    supe::awaitable<> look(supe::time_point until) {
        if (!relay_.is_running()) relay_.start();
        co_await time_.sleep_until(std::min<supe::time_point>(until, time_.now() + look_every));
    }

    /// False while the relay has no child yet: kills that come faster than it starts would hit
    /// nothing else.
    bool kill_one() {
        const auto parts = relay_.parts();
        if (parts.size() < 2) return false;
        // The relay itself is one among twenty: it takes all others with it.
        const bool whole = dice_() % 20 == 0;
        const auto& chosen = whole ? parts.front() : parts[1 + dice_() % (parts.size() - 1)];
        if (::kill(chosen.pid, SIGKILL) != 0) return false;
        ++report_.kills[chosen.name];
        last_kill_ = time_.now();
        return true;
    }

    supe::awaitable<> drain() {
        while (ledger_.missing() > 0 && !report_.was_interrupted &&
               time_.now() < destination_.last_arrival() + drain_limit)
            co_await look(supe::never);
    }

    supe::awaitable<> stop() {
        relay_.signal(SIGTERM);
        const auto end = time_.now() + stop_limit;
        while (relay_.is_running() && time_.now() < end) co_await time_.sleep_for(look_every);
    }

    /// One sender: the next webhook when it has the answer, or knows that there will be none.
    supe::awaitable<> send() {
        const http_destination to = parse_destination(fmt::format("http://127.0.0.1:{}", port_));
        std::unique_ptr<http_connection> connection;
        while (is_sending_) {
            while (ledger_.missing() > most_on_their_way) co_await time_.sleep_for(try_again);
            if (!connection) connection = co_await connected(to);
            if (!connection) continue;
            const std::uint64_t number = ledger_.attempt();
            const std::string body = chaos_body(number);
            const std::string head = fmt::format(
                "POST /chaos/{} HTTP/1.1\r\nHost: chaos\r\nContent-Type: text/plain\r\n"
                "Content-Length: {}\r\n\r\n",
                number, body.size());
            const exchange_limits limits{time_.now() + answer_limit, answer_limit};
            const http_reply reply = co_await connection->exchange(head, body, limits);
            if (reply.status == 200) {
                ledger_.acknowledge(number);
                ++acknowledged_;
            }
            if (!connection->reusable()) connection.reset();
            if (reply.status != 200) co_await time_.sleep_for(try_again);
        }
    }

    supe::awaitable<std::unique_ptr<http_connection>> connected(http_destination to) {
        auto made = std::make_unique<http_connection>(time_, std::move(to));
        std::vector<std::string> peers{fmt::format("127.0.0.1:{}", port_)};
        const std::string refused =
            co_await made->connect(std::move(peers), time_.now() + answer_limit);
        if (!refused.empty()) {
            made.reset();
            co_await time_.sleep_for(try_again);
        }
        co_return made;
    }

    supe::awaitable<> watch_signals() {
        boost::asio::basic_signal_set<supe::loop_executor> signals(time_.executor(), SIGINT,
                                                                   SIGTERM);
        const auto [failed, number] = co_await signals.async_wait(as_result);
        if (!failed) report_.was_interrupted = true;
    }

    supe::awaitable<> tell() {
        const auto began = time_.now();
        for (;;) {
            co_await time_.sleep_for(tell_every);
            unsigned kills = 0;
            for (const auto& [name, n] : report_.kills) kills += n;
            fmt::print(
                stderr, "[chaos] {} s: {} kills, {} acknowledged, {} on their way\n",
                std::chrono::duration_cast<std::chrono::seconds>(time_.now() - began).count(),
                kills, acknowledged_, ledger_.missing());
        }
    }

    supe::clock& time_;
    const chaos_settings& settings_;
    std::mt19937_64 dice_;
    chaos_ledger ledger_;
    chaos_destination destination_;
    unsigned short port_;
    relay_process relay_;
    bool is_sending_ = true;
    std::uint64_t acknowledged_ = 0;
    supe::time_point last_kill_{};
    chaos_report report_;
};

}  // namespace

chaos_report run_chaos(const chaos_settings& settings) {
    boost::asio::io_context loop(1);
    supe::real_clock time(loop.get_executor());
    chaos_run run(time, settings);
    supe::nursery all(time);
    std::string trouble;
    const auto body = [&]() -> supe::awaitable<> {
        try {
            co_await run.run();
        } catch (const std::exception& e) {
            trouble = e.what();
        }
    };
    all.start(body());
    loop.run();
    chaos_report report = run.report();
    if (!trouble.empty()) report.trouble = trouble;
    return report;
}

}  // namespace components
