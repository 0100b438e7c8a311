// Code in a supervisor: an author's coroutine that runs beside the children, in the process of the
// supervisor.
//
//     // Reports to the supervisor above how often a worker crashed, and logs its own mail.
//     supe::awaitable<> overseer(supe::supervisor& self) {
//         self.on_mail([&self](std::string_view from, std::string_view msg) {
//             self.log(fmt::format("{}: {}", from, msg));
//         });
//         supe::notice_watch crashes(self, {"worker-crashed"});
//         for (int n = 1;; ++n) {
//             co_await crashes.next();
//             self.notify("worker-trouble", fmt::format(R"({{"crashes":{}}})", n));
//         }
//     }
//
// Whoever runs the supervisors gets it with the address of the supervisor that it is for:
// run_program() and run_tree() of supe/run/run_tree.hpp as `.code = {{"/", overseer}}` (a whole
// program: patterns/examples/overseer.cpp), in a test simulation::world::run() and provide_code().
// The tree file's `forward` passes notices on without code.
#pragma once

#include "supe/async/queue.hpp"
#include "supe/supervision/supervisor.hpp"

#include <functional>
#include <string>
#include <vector>

namespace supe {

/// Runs from the start to the end of the supervisor, and may return earlier. An exception fails the
/// supervisor: it stops its children, and its own supervisor restarts it by its rules.
using supervisor_code = std::function<awaitable<>(supervisor&)>;

/// A watch on the notices of the supervisor. Ends with this object.
class notice_watch {
public:
    static constexpr std::size_t unread_limit = 1024;  ///< beyond this the oldest is dropped

    /// `names`: notices of contract §4 (`component-crashed`, `web-ready`, …). Without names: all
    /// but output.
    notice_watch(supervisor& s, std::vector<std::string> names);
    ~notice_watch();
    notice_watch(const notice_watch&) = delete;
    notice_watch& operator=(const notice_watch&) = delete;

    /// The cached notices first, then each new one, in order.
    awaitable<published> next();

private:
    supervisor& supervisor_;
    queue<published> unread_;
    std::uint64_t id_;
};

}  // namespace supe
