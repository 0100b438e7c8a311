// As many instances of a sibling as its backlog needs: they grow at once, and shrink after a calm
// time.
#pragma once

#include "supe/component/component.hpp"

#include <deque>

namespace patterns {

struct autoscaler_limits {
    unsigned least = 1;
    unsigned most = 10;
    /// Mail that one instance is meant to have before it, in hand or waiting: 100 mails and 10 of
    /// them each are 10 instances. More than 0.
    std::size_t mails_each = 10;
    supe::duration look_every = std::chrono::seconds(1);
    /// Instances go when fewer would have been enough for this long.
    supe::duration calm = std::chrono::seconds(30);
};

/// How many instances there should be. Pure; autoscale() waits and asks.
class autoscaler {
public:
    explicit autoscaler(autoscaler_limits limits) : limits_(limits) {}

    /// `have`: how many there are now; `backlog`: their mail, in hand or waiting.
    unsigned decide(supe::time_point now, unsigned have, std::size_t backlog);

private:
    struct need {
        supe::time_point at;
        unsigned instances;
    };
    void note(supe::time_point now, unsigned instances);

    autoscaler_limits limits_;
    std::deque<need> needs_;  // of the calm time, each larger than those after it
};

/// Looks at the mailbox of the sibling `name` and scales it, until this component is asked to shut
/// down. In the tree file the component that calls it has `"may": ["scale"]`.
///
///     supe::awaitable<> overseer(supe::component& self) {
///         co_await patterns::autoscale(self, "worker", {.most = 8, .mails_each = 20});
///     }
///
/// An order that fails (`may` has no "scale", a new instance does not start) is printed on stderr,
/// and given again after a pause that grows to 30 s.
supe::awaitable<> autoscale(supe::component& self, std::string name, autoscaler_limits limits);

}  // namespace patterns
