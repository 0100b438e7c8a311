// The addresses of a destination, which may take long to find.
#pragma once

#include "components/http/delivery_network.hpp"
#include "supe/async/nursery.hpp"

#include <memory>
#include <string>
#include <vector>

namespace components {

/// Looks up a destination's name for all that need it. One lookup at a time: the system's resolver
/// is a thread that cannot be stopped, and those that come meanwhile wait for the same answer. Who
/// has waited for long enough leaves, and the lookup goes on.
class name_lookup {
public:
    name_lookup(supe::clock& time, http_destination to, delivery_network& network = over_tcp())
        : time_(time), to_(std::move(to)), network_(network), done_(time), tasks_(time) {}

    /// `ADDRESS:PORT` of each way to get there, as the resolver gives them now. Empty, with the
    /// reason in `error`, where the name has no address, or none until `deadline`.
    supe::awaitable<std::vector<std::string>> find(supe::time_point deadline, std::string& error);
    /// Ends the lookup under way, as soon as the resolver lets it.
    supe::awaitable<> end();

private:
    /// What one lookup came to. Those who waited for it keep it while the next one runs.
    struct answer {
        bool is_there = false;
        std::vector<std::string> peers{};
        std::string error{};  ///< never empty where `peers` is
    };
    supe::awaitable<> look_up(std::shared_ptr<answer> into);

    supe::clock& time_;
    http_destination to_;
    delivery_network& network_;
    std::shared_ptr<answer> latest_;  // null before the first one
    supe::timer done_;
    supe::nursery tasks_;
};

}  // namespace components
