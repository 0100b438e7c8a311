// A user's program, for own_program_test.cpp: supervisors and all components in one binary, with
// the command line of `supe`.
#include "patterns/output.hpp"
#include "supe/run/main.hpp"

#include <fmt/format.h>

namespace {

constexpr const char* tree = R"({ "name": "hall", "children": [
    { "name": "greeter", "component": "greeter" },
    { "name": "wing", "children": [ { "name": "greeter", "component": "greeter" } ] } ] })";

supe::awaitable<> greeter(supe::component& self) {
    self.status("at the door");
    while (auto guest = co_await self.receive()) {
        patterns::say("hello {}", guest->body());
        self.notify("greeted", 1);
        guest->ack();
    }
}

supe::awaitable<> host(supe::supervisor& self) {
    supe::notice_watch greeted(self, {"greeted"});
    for (int n = 1;; ++n) {
        co_await greeted.next();
        self.log(fmt::format("guests: {}", n));
    }
}

}  // namespace

int main(int argc, char** argv) {
    return supe::main(
        argc, argv,
        {.tree = tree, .roles = {{"greeter", greeter}}, .code = {{"/", host}, {"/wing", host}}});
}
