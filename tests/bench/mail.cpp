// Acknowledged mail through a supervisor: sender, supervisor and receiver are processes of their
// own, 256-byte mails.
#include "supe/control/client.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/mail_peers.hpp"
#include "tests/bench/programs.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <boost/json/object.hpp>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace {

namespace json = boost::json;

using bench::mails_at_once;

/// A tree with a sender and a receiver. A mail from the control socket starts a round.
class mail_tree {
public:
    /// `journal`: the supervisor has a journal. `confirmed`: the sender waits for each
    /// MAIL-ACCEPTED.
    struct options {
        bool journal = false, confirmed = false;
    };

    mail_tree(const bench::folder& where, const std::string& name, unsigned window)
        : mail_tree(where, name, window, options{}) {}
    mail_tree(const bench::folder& where, const std::string& name, unsigned window, options o)
        : name_(name), options_(o), state_(where / (name_ + ".state")),
          moments_(where / (name_ + ".fifo")) {
        const auto tree = where / (name_ + ".json");
        const std::string child = bench::child_program("bench_mail_child");
        std::ofstream(tree) << fmt::format(
            R"({{"supe": 1, "name": "bench", "mail": {{"journal": {}}}, "children": [
    {{"name": "receiver", "command": ["{}", "receiver", "{}"], "env": {{"BENCH_FIFO": "{}"}},
      "mail": {{"limit": 3000000, "limit_bytes": "2GiB"}}}},
    {{"name": "sender", "command": ["{}", "{}"], "env": {{"BENCH_FIFO": "{}"}}}}]}})",
            o.journal, child, window, moments_.path(), child, o.confirmed ? "confirmed" : "sender",
            moments_.path());
        supervisor_ = std::make_unique<bench::program>(
            std::vector<std::string>{SUPE_BINARY, "run", tree, "--state", state_},
            where / (name_ + ".log"));
        bench::wait_until([this] { return supe::control::client::connect(state_).has_value(); },
                          "the tree does not start");
    }

    /// Mails a second, from the first one sent to the last one acknowledged (with `confirmed`: and
    /// confirmed).
    double all_at_once() {
        start_round(mails_at_once);
        const auto begun = moments_.next().at_ns;
        std::int64_t ended = begun;  // the receiver's first mail; then in any order its last ack
                                     // and the last confirm
        for (int more = options_.confirmed ? 3 : 2; more > 0; --more)
            ended = std::max(ended, moments_.next().at_ns);
        return per_second(mails_at_once, ended - begun);
    }

    /// Mails a second from the receiver's first mail to its last ack, with all mail in the mailbox
    /// before the receiver starts.
    double already_waiting(int count) {
        fill(count);
        return drained(count);
    }
    void fill(int count) {
        ask({{"do", "stop"}, {"address", "/receiver"}});
        start_round(count);
        moments_.next();
        bench::wait_until([&] { return queued() >= count; }, "the mails do not arrive", 120);
    }
    double drained(int count) {
        ask({{"do", "start"}, {"address", "/receiver"}});
        const auto first = moments_.next().at_ns;
        return per_second(count, moments_.next().at_ns - first);
    }
    pid_t pid() const { return supervisor_->pid(); }

private:
    static double per_second(int count, std::int64_t ns) {
        return count * 1e9 / static_cast<double>(ns);
    }
    json::value ask(json::object request) const {
        auto client = supe::control::client::connect(state_);
        return client ? client->ask(request) : throw std::runtime_error("the tree is gone");
    }
    void start_round(int count) { ask({{"do", "mail"}, {"to", "/sender"}, {"msg", count}}); }
    std::int64_t queued() const {
        return ask({{"do", "status"}, {"address", "/receiver"}})
            .at("ok")
            .at("mailbox")
            .at("queued")
            .as_int64();
    }

    std::string name_;
    options options_;
    std::filesystem::path state_;
    bench::births moments_;
    std::unique_ptr<bench::program> supervisor_;
};

// --- figures ---

double rss_bytes(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/statm", pid));
    double total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// A million held mails: their memory, the memory that is left when they are gone, and whether they
/// slow mail down.
void measure_backlog(bench::table& figures, const bench::folder& where, double plain) {
    constexpr int million = 1'000'000;
    constexpr double their_bytes = million * bench::mail_size / double(1 << 20);
    mail_tree tree(where, "backlog", 1024);
    tree.all_at_once();
    const double before = rss_bytes(tree.pid());
    tree.fill(million);
    const double held = rss_bytes(tree.pid()) - before;
    const double speed = tree.drained(million);
    const double left = rss_bytes(tree.pid()) - before;
    figures.add(
        {"the same, a million waiting", "mails/s", {"supe", speed}, {"supe, 20,000", plain}});
    figures.add({"a million held mails, memory",
                 "MiB",
                 {"supe", held / (1 << 20)},
                 {"their bytes", their_bytes}});
    figures.add({"the same, left after the drain",
                 "MiB",
                 {"supe", left / (1 << 20)},
                 {"their bytes", their_bytes}});
}

constexpr auto one_round = [](auto& peer) { return peer.all_at_once(); };

void measure_mail(bench::table& figures, const bench::folder& where) {
    mail_tree one(where, "window-1", 1), some(where, "window-64", 64),
        many(where, "window-1024", 1024);
    bench::peer_if_there<bench::npm_supe> npm("npm supe 0.5.2", where);
    bench::bare_sockets hops(0), router_64(64), router_1024(1024);
    const auto speeds = bench::in_turn(
        15, {[&] { return some.all_at_once(); }, [&] { return many.all_at_once(); },
             [&] { return one.already_waiting(mails_at_once); },
             [&] { return many.already_waiting(mails_at_once); }, bench::ping_pong,
             [&] { return router_64.all_at_once(); }, [&] { return router_1024.all_at_once(); },
             [&] { return hops.all_at_once(); }, [&] { return npm.measured(one_round); }});
    const bench::contestant window_64{"supe", speeds[0]}, window_1024{"supe", speeds[1]},
        waiting{"supe", speeds[3]};
    figures.add({"acknowledged mails, window 64", "mails/s", window_64, {npm.name(), speeds[8]}});
    figures.add({"the same", "mails/s", window_64, {"bare router", speeds[5]}});
    figures.add(
        {"acknowledged mails, window 1024", "mails/s", window_1024, {"bare router", speeds[6]}});
    figures.add({"the same", "mails/s", window_1024, {"two bare hops", speeds[7]}});
    figures.add(
        {"window 1, all waiting", "mails/s", {"supe", speeds[2]}, {"bare ping-pong", speeds[4]}});
    figures.add({"window 1024, all waiting", "mails/s", waiting, {"bare router", speeds[6]}});
    measure_backlog(figures, where, speeds[3]);
}

void measure_journal(bench::table& figures, const bench::folder& where) {
    mail_tree unconfirmed(where, "journal", 1024, {.journal = true, .confirmed = false});
    mail_tree confirmed(where, "confirmed", 1024, {.journal = true, .confirmed = true});
    bench::bare_sockets router(1024);
    bench::peer_if_there<bench::rabbitmq> rabbitmq("RabbitMQ", where);
    const auto speeds = bench::in_turn(
        9, {[&] { return confirmed.all_at_once(); }, [&] { return rabbitmq.measured(one_round); },
            [&] { return unconfirmed.all_at_once(); }, [&] { return router.all_at_once(); }});
    figures.add({"journaled, each confirmed, window 1024",
                 "mails/s",
                 {"supe", speeds[0]},
                 {rabbitmq.name(), speeds[1]}});
    figures.add(
        {"journaled, window 1024", "mails/s", {"supe", speeds[2]}, {"bare router", speeds[3]}});
}

void measure(bench::table& figures) {
    const bench::folder where;
    measure_mail(figures, where);
    measure_journal(figures, where);
}

const bench::benchmark registered("mail", measure);

}  // namespace
