// Random trees with random events: what runs, in which order, which ends count, and that nothing is
// left.
#include "supe/tree/tree_file.hpp"
#include "tests/simulation/supervision_model.hpp"
#include "tests/support/players.hpp"
#include "tests/support/seeds.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

using namespace simulation_tests;
using namespace std::chrono_literals;
using supe::awaitable;
using supe::supervisor;
using supe::simulation::world;

namespace {

/// One run, which follows from its seed.
class run {
public:
    explicit run(std::uint64_t seed) : dice_(seed), world_(seed) {
        support::provide_players(world_);
    }

    /// The faults that were found.
    std::vector<std::string> faults() {
        world_.run(tree(), code(""));
        const unsigned steps = 5 + upto(15);
        for (unsigned i = 0; i < steps && faults_.empty() && !world_.ended(); ++i) {
            step();
            for (auto& [address, a] : actors_) a->model.check();
        }
        if (faults_.empty()) rest();
        if (faults_.empty()) finish();
        return faults_;
    }
    const std::string& log() const { return log_; }

private:
    /// A living supervisor of the tree, with its model and the commands of the operator.
    struct actor {
        actor(supervisor& s, const supe::supervisor_spec& spec, const std::string& address,
              std::vector<std::string>& faults)
            : model(s, spec, address, faults), requests(s.time(), 100) {}
        supervisor_model model;
        supe::queue<std::pair<std::string, supe::child_spec>> requests;
        bool busy = false;  // a request is under way
    };

    unsigned upto(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n)(dice_); }
    bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(dice_) < p; }
    std::string one_of(std::initializer_list<const char*> words) {
        return *(words.begin() + upto(static_cast<unsigned>(words.size()) - 1));
    }

    // --- trees ---

    std::string policy(bool significant_allowed) {
        const auto restart = one_of({"permanent", "permanent", "transient", "temporary"});
        const bool significant = significant_allowed && restart != "permanent" && chance(0.4);
        return fmt::format(
            R"("restart": "{}", "significant": {}, "backoff": {{"first": "{}", "max": "{}", "jitter": 0, "reset_after": "20s"}})",
            restart, significant, one_of({"0ms", "0ms", "300ms", "5s"}), one_of({"5s", "10s"}));
    }
    std::string worker(const std::string& name, bool significant_allowed, bool several) {
        const auto role = one_of({"diligent", "diligent", "late", "slow", "stubborn"});
        return fmt::format(
            R"({{"name": "{}", "component": "{}", {}, "max_restarts": {}, "within": "{}", "shutdown": "{}", "ready": "{}", "on_excessive": "{}", "instances": {}}})",
            name, role, policy(significant_allowed), upto(3), one_of({"5s", "60s"}),
            one_of({"kill", "1s", "5s"}), role == "late" ? "signal" : "started",
            one_of({"stop", "stop", "escalate"}), several ? 1 + upto(2) : 1);
    }
    std::string supervisor_members(const std::string& prefix, unsigned depth) {
        const auto shutdown = one_of({"never", "never", "any_significant", "all_significant"});
        std::string children;
        for (unsigned i = 0, n = 1 + upto(3); i < n; ++i) {
            const std::string name = fmt::format("{}{}", prefix, i);
            const bool nested = depth > 0 && chance(0.25);
            const std::string child =
                nested
                    ? fmt::format(R"({{"name": "{}", {}, {}}})", name, policy(shutdown != "never"),
                                  supervisor_members(name + "_", depth - 1))
                    : worker(name, shutdown != "never", chance(0.2));
            children += (children.empty() ? "" : ", ") + child;
        }
        return fmt::format(
            R"("strategy": "{}", "max_restarts": {}, "within": "{}", "auto_shutdown": "{}", "children": [{}])",
            one_of({"one_for_one", "one_for_all", "rest_for_one"}), 1 + upto(6),
            one_of({"2s", "30s"}), shutdown, children);
    }
    std::string tree() {
        const std::string text = fmt::format(R"({{"name": "t", {}}})", supervisor_members("c", 2));
        log_ += text + "\n";
        const supe::supervisor_spec spec = supe::parse_tree(text, "tree", "/");
        learn(spec, "");
        return text;
    }
    void learn(const supe::supervisor_spec& spec, const std::string& address) {
        specs_[address] = spec;
        world_.provide_code(address, code(address));
        for (const supe::child_spec& c : spec.children) {
            if (c.supervisor) learn(*c.supervisor, address + "/" + c.name);
        }
    }

    // --- beside each supervisor ---

    supe::supervisor_code code(const std::string& address) {
        return [this, address](supervisor& s) { return beside(s, address); };
    }
    awaitable<> beside(supervisor& s, std::string address) {
        const auto here = std::make_shared<actor>(s, specs_.at(address), address, faults_);
        actors_[address] = here;
        struct presence {
            std::map<std::string, std::shared_ptr<actor>>& all;
            std::string address;
            std::shared_ptr<actor> self;
            ~presence() {
                if (all[address] == self) all.erase(address);
            }
        } present{actors_, address, here};
        supe::nursery tasks(s.time());
        tasks.start(serve(s, *here));
        co_await tasks.join();
    }
    /// One request at a time, as the supervisor performs them, and each begins when nothing else
    /// happens: so the model knows what it meets.
    awaitable<> serve(supervisor& s, actor& a) {
        while (auto request = co_await a.requests.pop()) {
            const std::string name = request->second.name;
            if (s.find(name) || request->first == "add")
                co_await perform(s, a.model, request->first, request->second);
            a.busy = false;
        }
    }
    static awaitable<> perform(supervisor& s, supervisor_model& model, std::string what,
                               supe::child_spec spec) {
        supe::administration& admin = s.admin();
        if (what == "stop") {
            model.stopped(spec.name);
            co_await admin.stop(spec.name);
        } else if (what == "start") {
            model.started(spec.name);
            co_await admin.start(spec.name);
        } else if (what == "restart") {
            model.restarted(spec.name);
            co_await admin.restart(spec.name);
        } else if (what == "remove") {
            model.removed(spec.name);
            co_await admin.remove(spec.name);
        } else if (!s.find(spec.name)) {
            model.added(spec);
            co_await admin.add(std::move(spec));
        }
    }

    // --- events ---

    void step() {
        const auto at = std::next(actors_.begin(), upto(static_cast<unsigned>(actors_.size()) - 1));
        const std::string address = at->first;
        actor& a = *at->second;
        const auto& order = a.model.order();
        const std::string name =
            order.empty() ? "" : order[upto(static_cast<unsigned>(order.size()) - 1)];
        const unsigned what = upto(99);
        if (what < 25 || (a.busy && what >= 68 && what < 99)) return let_pass();
        if (name.empty() || what < 32)
            return a.busy ? let_pass()
                          : command(a, address, "add", fmt::format("d{}", ++last_name_));
        const std::string child = address + "/" + name;
        if (what < 60) return end(child);
        if (what < 68) return fail_starts(child);
        if (what < 99)
            return command(a, address, one_of({"stop", "start", "start", "restart", "remove"}),
                           name);
        note("shutdown");
        world_.root().is_stopping() ? world_.root().kill() : world_.root().shutdown();
        world_.run_ready();
    }
    void note(const std::string& what) {
        log_ += fmt::format(
            "{:>8.3f} {}\n",
            std::chrono::duration<double>(world_.time().now().time_since_epoch()).count(), what);
    }
    void let_pass() {
        const milliseconds d(std::array{0, 50, 400, 1000, 3000, 20000, 3600000}[upto(6)]);
        note(fmt::format("{} ms pass", d.count()));
        world_.advance(d);
    }
    void end(const std::string& address) {
        const unsigned how = upto(3);
        note(fmt::format("{} {}", how < 2 ? "crash" : how == 2 ? "exit 3" : "exit 0", address));
        how < 2 ? world_.crash(address) : world_.exit(address, how == 2 ? 3 : 0);
    }
    void fail_starts(const std::string& address) {
        const unsigned n = 1 + upto(2);
        note(fmt::format("the next {} starts of {} fail", n, address));
        world_.fail_next_starts(address, n, {"EAGAIN", "Resource temporarily unavailable"});
    }
    void command(actor& a, const std::string& address, const std::string& what,
                 const std::string& name) {
        note(fmt::format("{} {}/{}", what, address, name));
        supe::child_spec spec;
        spec.name = name;
        if (what == "add")
            spec = supe::parse_child(
                worker(name, specs_[address].auto_shutdown != supe::auto_shutdown_kind::never,
                       false),
                "child", "/");
        a.busy = a.requests.try_push({what, spec});
        world_.run_ready();
    }

    // --- the end ---

    /// After a long time without faults each supervisor is as its model requires.
    void rest() {
        note("an hour without trouble");
        for (int i = 0; i < 12; ++i) world_.advance(5min);
        for (auto& [address, a] : actors_) a->model.check_rest();
    }
    void finish() {
        note("the end");
        const bool was_over = world_.ended();
        const bool at_once = !was_over && chance(0.1);  // as if the supervisor were killed
        if (!was_over && !at_once && !world_.stop(10min)) faults_.push_back("it does not end");
        if (!at_once && world_.processes() > 0)
            faults_.push_back(fmt::format("{} processes are left", world_.processes()));
        if (!world_.clean_up()) faults_.push_back("timers or coroutines are left");
    }

    std::mt19937_64 dice_;
    std::string log_;
    std::vector<std::string> faults_;
    std::map<std::string, supe::supervisor_spec> specs_;
    std::map<std::string, std::shared_ptr<actor>> actors_;
    unsigned last_name_ = 0;
    world world_;
};

std::size_t open_descriptors() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(supervision)

// Exactly the children that should run do run; starts and stops are in order; exactly the ends that
// should count do count; at the end no process, timer, coroutine or descriptor is left.
BOOST_AUTO_TEST_CASE(random_trees) {
    const std::size_t before = open_descriptors();
    for (const std::uint64_t seed : support::seeds(10000)) {
        run r(seed);
        auto faults = r.faults();
        if (faults.empty()) continue;
        BOOST_ERROR(
            fmt::format("SUPE_SEED={} SUPE_SEEDS=1: {}\n{}", seed, faults.front(), r.log()));
        break;
    }
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_SUITE_END()
