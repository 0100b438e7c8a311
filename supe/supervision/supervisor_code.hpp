// Code in a supervisor: what an author has run beside the children of a supervisor, in its own
// process.
//
//     // Tells the supervisor above how often a worker crashed, and logs the mail it gets itself.
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
// Whoever runs the supervisor is given it: supe::run_tree(tree, {.code = …}) in a binary of one's
// own, simulation::world::run(tree, overseer) in a test. Where notices are only passed on, the tree
// file's `forward` does it without code.
#pragma once

#include "supe/async/queue.hpp"
#include "supe/supervision/supervisor.hpp"

#include <functional>
#include <string>
#include <vector>

namespace supe {

/// Runs from the start to the end of the supervisor. It may return before; when it throws, the
/// supervisor fails: it stops its children, and the rules of its parent decide.
using supervisor_code = std::function<awaitable<>(supervisor&)>;

/// A watch on notices of one's own children. Ends with this object.
class notice_watch {
public:
    static constexpr std::size_t unread_limit = 1024;  ///< older ones are dropped beyond

    /// `names` as contract §4 has them (`component-crashed`, `web-ready`, …); none: all but output.
    notice_watch(supervisor& s, std::vector<std::string> names);
    ~notice_watch();
    notice_watch(const notice_watch&) = delete;
    notice_watch& operator=(const notice_watch&) = delete;

    /// The cached ones first, then each new one, in order.
    awaitable<published> next();

private:
    supervisor& supervisor_;
    queue<published> unread_;
    std::uint64_t id_;
};

}  // namespace supe
