// Random requests of operators, several at once, with crashes and a stop: each request gets its
// answer, the tree is what the last accepted ones say, and nobody is killed.
#include "supe/control/commands.hpp"
#include "supe/tree/tree_file.hpp"
#include "tests/support/players.hpp"
#include "tests/support/seeds.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::control::commands;
using status = supe::restarter::status;
namespace json = boost::json;

namespace {

/// What was asked, and the answer when it is there.
struct request {
    std::string what, address;
    unsigned n = 0;           // scale: instances; reload: the tree
    unsigned life_below = 0;  // of the nested supervisor
    std::shared_ptr<std::optional<std::string>> answer;
    bool succeeded() const { return *answer && (*answer)->empty(); }
};

class run {
public:
    explicit run(std::uint64_t seed) : dice_(seed), world_(seed) {
        support::provide_players(world_);
        world_.provide_code("/n", serve_below);
        strategy_ = std::array{"one_for_one", "one_for_all", "rest_for_one"}[upto(2)];
        world_.run(tree(0));
        commands_ = std::make_unique<commands>(world_.root());
        world_.advance(1s);  // the first start has succeeded
    }

    std::vector<std::string> faults() {
        for (unsigned i = 0, n = 5 + upto(20); i < n; ++i) step();
        const bool at_rest = upto(1) == 0;
        if (at_rest) rest();
        note("the end");
        if (!world_.stop(10min)) fault("it does not end");
        if (!world_.ended_cleanly()) fault("it failed");
        for (const request& r : requests_) {
            if (!*r.answer) fault(r.what + " " + r.address + " has no answer");
        }
        for (const auto& n : world_.notices()) {
            if (n.name.starts_with("component-") && n.message.find("SIGKILL") != std::string::npos)
                fault("killed: " + n.message);
        }
        commands_.reset();
        if (!world_.clean_up()) fault("timers or coroutines are left");
        return faults_;
    }
    const std::string& log() const { return log_; }

private:
    unsigned upto(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n)(dice_); }
    std::string one_of(std::initializer_list<const char*> words) {
        return *(words.begin() + upto(static_cast<unsigned>(words.size()) - 1));
    }
    void fault(const std::string& what) { faults_.push_back(what); }
    void note(const std::string& what) {
        log_ += fmt::format("{:>9.3f} {}\n",
                            supe::in_seconds(world_.time().now().time_since_epoch()), what);
    }

    /// Bits of `form`: the root has `r`, the nested supervisor has `z`, another order, another
    /// environment of `a`.
    std::string tree(unsigned form) const {
        const auto child = [](const char* name, const char* role, const std::string& more) {
            return fmt::format(R"({{"name": "{}", "component": "{}", "max_restarts": 1000{}}})",
                               name, role, more);
        };
        const std::string a =
            child("a", "diligent", fmt::format(R"(, "env": {{"FORM": "{}"}})", form & 8));
        const std::string b = child("b", "late", R"(, "ready": "signal")");
        const std::string below =
            fmt::format(R"({{"name": "n", "max_restarts": 1000, "children": [{}, {}{}]}})",
                        child("x", "diligent", ""), child("y", "slow", ""),
                        (form & 2) != 0 ? ", " + child("z", "diligent", "") : "");
        const std::string w = child("w", "slow", R"(, "instances": 2)");
        const std::string r = (form & 1) != 0 ? ", " + child("r", "diligent", "") : "";
        return fmt::format(
            R"({{"name": "t", "strategy": "{}", "max_restarts": 1000, "children": [{}{}]}})",
            strategy_,
            (form & 4) != 0 ? w + ", " + below + ", " + b + ", " + a
                            : a + ", " + b + ", " + below + ", " + w,
            r);
    }

    static awaitable<> serve_below(supe::supervisor& self) {
        commands here(self);
        co_await self.time().sleep_until(supe::never);
    }
    /// The error of the answer, empty for none.
    awaitable<std::string> ask(json::object request) {
        const json::value answer = co_await commands_->perform(std::move(request));
        const auto* error = answer.as_object().if_contains("error");
        co_return error ? std::string(error->as_string()) : std::string();
    }

    void step() {
        const unsigned what = upto(99);
        if (what < 30) return let_pass();
        if (what < 45) return crash();
        if (what < 50) {
            note("the next start of a fails");
            world_.fail_next_starts("/a", 1, {"EAGAIN", "Resource temporarily unavailable"});
        } else if (what < 60) {
            reload();
        } else if (what < 68) {
            send("scale", "/w", 1 + upto(3));
        } else if (what < 76) {
            const std::string verb = one_of({"add", "remove"});
            send(verb, "/d", 0);
        } else {
            const std::string verb = one_of({"start", "stop", "restart"});
            send(verb, one_of({"/a", "/b", "/w", "/w.1", "/n", "/n/x", "/n/y"}), 0);
        }
    }
    void let_pass() {
        const supe::milliseconds d(std::array{0, 50, 400, 1000, 3000, 20000}[upto(5)]);
        note(fmt::format("{} ms pass", d.count()));
        world_.advance(d);
    }
    void crash() {
        const std::string who = one_of({"/a", "/b", "/w.1", "/w.2", "/n", "/n/x", "/n/y", "/d"});
        note("crash " + who);
        world_.crash(who, SIGSEGV);
        world_.run_ready();
    }
    void reload() {
        const unsigned form = upto(15);
        remember({"reload", "", form, 0,
                  world_.begin(
                      world_.root().admin().reload(supe::parse_tree(tree(form), "tree", "/")))});
    }
    void send(const std::string& what, const std::string& address, unsigned n) {
        json::object o{{"do", what}, {"address", address}};
        if (what == "scale") o["instances"] = static_cast<std::int64_t>(n);
        if (what == "add") {
            o["address"] = "/";
            o["child"] = json::object{{"name", "d"}, {"component", "slow"}, {"max_restarts", 1000}};
        }
        remember({what, address, n, world_.starts_of("/n"), world_.begin(ask(std::move(o)))});
    }
    void remember(request r) {
        note(fmt::format("{} {} {}", r.what, r.address, r.n));
        requests_.push_back(std::move(r));
        world_.run_ready();
    }

    // --- what the requests say ---

    void rest() {
        note("an hour without trouble");
        for (int i = 0; i < 12; ++i) world_.advance(5min);
        for (const request& r : requests_) {
            if (!*r.answer) return fault(r.what + " " + r.address + " waits for ever");
            log_ += fmt::format("  {} {}: \"{}\"\n", r.what, r.address, **r.answer);
        }
        for (const char* name : {"a", "b", "n", "w.1", "d"}) check_child(name);
        check_form();
        check_below();
    }
    /// Whether it should be up; nothing where that is not known: a start that failed may be tried
    /// again, or not.
    std::optional<bool> should_be_up(const std::string& address, unsigned life_below) const {
        std::optional<bool> up = true;
        for (const request& r : requests_) {
            const bool all_of_it = r.address == "/w" && address.starts_with("/w.");
            if (r.address != address && !all_of_it) continue;
            if (address.starts_with("/n/") && r.life_below != life_below) continue;
            if (r.what == "start" || r.what == "restart") {
                up = true;
                if (!r.succeeded() && (*r.answer)->find("did not come up") != std::string::npos)
                    up = std::nullopt;
            }
            if (r.what == "stop" && r.succeeded()) up = false;
        }
        return up;
    }
    void check_child(const std::string& name) {
        supe::supervisor& root = world_.root();
        const supe::child* there = root.find(name);
        if (name == "d") {
            bool here = false;
            for (const request& r : requests_) {
                if (r.address == "/d" && r.succeeded()) here = r.what == "add";
            }
            if (here != (there != nullptr)) fault(here ? "d is gone" : "d is there");
            return;
        }
        if (name == "w.1" && !there) there = root.find("w");
        if (!there) return fault(name + " is gone");
        const auto up = should_be_up("/" + name, 0);
        if (up && *up != (root.status_of(*there) == status::running))
            fault(fmt::format("{} is {}", name, name_of(root.status_of(*there))));
    }
    const request* last(const std::string& what) const {
        const request* found = nullptr;
        for (const request& r : requests_) {
            if (r.what == what && (what == "reload" || r.succeeded())) found = &r;
        }
        return found;
    }
    /// The children of the file, in its order.
    void check_form() {
        const request* const reload = last("reload");
        const unsigned form = reload ? reload->n : 0;
        if ((world_.root().find("r") != nullptr) != ((form & 1) != 0)) fault("r is wrong");
        if (!reload) return;
        std::string order;
        for (const supe::child* c : world_.root().children()) {
            const std::string name = c->spec().name.substr(0, 1);
            if (order.find(name) == std::string::npos && name != "d" && name != "r") order += name;
        }
        if (order != ((form & 4) != 0 ? "wnba" : "abnw")) fault("the order is " + order);
    }
    void check_below() {
        supe::supervisor* const below = world_.supervisor_at("/n");
        if (!below || world_.pid_of("/n") == 0) return;
        const request* const reload = last("reload");
        const bool silent = reload && (*reload->answer)->find("/n ") != std::string::npos;
        if (!silent && (below->find("z") != nullptr) != (reload && (reload->n & 2) != 0))
            fault("z is wrong");
        for (const char* name : {"x", "y"}) {
            const auto up = should_be_up(fmt::format("/n/{}", name), world_.starts_of("/n"));
            const auto s = below->status_of(*below->find(name));
            if (up && *up != (s == status::running))
                fault(fmt::format("{} is {}", name, name_of(s)));
        }
    }

    std::mt19937_64 dice_;
    std::string log_;
    std::string strategy_;
    std::vector<std::string> faults_;
    std::vector<request> requests_;
    supe::simulation::world world_;
    std::unique_ptr<commands> commands_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(operations)

// Each request gets its answer. After them the tree is what the last accepted ones say: which
// children there are, in which order, and which are up. At the end all are stopped by the ladder.
BOOST_AUTO_TEST_CASE(random_requests) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        run r(seed);
        const auto faults = r.faults();
        if (faults.empty()) continue;
        BOOST_ERROR(
            fmt::format("SUPE_SEED={} SUPE_SEEDS=1: {}\n{}", seed, faults.front(), r.log()));
        break;
    }
}

BOOST_AUTO_TEST_SUITE_END()
