// The simulated test of the importer, to copy with it: no process, no waiting, real supervisor and
// mail. It links supe_patterns and supe_simulation, and nothing else.
#include "patterns/examples/importer.hpp"
#include "supe/simulation/world.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
    if (!holds) ++failures;
}

/// A state directory that goes with the test.
struct scratch {
    scratch() {
        std::string name = "/tmp/importer_test.XXXXXX";
        if (!::mkdtemp(name.data())) std::abort();
        path = name;
        ::setenv("SUPE_STATE", path.c_str(), 1);
    }
    ~scratch() { std::filesystem::remove_all(path); }
    std::size_t lines() const {
        std::ifstream in(path / "imported.jsonl");
        std::size_t n = 0;
        for (std::string line; std::getline(in, line);) ++n;
        return n;
    }
    std::filesystem::path path;
};

constexpr const char* tree = R"({"name": "t", "children": [
    {"name": "importer", "component": "importer", "watchdog": "30s", "mail": {"window": 100}}]})";

}  // namespace

int main() {
    using namespace std::chrono_literals;
    const scratch here;
    supe::simulation::world w{1};
    w.provide("importer", examples::importer);
    w.run(tree);

    for (int order = 1; order <= 250; ++order) w.mail("/importer", std::to_string(order));
    w.advance(1s);
    check(here.lines() == 250, "each mail is a line");

    for (int order = 1; order <= 30; ++order) w.mail("/importer", std::to_string(order));
    w.advance(10ms);
    check(w.crash("/importer"), "it crashes while it gathers a batch");
    w.advance(5s);
    check(here.lines() == 280, "no line is lost, and none is there twice");

    w.advance(1h);
    check(w.count("importer-crashed") == 1, "the watchdog leaves it alone while it has no work");
    check(w.stop(5s), "it ends when it is asked to");
    return failures == 0 ? 0 : 1;
}
