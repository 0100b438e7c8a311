// Its simulated test: mail comes, the component crashes, and goes on; idle, it ends.
#include "supe/simulation/world.hpp"

#include <cstdio>

supe::awaitable<> ticker(supe::component& self);

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
    if (!holds) ++failures;
}

}  // namespace

int main() {
    using namespace std::chrono_literals;
    supe::simulation::world w{1};
    w.provide("ticker", ticker);
    w.run(R"({"name": "t", "children": [{"name": "t", "component": "ticker", "demand": true}]})");
    w.mail("/t", "1");
    w.advance(1s);
    check(w.count("ticked") == 1, "mail starts it");
    check(w.crash("/t"), "it runs");
    w.mail("/t", "2");
    w.advance(1s);
    check(w.count("ticked") == 2, "the next mail starts it again");
    w.advance(31s);
    check(!w.crash("/t"), "idle, it has ended");
    return failures == 0 ? 0 : 1;
}
