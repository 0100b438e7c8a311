// A destination and processes that connect to it, for tests of the connection lock in simulation.
#pragma once

#include "patterns/connection_lock.hpp"
#include "supe/simulation/world.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace simulated {

/// Counts connections as a destination does: each from its opening until both sides have closed it.
struct destination {
    explicit destination(supe::simulation::world& w) : world(w) {}

    supe::simulation::world& world;
    std::map<int, supe::time_point>
        orphans{};  ///< connections of dead processes, and when the destination closes them
    std::size_t open = 0;
    std::size_t most = 0;  ///< the largest number of open connections
    std::size_t served = 0;
    int last = 0;

    std::size_t connections() {
        std::erase_if(orphans, [&](const auto& o) { return o.second <= world.time().now(); });
        return open + orphans.size();
    }
};

/// One connection. When it is destroyed without close(), as by a crash, it is an orphan for up to 3
/// s.
class connection {
public:
    explicit connection(destination& d) : to_(&d) {
        ++d.open;
        d.most = std::max(d.most, d.connections());
    }
    connection(connection&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    connection& operator=(connection&&) = delete;
    ~connection() {
        if (!to_) return;
        --to_->open;
        to_->orphans[++to_->last] =
            to_->world.time().now() +
            std::chrono::milliseconds(static_cast<int>(to_->world.random() * 3000));
    }
    void close() {
        ++to_->served;
        --std::exchange(to_, nullptr)->open;
    }

private:
    destination* to_;
};

/// The living processes, and the connections that dead ones left.
struct watch final : patterns::holder_watch {
    explicit watch(destination& d) : target(d), changed(d.world.time()) {}

    destination& target;
    std::map<pid_t, std::string> living{};  ///< and their addresses from the root
    supe::timer changed;
    bool noisy = false;  ///< the kernel shows a socket that never closes

    bool alive(const patterns::permit_holder& holder) override {
        const auto found = living.find(holder.pid);
        return found != living.end() &&
               (found->second == holder.address || found->second == "/" + holder.address);
    }
    supe::awaitable<> gone(patterns::permit_holder holder) override {
        while (alive(holder)) co_await changed.wait();
    }
    bool quiet(const std::set<std::string>& peers) override {
        return !noisy && (!peers.contains("app:80") || target.connections() == target.open);
    }
};

/// A process is alive from here to the end of its coroutine, when its sockets are closed already.
class life {
public:
    life(watch& w, const supe::component& self)
        : watch_(w), pid_(w.target.world.pid_of(self.address())) {
        watch_.living.emplace(pid_, self.address());
    }
    ~life() {
        watch_.living.erase(pid_);
        watch_.changed.notify();
    }
    life(const life&) = delete;
    life& operator=(const life&) = delete;
    pid_t pid() const { return pid_; }

private:
    watch& watch_;
    pid_t pid_;
};

/// Outlives the lock, as a file would.
struct memory final : patterns::lock_memory {
    std::optional<std::set<std::string>> peers{};
    std::optional<std::set<std::string>> unclean_peers() override { return peers; }
    void remember(const std::set<std::string>& now) override { peers = now; }
    void ended_cleanly() override { peers.reset(); }
};

}  // namespace simulated
