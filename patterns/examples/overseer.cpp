// Code in supervisors, and a whole program around it: one to copy. It links supe_patterns.
//
//     { "name": "shop", "children": [
//         { "name": "crew", "children": [ { "name": "worker", "component": "worker" } ] } ] }
//
// in crew.json, and
//
//     ./overseer crew.json
//     supe mail /crew/worker '"a job"'; supe mail /crew/worker '"too much"'
//
// The worker crashes at its second job; the code in its supervisor counts that and says so above;
// the code in the root logs it.
#include "patterns/output.hpp"
#include "supe/run/run_tree.hpp"

#include <fmt/format.h>
#include <stdexcept>

namespace {

// In a process of its own. What it throws is a crash: it is restarted, and gets its mail again.
supe::awaitable<> worker(supe::component& self) {
    while (auto job = co_await self.receive()) {
        if (job->body() == R"("too much")") throw std::runtime_error("this is too much for me");
        patterns::say("did {}", job->body());
        job->ack();
    }
}

// In the process of the nested supervisor /crew, from its start to its end. Supervisors pass
// notices up only when told to: by `forward` in the tree file, or by notify().
supe::awaitable<> foreman(supe::supervisor& self) {
    supe::notice_watch crashes(self, {"worker-crashed"});
    for (int n = 1;; ++n) {
        co_await crashes.next();
        self.notify("crew-trouble", fmt::format(R"({{"crashes":{}}})", n));
    }
}

// In the process of the root.
supe::awaitable<> overseer(supe::supervisor& self) {
    supe::notice_watch troubles(self, {"crew-trouble"});
    for (;;) {
        const supe::published trouble = co_await troubles.next();
        self.log(fmt::format("{} has trouble: {}", trouble.source, trouble.message));
    }
}

}  // namespace

int main(int argc, char** argv) {
    return supe::run_program(
        argc, argv, argc > 1 ? argv[1] : "crew.json",
        {.code = {{"/", overseer}, {"/crew", foreman}}, .roles = {{"worker", worker}}});
}
