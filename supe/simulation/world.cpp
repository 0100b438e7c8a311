#include "supe/simulation/world.hpp"

#include "supe/supervision/nested_supervisor.hpp"
#include "supe/tree/tree_file.hpp"

#include <algorithm>

namespace supe::simulation {
namespace {

/// A component's body beside the coroutine that reads its channel. A crash cancels both, and both
/// are awaited before what they use is gone.
awaitable<int> run_body(component_main body, process_start start) {
    component self(start.time, start.channel_fd, start.name, start.address);
    const auto all_of_it = [&](nursery& all) -> awaitable<> {
        all.start(self.serve());
        co_await body(self);
        co_await self.flushed();
        all.cancel();
    };
    co_await with_nursery(start.time, all_of_it);
    co_return 0;
}

}  // namespace

world::world(std::uint64_t seed)
    : seed_(seed), dice_(seed), loop_(1), clock_(loop_.get_executor()), launcher_(clock_) {
    launcher_.provide("supervisor",
                      [this](process_start start) { return run_nested(std::move(start)); });
}

world::~world() { clean_up(); }

bool world::clean_up() {
    if (tasks_) tasks_->cancel();
    run_ready();
    root_.reset();
    tasks_.reset();
    run_ready();
    return launcher_.running() == 0 && launcher_.loops() == 0 && clock_.armed() == 0 &&
           loop_.stopped();
}

double world::random() { return std::uniform_real_distribution<double>(0, 1)(dice_); }

void world::provide(std::string name, component_main body) {
    launcher_.provide(std::move(name), [body = std::move(body)](process_start start) {
        return run_body(body, std::move(start));
    });
}

namespace {

/// In virtual time nothing blocks.
awaitable<> at_once(std::function<void()> work) {
    work();
    co_return;
}

}  // namespace

supervisor_environment world::environment(clock& time) {
    return {time,
            launcher_,
            sink_,
            [this] { return random(); },
            state_,
            {},
            {"supe", "component"},
            "/proc/self/exe",
            [this, &time](const std::string& address) {
                return std::make_unique<memory_journal>(time, disks_[address]);
            },
            at_once};
}

void world::record(supervisor& s, const supervisor_code& code) {
    s.notices().listen({}, [this](const published& notice) { notices_.push_back(notice); });
    if (code) s.run_beside(code);
}

void world::run(std::string_view tree, supervisor_code code) {
    ended_ = clean_ = false;
    root_ = std::make_unique<supervisor>(environment(clock_), parse_tree(tree, "tree", "/"),
                                         std::string());
    record(*root_, code);
    tasks_ = std::make_unique<nursery>(clock_);
    tasks_->start(run_root());
    run_ready();
}

awaitable<> world::run_root() {
    clean_ = co_await root_->run();
    ended_ = true;
}

awaitable<int> world::run_nested(process_start start) {
    struct presence {
        std::map<std::string, supervisor*>& all;
        std::string address;
        supervisor* self = nullptr;
        ~presence() {
            const auto found = all.find(address);
            if (found != all.end() && found->second == self)
                all.erase(found);  // its successor may be there already
        }
    } here{nested_, start.address};
    const std::function<void(supervisor&)> prepare = [this, &here](supervisor& s) {
        nested_[here.address] = here.self = &s;
        record(s, code_[here.address]);
    };
    co_return co_await run_nested_supervisor(environment(start.time), unique_fd(start.channel_fd),
                                             start.address, prepare);
}

supervisor* world::supervisor_at(const std::string& address) const {
    if (address == "/") return root_.get();
    const auto found = nested_.find(address);
    return found == nested_.end() ? nullptr : found->second;
}

awaitable<> world::answer(awaitable<std::string> request,
                          std::shared_ptr<std::optional<std::string>> into) {
    *into = co_await std::move(request);
}

std::shared_ptr<std::optional<std::string>> world::begin(awaitable<std::string> request) {
    const auto into = std::make_shared<std::optional<std::string>>();
    tasks_->start(answer(std::move(request), into));
    run_ready();
    return into;
}

std::string world::by_hand(awaitable<std::string> request, duration limit) {
    const auto into = begin(std::move(request));
    const time_point until = clock_.now() + limit;
    while (!*into && clock_.fire_one(until)) run_ready();
    return into->value_or("no answer");
}

void world::run_ready() {
    // The reactor is looked at once a poll: poll until twice in a row nothing was there.
    for (int quiet = 0; quiet < 2;) {
        loop_.restart();
        const std::size_t n = loop_.poll() + launcher_.poll();
        quiet = n == 0 ? quiet + 1 : 0;
    }
}

void world::advance(duration d) {
    run_ready();
    const time_point until = clock_.now() + d;
    while (clock_.fire_one(until)) run_ready();
    run_ready();
}

bool world::stop(duration limit) {
    root_->shutdown();
    run_ready();
    const time_point until = clock_.now() + limit;
    while (!ended_ && clock_.fire_one(until)) run_ready();
    return ended_;
}

bool world::crash(const std::string& address, int signal) {
    const bool done = launcher_.end(address, exit_status::killed(signal));
    run_ready();
    return done;
}

bool world::kill(const std::string& address) {
    return launcher_.end(address, exit_status::killed(SIGKILL));
}

bool world::exit(const std::string& address, int code) {
    const bool done = launcher_.end(address, exit_status::exited(code));
    run_ready();
    return done;
}

bool world::thaw(const std::string& address) {
    const bool done = launcher_.freeze(address, false);
    run_ready();
    return done;
}

void world::fail_next_starts(const std::string& address, unsigned n, launch_error error) {
    launcher_.fail_next(address, n, std::move(error));
}

void world::mail(std::string to, std::string body) {
    root_->mail().router.post(std::move(to), std::move(body), {});
    root_->mail().flush();
    run_ready();
}

std::size_t world::count(const std::string& notice) const { return messages(notice).size(); }

std::vector<std::string> world::messages(const std::string& notice) const {
    std::vector<std::string> found;
    for (const published& p : notices_) {
        if (p.name == notice) found.push_back(p.message);
    }
    return found;
}

/// A nested supervisor writes here itself: its pipes are not used.
void world::recorder::write(stream, std::string_view address, std::string_view line) {
    std::string text;
    append_text_line(text, label_of(address), line, colours::off);
    text.pop_back();
    lines.push_back(std::move(text));
}

}  // namespace supe::simulation
