// What the queue does where its file, or the log beside it, was deleted, moved or replaced
// (contract §7).
#pragma once

#include "components/queue/queue_logic.hpp"
#include "components/queue/webhook_store.hpp"

#include <string>

namespace components {

/// Knows the logic and the store, and does not own them.
class file_watch {
public:
    file_watch(supe::clock& time, queue_logic& logic, webhook_store& store)
        : time_(time), logic_(logic), store_(store), look_(time) {}

    /// Looks now and then whether the file is lost, until it is cancelled, and says so. Ends with a
    /// store_error once a new beginning loses nothing.
    supe::awaitable<> run();
    /// A batch has seen that the file is lost.
    void look_now() { look_.notify(); }

private:
    void tell(const std::string& lost) const;
    void end_where_nothing_is_lost(const std::string& lost);
    supe::awaitable<bool> save_deleted();

    supe::clock& time_;
    queue_logic& logic_;
    webhook_store& store_;
    supe::timer look_;
};

}  // namespace components
