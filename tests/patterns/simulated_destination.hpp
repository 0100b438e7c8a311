// A destination and the processes that connect to it, for tests of the connection lock in
// simulation.
#pragma once

#include "patterns/connection_lock.hpp"
#include "supe/simulation/world.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace simulated {

/// Counts connections as the destination does: from its opening until both sides have closed it.
struct destination {
    explicit destination(supe::simulation::world& w) : world(w) {}

    supe::simulation::world& world;
    std::map<int, supe::time_point>
        orphans{};  ///< connections of the dead, and when the destination closes them
    std::size_t open = 0;
    std::size_t most = 0;  ///< that were ever open at once
    std::size_t served = 0;
    int last = 0;

    std::size_t connections() {
        std::erase_if(orphans, [&](const auto& o) { return o.second <= world.time().now(); });
        return open + orphans.size();
    }
};

/// One connection. Destroyed without close(), as by a crash, it is an orphan for up to 3 s.
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

/// Which processes live, and what is left of the dead.
struct watch final : patterns::holder_watch {
    explicit watch(destination& d) : place(d), changed(d.world.time()) {}

    destination& place;
    std::map<pid_t, std::string> living{};  ///< and their addresses from the root
    supe::timer changed;
    bool noisy = false;  ///< the kernel shows a socket that never goes

    bool alive(const patterns::permit_holder& holder) override {
        const auto found = living.find(holder.pid);
        return found != living.end() &&
               (found->second == holder.address || found->second == "/" + holder.address);
    }
    supe::awaitable<> gone(patterns::permit_holder holder) override {
        while (alive(holder)) co_await changed.wait();
    }
    bool quiet(const std::set<std::string>& peers) override {
        return !noisy && (!peers.contains("app:80") || place.connections() == place.open);
    }
};

/// A process is alive from here to the end of its frame, when its sockets are closed already.
class life {
public:
    life(watch& w, const supe::component& self)
        : watch_(w), pid_(w.place.world.pid_of(self.address())) {
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

/// Outlives the lock, as a file does.
struct memory final : patterns::lock_memory {
    std::optional<std::set<std::string>> peers{};
    std::optional<std::set<std::string>> unclean_peers() override { return peers; }
    void remember(const std::set<std::string>& now) override { peers = now; }
    void ended_cleanly() override { peers.reset(); }
};

}  // namespace simulated
