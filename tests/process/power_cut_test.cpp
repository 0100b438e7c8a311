// Shows that what was answered 200 outlives power cuts. The real relay runs on a disk whose changes
// are recorded (support/power_cut/). At a cut all of its processes are killed, and its files become
// what a disk would have kept: of what was not synced nothing, or torn parts. Then it starts again
// from these. A disk that lies about its syncs must be seen to lose: so the check can fail.
#include "tests/support/disk_faults.hpp"
#include "tests/support/disk_model.hpp"
#include "tests/support/files.hpp"
#include "tests/support/http_sink.hpp"
#include "tests/support/left_processes.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/webhook_flood.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <optional>
#include <random>

using namespace std::chrono_literals;
using support::disk_model;

namespace {

enum class disk_kind { honest, lying };

/// A relay between a sender and a destination, and the disk below it.
class cut_relay {
public:
    cut_relay(std::uint64_t seed, disk_kind kind) : dice_(seed), kind_(kind) {
        std::filesystem::create_directory(state_);
        std::filesystem::permissions(state_, std::filesystem::perms::owner_all);
        support::write_file(settings_, R"({"to": ")" + sink_.url() + R"(", "listen": "127.0.0.1:)" +
                                           std::to_string(port_) + R"(", "state": ")" +
                                           state_.string() +
                                           R"(", "retry_every": "200ms", "timeout": "1s"})");
    }
    ~cut_relay() { kill_all(); }
    cut_relay(const cut_relay&) = delete;
    cut_relay& operator=(const cut_relay&) = delete;

    /// Runs until some more webhooks are kept, and then some moments more.
    void run_to_a_cut(disk_model::damage how) {
        start();
        keep_more(10 + dice_() % 30);
        loop_.run_for(std::chrono::milliseconds(dice_() % 60));
        kill_all();
        restore(how);
    }

    /// Runs without a cut until all that was answered 200 has arrived, or nothing comes any more.
    /// How many are lost.
    std::size_t lost() {
        start();
        flood_.stop();
        std::size_t arrived = 0;
        for (bool more = true; missing() > 0 && more;) {
            arrived = sink_.received().size();
            more = loop_.until([&] { return sink_.received().size() > arrived || missing() == 0; },
                               patience_);
        }
        return missing();
    }
    std::size_t kept() const { return flood_.kept().size(); }
    void give_up_after(supe::duration quiet) { patience_ = quiet; }
    support::http_sink& destination() { return sink_; }

private:
    void start() {
        const std::string log = support::write_file(log_, "");
        std::map<std::string, std::string> variables = faults_.environment(state_);
        variables["POWER_CUT_LOG"] = log;
        if (kind_ == disk_kind::lying) variables["POWER_CUT_LIES"] = "1";
        relay_.emplace(loop_, std::vector<std::string>{SUPE_BINARY, "relay", settings_.string()},
                       std::move(variables));
    }

    void keep_more(std::size_t n) {
        const std::size_t enough = flood_.kept().size() + n;
        const bool kept = loop_.until([&] { return flood_.kept().size() >= enough; }, 30s);
        BOOST_TEST(kept, relay_->output());
    }

    void kill_all() {
        if (!relay_) return;
        relay_->signal(SIGKILL);
        relay_->wait();
        BOOST_TEST(loop_.until([this] { return !support::anybody_has(state_.string()); }, 20s));
        relay_.reset();
    }

    /// Makes of the files what the disk has kept.
    void restore(disk_model::damage how) {
        disk_model disk(safe_);
        support::play_records(disk, support::read_file(log_));
        safe_ = disk.after_cut(how, [this](std::uint64_t n) { return dice_() % n; });
        std::vector<std::filesystem::path> there;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(state_))
            if (entry.is_regular_file()) there.push_back(entry.path());
        for (const auto& path : there)
            if (!safe_.contains(path.string())) std::filesystem::remove(path);
        for (const auto& [path, bytes] : safe_) {
            const bool is_new = !std::filesystem::exists(path);
            support::write_file(path, bytes);
            if (is_new)
                std::filesystem::permissions(
                    path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        }
    }

    std::size_t missing() {
        for (; seen_ < sink_.received().size(); ++seen_)
            arrived_.insert(sink_.received()[seen_].body());
        std::size_t n = 0;
        for (const std::string& body : flood_.kept()) n += arrived_.contains(body) ? 0 : 1;
        return n;
    }

    std::mt19937_64 dice_;
    disk_kind kind_;
    support::temporary_directory directory_{support::in_memory()};
    std::filesystem::path state_ = directory_ / "state", log_ = directory_ / "records",
                          settings_ = directory_ / "relay.json";
    support::disk_faults faults_{directory_ / "faults"};
    support::event_loop loop_;
    unsigned short port_ = support::free_port();
    support::http_sink sink_{loop_};
    support::webhook_flood flood_{loop_, port_, 2};
    std::optional<support::program> relay_;
    disk_model::files safe_;
    std::set<std::string> arrived_;
    std::size_t seen_ = 0;
    supe::duration patience_ = 2min;  // a circuit that is open waits for half a minute
};

/// $SUPE_SEED, else any.
std::uint64_t a_seed() {
    const std::uint64_t seed = support::from_environment("SUPE_SEED", std::random_device{}());
    BOOST_TEST_MESSAGE("seed " << seed);
    return seed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(power_cut)

// Twelve cuts ($SUPE_CUTS) at random moments, of which each second one tears: acknowledged =
// delivered.
BOOST_AUTO_TEST_CASE(nothing_is_lost) {
    const std::uint64_t seed = a_seed();
    BOOST_TEST_INFO_SCOPE("seed " << seed);
    cut_relay relay(seed, disk_kind::honest);
    const std::uint64_t cuts = support::from_environment("SUPE_CUTS", 12);
    for (std::uint64_t i = 0; i < cuts; ++i)
        relay.run_to_a_cut(i % 2 == 0 ? disk_model::damage::lost : disk_model::damage::torn);
    BOOST_TEST(relay.lost() == 0u);
    BOOST_TEST(relay.kept() >= 10 * cuts);
    BOOST_TEST_MESSAGE(relay.kept() << " webhooks were kept over " << cuts << " cuts");
}

// The same check on a disk that confirms syncs and keeps nothing: it finds the loss.
BOOST_AUTO_TEST_CASE(a_lying_disk_is_found_out) {
    const std::uint64_t seed = a_seed();
    BOOST_TEST_INFO_SCOPE("seed " << seed);
    cut_relay relay(seed, disk_kind::lying);
    relay.give_up_after(3s);
    relay.destination().go_down();  // what has arrived before the cut cannot be lost
    for (int i = 0; i < 3; ++i) relay.run_to_a_cut(disk_model::damage::lost);
    relay.destination().listen();
    BOOST_TEST(relay.lost() > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
