// The relay on a disk whose writes or syncs fail with EIO (support/power_cut/faults.hpp): senders
// get 503, nothing that was answered 200 is lost, and all goes on when the disk is well.
#include "tests/support/disk_faults.hpp"
#include "tests/support/http_sink.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/webhook_flood.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <random>

using namespace std::chrono_literals;

namespace {

/// A relay between senders and a destination.
struct relay_on_a_bad_disk {
    support::temporary_directory directory{support::in_memory()};
    std::filesystem::path state = directory / "state";
    support::disk_faults faults{directory / "faults"};
    support::event_loop loop;
    unsigned short port = support::free_port();
    support::http_sink sink{loop};
    std::vector<std::string> command{SUPE_BINARY,     "relay",
                                     "--to",          sink.url(),
                                     "--listen",      "127.0.0.1:" + std::to_string(port),
                                     "--state",       state.string(),
                                     "--retry-every", "200ms"};
    support::program relay{loop, command, faults.environment(state)};
    support::webhook_flood flood{loop, port, 4};

    void takes_more(std::size_t n) {
        const std::size_t enough = flood.kept().size() + n;
        const bool kept = loop.until([&] { return flood.kept().size() >= enough; }, 60s);
        BOOST_TEST(kept, relay.output());
    }
    std::size_t refused() const {
        const auto found = flood.answers().find(503);
        return found == flood.answers().end() ? 0 : found->second;
    }
    void refuses_more(std::size_t n) {
        const std::size_t enough = refused() + n;
        BOOST_TEST(loop.until([&] { return refused() >= enough; }, 60s), relay.output());
    }
    /// Bodies that were answered 200, and have arrived.
    std::size_t arrived() const {
        std::set<std::string> left = flood.kept();
        for (const auto& r : sink.received()) left.erase(r.body());
        return flood.kept().size() - left.size();
    }
    support::finished ask(std::vector<std::string> words) {
        words.insert(words.begin(), SUPE_BINARY);
        words.insert(words.end(), {"--state", state.string()});
        return support::run(loop, std::move(words));
    }
    /// All that was answered 200 arrives, nothing else does, and the ledger is exact.
    void loses_nothing() {
        flood.stop();
        BOOST_TEST(loop.until([&] { return flood.is_over(); }, 60s));
        BOOST_TEST(loop.until([&] { return arrived() == flood.kept().size(); }, 60s),
                   relay.output());
        std::size_t unexpected = 0;
        for (const auto& r : sink.received()) unexpected += flood.sent().contains(r.body()) ? 0 : 1;
        BOOST_TEST(unexpected == 0u);
        for (const auto& [status, n] : flood.answers())
            BOOST_TEST((status == 200 || status == 503), status);
        relay.signal(SIGTERM);
        BOOST_TEST(relay.wait(60s).value_or(-1) == 0, relay.output());
        const auto ledger = ask({"relay", "--check-ledger"});
        BOOST_TEST(ledger.code == 0, ledger.output);
        BOOST_TEST(ledger.output.find("queued 0 ") != std::string::npos, ledger.output);
    }
    /// All calls of one kind fail for a while; `failed` counts them.
    template <class Faults, class Count>
    void outlives(Faults& kind, const Count& failed) {
        takes_more(50);
        kind = support::disk_faults::for_ever;
        refuses_more(20);
        faults.end();
        takes_more(50);
        BOOST_TEST(failed > 0u);
        loses_nothing();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(disk_faults)

// No write of the whole disk succeeds for a while.
BOOST_AUTO_TEST_CASE(writes) {
    relay_on_a_bad_disk r;
    r.outlives(r.faults->writes, r.faults->failed_writes);
}

// No sync does.
BOOST_AUTO_TEST_CASE(syncs) {
    relay_on_a_bad_disk r;
    r.outlives(r.faults->syncs, r.faults->failed_syncs);
}

// Some calls fail, again and again, and the queue is killed between them.
BOOST_AUTO_TEST_CASE(some_calls) {
    relay_on_a_bad_disk r;
    r.faults.only_of("queue.db");
    r.takes_more(10);
    std::mt19937 dice(std::random_device{}());
    for (int round = 0; round < 12; ++round) {
        r.faults->writes = static_cast<std::int32_t>(dice() % 4);
        r.faults->syncs = static_cast<std::int32_t>(dice() % 4);
        r.loop.until([&] { return r.faults->writes == 0 && r.faults->syncs == 0; }, 30s);
        const pid_t queue = round % 3 == 2 ? support::pid_in(r.state, "/dam/queue") : 0;
        if (queue > 0) ::kill(queue, SIGKILL);
        r.takes_more(20);
    }
    BOOST_TEST(r.faults->failed_writes + r.faults->failed_syncs > 0u);
    r.loses_nothing();
}

BOOST_AUTO_TEST_SUITE_END()
