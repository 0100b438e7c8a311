// Webhooks a second that the relay delivers from a backlog, over 64 connections, to a destination
// that answers at once; each is struck from the disk by its result.
#include "components/queue/webhook_store.hpp"
#include "components/webhook/webhook.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/destination.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/programs.hpp"
#include "tests/bench/relay_cost.hpp"

#include <fmt/format.h>
#include <cstdlib>
#include <filesystem>

namespace {

namespace fs = std::filesystem;

constexpr int delivery_rounds = 3;
constexpr unsigned backlog = 100'000;
constexpr unsigned warm = 2'000;  // delivered before the time begins
constexpr unsigned permits = 64;

/// As the intake would have left them.
void fill(const fs::path& file) {
    components::webhook_store store(file);
    store.begin();
    store.routes().lane_of("default");
    components::webhook w;
    w.method = "POST";
    w.target = "/webhooks/sendgrid?source=bench";
    w.headers = {{"Host", "127.0.0.1"},
                 {"User-Agent", "bench"},
                 {"Accept", "*/*"},
                 {"Content-Type", "application/json"},
                 {"X-Signature", "t=1700000000,v1=5257a869e7ecebeda32affa62cdca3fa"},
                 {"Content-Length", "1024"}};
    w.remote = "127.0.0.1";
    w.body = bench::webhook_body(1024);
    w.received_at = 1'700'000'000'000;
    for (unsigned i = 1; i <= backlog; ++i) {
        w.id = fmt::format("{:026}", i);
        const std::string text = components::to_json(w);
        store.insert({.id = w.id, .text = text, .accepted_at = w.received_at});
        if (i % 1000 == 0) {
            store.commit();
            store.begin();
        }
    }
    store.commit();
}

struct drains {
    std::vector<double> p50, p95;
    bench::relay_cost from, to;  // of the last one

    /// `counts`: where calls are counted.
    double drain(const bench::folder& where, const fs::path& counts = {}) {
        const fs::path state = where / "relay";
        fs::remove_all(state);
        fs::create_directories(state);
        fs::copy_file(where / "backlog.db", state / "queue.db");
        const bench::destination app(where / "destination.log");
        const std::uint16_t port = bench::free_port();
        const bench::program relay(
            {SUPE_BINARY, "relay", "--to", fmt::format("http://127.0.0.1:{}/", app.port()),
             "--listen", fmt::format("127.0.0.1:{}", port), "--connections",
             std::to_string(permits), "--state", state},
            where / "relay.log",
            counts.empty() ? std::map<std::string, std::string>() : bench::counting_in(counts));
        const auto has_come = [&](unsigned n) {
            bench::wait_until([&] { return app.seen().count >= n; }, "nothing is delivered", 120);
        };
        has_come(warm);
        const double before = app.seen().count;
        from = bench::cost_of(relay.pid(), state, counts);
        const double ms = bench::milliseconds_of([&] { has_come(backlog); });
        to = bench::cost_of(relay.pid(), state, counts);
        const auto seen = app.seen();
        p50.push_back(seen.p50_ms);
        p95.push_back(seen.p95_ms);
        return 1000 * (backlog - before) / ms;
    }
};

void measure_delivery(bench::table& figures) {
    const bench::folder where;
    fill(where / "backlog.db");
    const bench::destination bare(where / "bare.log");
    drains ours;
    std::vector<double> floor_p50;
    const auto rates =
        bench::in_turn(delivery_rounds, {[&] { return ours.drain(where); },
                                         [&] {
                                             const auto f = bench::put_http_load(
                                                 bare.port(), {.connections = permits});
                                             floor_p50.push_back(f.p50_ms);
                                             return f.per_second;
                                         }});
    const auto disk = bench::time_syncs(where.path());
    figures.add({fmt::format("{} queued webhooks of 1 KB, {} connections", backlog, permits),
                 "/s",
                 {"relay", rates[0]},
                 {"bare client, nothing kept", rates[1]}});
    figures.add({"from one to the next of a connection, p50",
                 "ms",
                 {"relay", bench::median(ours.p50)},
                 {"bare client", bench::median(floor_p50)}});
    figures.add({"the same, p95", "ms", {"relay", bench::median(ours.p95)}, {"", 0}});
    figures.add({"fsync of the same disk, p50", "ms", {"disk", disk.p50}, {"p99", disk.p99}});
    bench::add_costs(figures, ours.from, ours.to, backlog - warm);
    drains counted;
    counted.drain(where, where / "counts");
    bench::add_calls(figures, counted.from, counted.to, backlog - warm);
}

const bench::benchmark registered_delivery("delivery", measure_delivery);

}  // namespace
