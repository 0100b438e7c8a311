// Something done again and again, at even intervals, for as long as the component runs.
#pragma once

#include "supe/component/component.hpp"

namespace patterns {

/// The beats of a clock:
///
///     patterns::every minute{self, 1min};
///     while (co_await minute.tick()) { … }
///
/// The first beat comes after one period. After work that took longer than a period one missed beat
/// comes at once; those after it come when they would have come anyway. Precondition: the period is
/// more than 0.
class every {
public:
    every(supe::component& self, supe::duration period);
    /// Resumes at the next beat with true; with false when the component is asked to shut down.
    supe::awaitable<bool> tick();

private:
    supe::component& self_;
    supe::duration period_;
    supe::time_point next_;
};

}  // namespace patterns
