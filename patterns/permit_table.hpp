// Who holds which permit of a connection lock. Pure: no waiting, no mail; `now` is an argument.
#pragma once

#include "supe/async/clock.hpp"

#include <sys/types.h>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace patterns {

/// A process that asks for permits.
struct permit_holder {
    std::string address;
    pid_t pid = 0;
    auto operator<=>(const permit_holder&) const = default;
};

/// A request for a permit, by its id.
struct permit_request {
    std::string request;
    permit_holder holder;
};

/// `number` names this grant alone: a late message about an earlier grant does not affect it.
struct permit_grant {
    permit_request to;
    std::uint64_t number;
};

/// N permits. Each is free, held by a process, or rests: its holder ended uncleanly, and its
/// connection may still be open. First come, first served.
class permit_table {
public:
    /// `rest`: how long a permit rests at least (contract §7 `permit_rest`).
    permit_table(unsigned permits, supe::duration rest) : permits_(permits), rest_(rest) {}

    /// A request that is the same as a waiting one was delivered again, and changes nothing.
    void ask(permit_request request);
    /// Grants the free permits to those that wait.
    std::vector<permit_grant> give();
    /// Its connection is closed on both sides. False when no process with this address holds it.
    bool release(std::uint64_t number, const std::string& address);
    /// Its connection is in an unknown state: it rests.
    void abandon(std::uint64_t number, const std::string& address, supe::time_point now);
    /// The process is gone: its permits rest, its requests are forgotten.
    void gone(const permit_holder& holder, supe::time_point now);
    /// After an unclean end of an earlier lock, whose holders may have left connections: all rest.
    void rest_all(supe::time_point now);

    /// When the next permit has rested for long enough; `never` when none rests.
    supe::time_point rested_at() const;
    /// No connection of the former holders is left: permits that rested for long enough are free.
    void wake(supe::time_point now);

    bool anyone_waits() const { return !waiting_.empty(); }
    bool all_free() const;
    /// Of permits.
    std::set<permit_holder> holders() const;
    /// Of waiting requests.
    std::set<permit_holder> askers() const;

private:
    struct permit {
        std::optional<permit_holder> holder;
        std::uint64_t number = 0;
        std::optional<supe::time_point> resting_since;
    };
    permit* held(std::uint64_t number, const std::string& address);

    std::vector<permit> permits_;
    supe::duration rest_;
    std::uint64_t last_number_ = 0;
    std::deque<permit_request> waiting_;
};

}  // namespace patterns
