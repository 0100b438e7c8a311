// Code in a supervisor: an author's coroutine that runs beside the children, in the process of the
// supervisor.
//
//     // Reports to the supervisor above how often a worker crashed, and logs its own mail.
//     supe::awaitable<> overseer(supe::supervisor& self) {
//         self.on_mail([&](std::string_view from, std::string_view msg) {
//             self.log(fmt::format("{}: {}", from, msg));
//         });
//         supe::notice_watch crashes(self, {"worker-crashed"});
//         for (int n = 1;; ++n) {
//             co_await crashes.next();
//             self.notify("worker-trouble", fmt::format(R"({{"crashes":{}}})", n));
//         }
//     }
//
// It is passed to what runs the supervisor: supe::run_tree(tree, {.code = …}) in a program of one's
// own, simulation::world::run(tree, overseer) in a test. To pass on notices alone, `forward` in the
// tree file is enough.
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
