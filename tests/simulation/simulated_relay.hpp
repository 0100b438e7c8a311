// The relay's own tree and components in virtual time: senders before it, destinations behind it,
// and the store on a disk in memory. A destination counts its connections, and remembers what it
// took.
#pragma once

#include "components/forwarder/forwarder.hpp"
#include "components/http_server/make_keeper.hpp"
#include "components/http_server/webhook_intake.hpp"
#include "components/queue/disk_ballast.hpp"
#include "components/queue/queue.hpp"
#include "components/relay/relay_tree.hpp"
#include "patterns/output.hpp"
#include "supe/text/config.hpp"
#include "supe/tree/tree_file.hpp"
#include "tests/patterns/simulated_destination.hpp"
#include "tests/simulation/store_witness.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <fstream>

namespace simulated {

using supe::awaitable;
using supe::component;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

/// How a destination is.
enum class mood { well, failing, refusing, unreachable, hanging, gone, resetting, limiting, picky };
inline constexpr mood troubles[] = {mood::failing,  mood::refusing, mood::unreachable,
                                    mood::hanging,  mood::gone,     mood::resetting,
                                    mood::limiting, mood::picky};

/// A process of a forwarder.
struct forwarder_life {
    std::string address;
    patterns::process_identity process;
};

/// What a delivery says of itself.
struct delivery_request {
    std::string id;
    int number = 0;
    unsigned attempt = 0;
};

/// What a destination knows of a webhook.
struct arrival {
    int number = 0;                         ///< what the sender calls it
    bool taken = false;                     ///< answered 2xx
    patterns::process_identity answered{};  ///< the forwarder that had an answer at last
    unsigned attempt = 0;                   ///< the latest of those that were answered
    unsigned times = 0;                     ///< how often it came
};

/// A route: its destination, and what its lock knows of processes and sockets.
struct site {
    explicit site(supe::simulation::world& w, std::string name)
        : route(std::move(name)), app(w), watch(app) {
        app.resets = true;
    }
    std::string route;
    destination app;
    simulated::watch watch;
    simulated::memory memory{};
    mood now = mood::well;
    unsigned cap = 2, allowed = 2;  ///< allowed: the largest since the last quiet moment
    std::map<std::string, arrival> arrivals{};  ///< by id
};

struct relay;

/// A connection of a forwarder to the site.
class site_connection final : public components::delivery_connection {
public:
    site_connection(relay& r, site& s, supe::clock& time, const forwarder_life& life)
        : relay_(r), site_(s), time_(time), life_(life) {}
    awaitable<std::string> connect(std::vector<std::string> peers, supe::time_point until) override;
    std::optional<ends> connected() const override {
        return open_ ? std::optional(ends{open_->port(), "app:80"}) : std::nullopt;
    }
    awaitable<std::string> secure(supe::time_point) override {
        in_step_ = true;
        co_return std::string();
    }
    awaitable<components::http_reply> exchange(const std::string& head, const std::string& body,
                                               components::exchange_limits limits) override;
    bool reusable() const override { return in_step_; }
    bool was_stale() const override { return stale_; }
    awaitable<> close(supe::duration patience) override;

private:
    relay& relay_;
    site& site_;
    supe::clock& time_;
    forwarder_life life_;
    std::optional<connection> open_{};
    bool in_step_ = false, served_ = false, stale_ = false;
};

/// The way to one site.
struct site_network final : components::delivery_network {
    site_network(relay& r, site& s, forwarder_life l) : owner(r), to(s), life(std::move(l)) {}
    relay& owner;
    site& to;
    forwarder_life life;
    awaitable<std::vector<std::string>> resolve(supe::clock&, const components::http_destination&,
                                                std::string&) override {
        co_return std::vector<std::string>{"app:80"};
    }
    std::unique_ptr<components::delivery_connection> make_connection(
        supe::clock& time, const components::http_destination&,
        components::tls_authorities) override {
        return std::make_unique<site_connection>(owner, to, time, life);
    }
};

/// A webhook as its sender sees it. It may be sent several times.
struct sent_webhook {
    std::size_t site = 0;
    std::string key{};  ///< for `order_by`; empty: none
    bool once = false;  ///< it has a key for `dedupe`
    unsigned posts = 0;
    std::vector<std::string> kept{};  ///< the ids that were answered with 200
};

/// Everything. What goes wrong is in `fault`, the first of it.
struct relay {
    relay(std::uint64_t seed, const std::filesystem::path& directory, bool named_routes);
    ~relay();

    // --- the tree ---
    supe::supervisor_spec tree() const;
    boost::json::value with_files(boost::json::value config) const;
    void start() { w.run(boost::json::serialize(supe::to_json(tree()))); }
    awaitable<> lock(component& self);
    awaitable<> keep(component& self);
    awaitable<> forward(component& self);
    awaitable<> take(component& self);
    std::vector<std::string> addresses() const;
    site& site_of(const std::string& component_name, const std::string& base);

    // --- the sender ---
    int new_webhook(bool may_have_keys);
    void post(int number);
    awaitable<> ask(components::webhook_intake& door, int number);

    // --- what befalls it ---
    double dice() { return w.random(); }
    bool chance(double p) { return w.random() < p; }
    std::size_t roll(std::size_t n) {
        return static_cast<std::size_t>(w.random() * static_cast<double>(n));
    }
    supe::duration some(int longest_ms) {
        return std::chrono::milliseconds(1 + static_cast<int>(w.random() * longest_ms));
    }
    /// The verdict on the queue's next commit, with what happens to the queue meanwhile.
    commit_fate fate_of_commit();
    void wrong(std::string what) {
        if (fault.empty()) fault = std::move(what);
    }
    /// A line with the time: what a seed does can be read beside what the components print.
    template <class... Args>
    void say(fmt::format_string<Args...> text, Args&&... args) {
        patterns::say("{:>9} ms: {}", w.time().now().time_since_epoch() / 1ms,
                      fmt::format(text, std::forward<Args>(args)...));
    }
    void on_request(site& s, const forwarder_life& life, const delivery_request& request);

    supe::simulation::world w;
    std::deque<site> sites{};
    std::filesystem::path file;
    bool has_line;
    store_witness store;
    std::vector<sent_webhook> sent{};
    components::webhook_intake* door = nullptr;
    supe::nursery* requests = nullptr;
    bool queue_is_dead = false;  ///< it was killed in the middle of its work
    double killed_at_commit = 0, refused_at_commit = 0, killed_at_request = 0;  ///< how often
    bool calm = false;  ///< destinations that are well do nothing odd
    std::string fault{};
};

// --- connections ---

inline awaitable<std::string> site_connection::connect(std::vector<std::string>,
                                                       supe::time_point until) {
    if (site_.now == mood::refusing) co_return std::string("app:80: Connection refused");
    if (site_.now == mood::unreachable) {
        co_await time_.sleep_until(until);
        co_return std::string("app:80: timed out");
    }
    open_.emplace(site_.app);
    if (site_.app.connections() > site_.allowed)
        relay_.wrong(fmt::format("{} connections of {} are open, {} are allowed",
                                 site_.app.connections(), site_.route, site_.allowed));
    if (relay_.chance(0.1)) co_await time_.sleep_for(1ms);
    co_return std::string();
}

inline std::string field_in(const std::string& head, std::string_view name) {
    const auto at = head.find(fmt::format("\r\n{}: ", name));
    if (at == head.npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find('\r', begin) - begin);
}

/// What a request is answered; 0: nothing, and the connection ends.
struct answer_plan {
    int status = 200;
    supe::duration after{};
    std::optional<std::chrono::milliseconds> retry_after{};
    std::string error{};
};

inline answer_plan plan_of(relay& r, mood m) {
    switch (m) {
        case mood::failing: return {r.chance(0.5) ? 500 : 503, r.some(50)};
        case mood::hanging: return {0, 1h, {}, "timed out"};
        case mood::gone: return {410, r.some(50)};
        case mood::resetting: return {0, r.some(50), {}, "Connection reset by peer"};
        case mood::limiting:
            return {429, r.some(50), std::chrono::milliseconds(r.some(10000) / 1ms)};
        case mood::picky: return {r.chance(0.5) ? 404 : 200, r.some(50)};
        default: break;
    }
    return {200, !r.calm && r.chance(0.1) ? r.some(3500) : r.some(50)};
}

inline awaitable<components::http_reply> site_connection::exchange(
    const std::string& head, const std::string& body, components::exchange_limits limits) {
    components::http_reply reply;
    in_step_ = stale_ = false;
    if (served_ && !relay_.calm && relay_.chance(0.03)) {
        stale_ = true;
        reply.error = "closed by the destination before it answered";
        co_return reply;
    }
    const std::string id = field_in(head, "Supe-Webhook-Id");
    const int number = std::atoi(body.c_str());
    open_->use();
    const auto attempt = static_cast<unsigned>(std::atoi(field_in(head, "Supe-Attempt").c_str()));
    const delivery_request request{id, number, attempt};
    relay_.on_request(site_, life_, request);
    const answer_plan plan = plan_of(relay_, site_.now);
    arrival& a = site_.arrivals[id];
    a.taken = a.taken || (plan.status >= 200 && plan.status < 300);
    const supe::time_point now = time_.now();
    const supe::time_point last = std::min(limits.total, now + limits.first_byte);
    const supe::time_point at = std::min(now + plan.after, last);
    co_await time_.sleep_until(at);
    const bool late = time_.now() > last || now + plan.after > last;
    reply.status = late ? 0 : plan.status;
    reply.retry_after = plan.retry_after;
    reply.error = late ? "timed out" : plan.error;
    served_ = true;
    in_step_ = reply.status != 0 && (relay_.calm || !relay_.chance(0.05));
    arrival& known = site_.arrivals[id];
    known.answered = life_.process;
    known.attempt = std::max(known.attempt, attempt);
    relay_.say("{} gets {}", id, reply.status);
    co_return reply;
}

/// The destination takes its time.
inline awaitable<> site_connection::close(supe::duration patience) {
    in_step_ = false;
    if (!open_) co_return;
    const supe::duration longest = relay_.chance(0.05) ? patience : supe::duration(200ms);
    co_await time_.sleep_for(std::chrono::duration_cast<supe::duration>(longest * relay_.dice()));
    open_->close();
    open_.reset();
}

// --- the tree ---

inline relay::relay(std::uint64_t seed, const std::filesystem::path& directory, bool named_routes)
    : w(seed), file(directory / "queue.db"), has_line(seed / 2 % 2 == 0),
      store(file, [this] { return fate_of_commit(); }) {
    if (named_routes) {
        sites.emplace_back(w, "a");
        sites.emplace_back(w, "b");
    } else {
        sites.emplace_back(w, "default");
    }
    for (site& s : sites) s.cap = s.allowed = 1 + static_cast<unsigned>(roll(3));
    // The room that the queue keeps for a full disk: as much, and nothing is written.
    const std::filesystem::path ballast = directory / "queue.db.ballast";
    std::ofstream(ballast).close();
    std::filesystem::resize_file(ballast, components::disk_ballast::size);
    w.provide("connection_lock", [this](component& c) { return lock(c); });
    w.provide("queue", [this](component& c) { return keep(c); });
    w.provide("forwarder", [this](component& c) { return forward(c); });
    w.provide("http_server", [this](component& c) { return take(c); });
    start();
}

inline relay::~relay() { w.clean_up(); }

/// Half of the seeds have a direct line, the others mail.
inline boost::json::value relay::with_files(boost::json::value config) const {
    boost::json::object& members = config.as_object();
    if (members.contains("file")) members["file"] = file.string();
    members["socket"] = has_line ? (file.parent_path() / "queue.socket").string() : "";
    return config;
}

inline supe::supervisor_spec relay::tree() const {
    components::relay_settings settings;
    settings.disk_reserve = 0;
    settings.named_routes = sites.size() > 1;
    settings.routes.clear();
    for (const site& s : sites) {
        components::relay_route r;
        r.name = s.route;
        r.path = settings.named_routes ? "/" + s.route : "/";
        r.to = "http://app";
        r.connections = s.cap;
        r.timeout = {2s, 4s, timeout};
        r.retry = {.first = 1s, .factor = 2, .max = 30s, .jitter = 0};
        r.order_by = "header:X-Key";
        r.dedupe = components::dedupe_rule{"header:X-Once"};
        settings.routes.push_back(std::move(r));
    }
    supe::supervisor_spec spec = components::relay_tree(settings);
    for (supe::child_spec& child : spec.children) {
        if (child.name == "http_server") {
            child.listen.clear();
            child.config = with_files(*child.config);
        }
        if (child.name != "dam") continue;
        for (supe::child_spec& below : child.supervisor->children) {
            if (below.name != "queue") continue;
            below.config = with_files(*below.config);
        }
    }
    return spec;
}

inline std::vector<std::string> relay::addresses() const {
    std::vector<std::string> all{"/dam", "/dam/queue", "/http_server"};
    for (const site& s : sites) {
        const std::string end = sites.size() > 1 ? "-" + s.route : "";
        all.push_back("/connection_lock" + end);
        all.push_back("/dam/forwarder" + end);
    }
    return all;
}

inline site& relay::site_of(const std::string& component_name, const std::string& base) {
    return component_name == base + "-b" ? sites.back() : sites.front();
}

/// As components::connection_lock, on processes and sockets of the simulation.
inline awaitable<> relay::lock(component& self) {
    site& s = site_of(self.name(), "connection_lock");
    const boost::json::value config = co_await self.config();
    patterns::permit_limits limits;
    limits.permits = config.at("connections").to_number<unsigned>();
    limits.reset_rest = timeout;
    limits.forgotten_after = 61s;
    self.set_window(64);
    co_await patterns::serve_connection_lock(self, limits, s.watch, s.memory);
}

inline awaitable<> relay::keep(component& self) {
    queue_is_dead = false;
    return components::queue(self);
}

inline awaitable<> relay::forward(component& self) {
    site& s = site_of(self.name(), "forwarder");
    const life alive(s.watch, self);
    site_network network(*this, s, {self.address(), alive.process()});
    const components::forwarder_surroundings outside{network, alive.process(), 0};
    co_await components::run_forwarder(self, outside);
}

/// Until this object ends, however it does.
struct open_door {
    relay& of;
    components::webhook_intake* mine;
    ~open_door() { close(); }
    void close() {
        if (of.door != mine) return;
        of.door = nullptr;
        of.requests = nullptr;
    }
};

/// As components::http_server, above its sockets.
inline awaitable<> relay::take(component& self) {
    const boost::json::value config = co_await self.config();
    components::intake_settings settings = components::read_intake(config);
    const auto keeper = components::make_keeper(self, settings);
    components::webhook_intake intake(self, std::move(settings), *keeper);
    // What the requests use outlives them, however this process ends.
    const auto serve = [&](supe::nursery& all) -> awaitable<> {
        door = &intake;
        requests = &all;
        open_door here{*this, &intake};
        co_await self.shutdown_requested();
        here.close();
        const supe::time_point until = self.time().now() + 5s;
        while (all.size() > 1 && self.time().now() < until) co_await self.time().sleep_for(10ms);
        all.cancel();
    };
    const auto body = [&](supe::nursery& way) -> awaitable<> {
        way.start(keeper->run());
        co_await supe::with_nursery(self.time(), serve);
        way.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

// --- the sender ---

inline int relay::new_webhook(bool may_have_keys) {
    sent_webhook one{roll(sites.size())};
    if (may_have_keys && chance(0.3)) one.key = fmt::format("k{}", roll(3));
    one.once = may_have_keys && chance(0.3);
    sent.push_back(std::move(one));
    return static_cast<int>(sent.size()) - 1;
}

inline void relay::post(int number) {
    if (!door) return;  // nobody listens
    requests->start(ask(*door, number));
}

inline awaitable<> relay::ask(components::webhook_intake& intake, int number) {
    sent_webhook& one = sent[static_cast<std::size_t>(number)];
    ++one.posts;
    components::http_request request{
        "POST", "/", {{"Host", "relay"}}, std::to_string(number), "192.0.2.1"};
    if (sites.size() > 1) request.target = "/" + sites[one.site].route;
    if (!one.key.empty()) request.headers.emplace_back("X-Key", one.key);
    if (one.once) request.headers.emplace_back("X-Once", std::to_string(number));
    const components::http_answer answer = co_await intake.answer(std::move(request));
    if (answer.status != 200) co_return;
    sent[static_cast<std::size_t>(number)].kept.emplace_back(
        components::field(answer.headers, "Supe-Webhook-Id"));
}

// --- what befalls it ---

inline commit_fate relay::fate_of_commit() {
    if (queue_is_dead) return commit_fate::refused;
    if (chance(killed_at_commit)) {
        queue_is_dead = true;
        w.kill("/dam/queue");
        return chance(0.5) ? commit_fate::done : commit_fate::refused;
    }
    return chance(refused_at_commit) ? commit_fate::refused : commit_fate::done;
}

/// What is delivered is in the store, to be delivered. Where its delivery is committed already, an
/// order from before the commit was left in a mailbox: another forwarder may follow it, and the
/// same one where it is of a later attempt (components/forwarder/latest_results.hpp).
inline void relay::on_request(site& s, const forwarder_life& life,
                              const delivery_request& request) {
    const std::string& id = request.id;
    say("{} ({}), attempt {}, arrives at {}", id, request.number, request.attempt, s.route);
    arrival& a = s.arrivals[id];
    a.number = request.number;
    ++a.times;
    const auto at = static_cast<std::size_t>(request.number);
    if (request.number < 0 || at >= sent.size() || sent[at].posts == 0)
        wrong(id + " was never sent");
    const bool is_stored = store.is_to_be_delivered(id);
    const bool was_answered = a.answered.pid != 0;
    if (!is_stored && !was_answered) wrong(id + " is delivered, and not in the store");
    if (!is_stored && a.answered == life.process && request.attempt <= a.attempt)
        wrong(id + " is delivered, and was already");
    if (chance(killed_at_request)) w.kill(life.address);
}

}  // namespace simulated
