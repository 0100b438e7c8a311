// `rate` of a route: how many deliveries start in a time, over the lives of the forwarder.
#pragma once

#include "patterns/rate_limiter.hpp"

#include <filesystem>
#include <optional>

namespace components {

/// Remembers in a small file what was started: the next life goes on with that, after a crash too.
/// Of a rate of more than ten a second it knows what was started until a second ago.
class start_rate {
public:
    /// Without `limit` any number may start. Without `file` nothing is remembered.
    start_rate(std::optional<patterns::rate_limiter::settings> limit, supe::clock& time,
               std::filesystem::path file);

    /// As rate_limiter::take().
    supe::duration take();
    /// As many as ever may start: who ends now forgets nothing.
    bool is_full() const;

private:
    void remember();

    std::optional<patterns::rate_limiter> limiter_;
    supe::clock& time_;
    std::filesystem::path file_;
    supe::duration pause_{};  // between two lines in the file
    supe::time_point written_{};
};

}  // namespace components
