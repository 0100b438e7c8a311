// How long `supe status` takes while one child does its worst: no child may hold up the event loop.
#include "supe/control/client.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/programs.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

namespace {

using namespace std::chrono_literals;

struct latency {
    double median = 0, maximum = 0;  // milliseconds
};

/// A running tree with these children.
class running_tree {
public:
    explicit running_tree(const std::string& children)
        : state_(where_ / "state"),
          supe_({SUPE_BINARY, "run", file(children), "--state", state_}, where_ / "log") {
        bench::wait_until([&] { return answers(); }, "no tree");
    }
    boost::json::value ask(boost::json::object request) const {
        auto tree = supe::control::client::connect(state_);
        if (!tree) throw std::runtime_error("no tree");
        return tree->ask(std::move(request));
    }
    /// Of requests for 3 s, each with a connection of its own, as `supe status` makes them.
    latency of_status() const {
        std::vector<double> all;
        const auto end = std::chrono::steady_clock::now() + 3s;
        while (std::chrono::steady_clock::now() < end) {
            all.push_back(
                bench::milliseconds_of([&] { ask({{"do", "status"}, {"address", "/quiet"}}); }));
            ::poll(nullptr, 0, 2);  // ms
            bench::go_on();
        }
        return {bench::median(all), *std::ranges::max_element(all)};
    }
    std::size_t waits_in(const char* child) const {
        const auto answer = ask({{"do", "status"}, {"address", child}});
        return answer.at("ok").at("mailbox").at("queued").to_number<std::size_t>();
    }

private:
    std::filesystem::path file(const std::string& children) const {
        const auto tree = where_ / "tree.json";
        std::ofstream(tree) << fmt::format(
            R"({{"supe": 1, "name": "loop", "max_restarts": 1000000, "children": [
                {{"name": "quiet", "command": ["{}"]}}{}{}]}})",
            bench::child_program("bench_trouble"), children.empty() ? "" : ",\n", children);
        return tree;
    }
    bool answers() const {
        auto tree = supe::control::client::connect(state_);
        return tree && tree->ask({{"do", "status"}, {"address", "/quiet"}}).is_object();
    }

    bench::folder where_;
    std::filesystem::path state_;
    bench::program supe_;
};

std::string child(const std::string& name, const std::string& arguments,
                  const std::string& fields = {}) {
    return fmt::format(R"({{"name": "{}", "command": ["{}", {}]{}}})", name,
                       bench::child_program("bench_trouble"), arguments, fields);
}

latency beside(const std::string& children) { return running_tree(children).of_status(); }

/// `begin` starts what may hold up the loop, beside the requests.
latency meanwhile(const running_tree& tree, const std::function<void()>& begin) {
    std::thread trouble(begin);
    const latency measured = tree.of_status();
    trouble.join();
    return measured;
}

latency beside_a_removal() {
    const running_tree tree(child("box", R"("crasher", "/nowhere")") + ",\n" +
                            child("sender", R"("sender", "100000", "100")"));
    bench::wait_until([&] { return tree.waits_in("/box") == 100000; }, "not all mail arrived");
    return meanwhile(tree, [&] { tree.ask({{"do", "remove"}, {"address", "/box"}}); });
}

latency beside_a_saved_mailbox() {
    const bench::folder where;
    const std::string now = where / "now";
    const running_tree tree(
        child("box", fmt::format(R"("crasher", "{}")", now), R"(, "max_restarts": 0)") + ",\n" +
        child("sender", R"("sender", "90000", "2000")"));
    bench::wait_until([&] { return tree.waits_in("/box") == 90000; }, "not all mail arrived");
    return meanwhile(tree, [&] { std::ofstream(now) << "now"; });
}

latency beside_a_stop() {
    const running_tree tree(child("box", R"("taker")", R"(, "instances": 80)") + ",\n" +
                            child("sender", R"("sender", "100000", "100")"));
    bench::wait_until([&] { return tree.waits_in("/box") == 100000 - 80 * 1024; },
                      "not all mail is in flight");
    return meanwhile(tree, [&] { tree.ask({{"do", "stop"}, {"address", "/box"}}); });
}

void measure(bench::table& figures) {
    const latency quiet = beside({});
    const auto add = [&](const std::string& what, const latency& measured) {
        figures.add({"supe status beside " + what,
                     "ms",
                     {"median", measured.median},
                     {"quiet", quiet.median}});
        figures.add({"… at most", "ms", {"supe", measured.maximum}, {"quiet", quiet.maximum}});
    };
    add("a flood of pings",
        beside(child("flood", R"("pings")",
                     R"(, "ready": "notify", "start_timeout": "1h", "watchdog": "1h")")));
    add("a flood of bad frames", beside(child("flood", R"("frames")")));
    add("a flood of empty lines", beside(child("flood", R"("lines")")));
    add("descendants that write on",
        beside(child("flood", R"("left_behind")",
                     R"(, "max_restarts": 1000000, "backoff": {"max": "0ms"})")));
    add("a removal with 100,000 mails", beside_a_removal());
    add("a saved mailbox of 180 MB", beside_a_saved_mailbox());
    add("the stop of 80 instances with full windows", beside_a_stop());
}

const bench::benchmark registered("loop", measure);

}  // namespace
