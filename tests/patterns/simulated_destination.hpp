// A destination and processes that connect to it, for tests of the connection lock in simulation.
#pragma once

#include "patterns/connection_lock.hpp"
#include "supe/simulation/world.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace simulated {

inline constexpr auto timeout = std::chrono::seconds(5);  ///< of a request, for the destination

/// Counts connections as a destination does: each from its opening until both sides have closed it.
struct destination {
    explicit destination(supe::simulation::world& w) : world(w) {}

    struct orphan {
        std::uint16_t port;
        supe::time_point closed_at;  ///< by the destination
        bool in_kernel;              ///< of this machine: a connection that was reset is not
    };

    supe::simulation::world& world;
    std::vector<orphan> orphans{};  ///< connections of dead processes
    std::size_t open = 0;
    std::size_t most = 0;  ///< the largest number of open connections since it was last set to 0
    std::size_t served = 0;
    std::uint16_t last_port = 1024;
    std::uint64_t reset = 0;  ///< connections, so far
    bool resets = false;      ///< dead processes may leave unread data

    std::size_t connections() {
        const auto now = world.time().now();
        std::erase_if(orphans, [&](const orphan& o) {
            return o.closed_at + std::chrono::seconds(60) <= now;
        });
        return open + static_cast<std::size_t>(std::ranges::count_if(
                          orphans, [&](const orphan& o) { return o.closed_at > now; }));
    }
    void left_by_the_dead(std::uint16_t port, bool used) {
        const bool is_reset = resets && used && world.random() < 0.3;
        const auto longest = is_reset ? timeout : std::chrono::seconds(3);
        const auto until = world.time().now() +
                           std::chrono::duration_cast<supe::duration>(longest * world.random());
        orphans.push_back({port, until, !is_reset});
        if (is_reset) ++reset;
    }
};

/// One connection. When it is destroyed without close(), as by a crash, the destination closes it
/// only later.
class connection {
public:
    explicit connection(destination& d) : to_(&d), port_(++d.last_port) {
        ++d.open;
        d.most = std::max(d.most, d.connections());
    }
    connection(connection&& other) noexcept
        : to_(std::exchange(other.to_, nullptr)), port_(other.port_), used_(other.used_) {}
    connection& operator=(connection&&) = delete;
    ~connection() {
        if (!to_) return;
        --to_->open;
        to_->left_by_the_dead(port_, used_);
    }
    void close() {
        ++to_->served;
        --std::exchange(to_, nullptr)->open;
    }
    std::uint16_t port() const { return port_; }
    /// From now on there may be unread data.
    void use() { used_ = true; }

private:
    destination* to_;
    std::uint16_t port_;
    bool used_ = false;
};

/// The living processes, and the connections that dead ones left.
struct watch final : patterns::holder_watch {
    explicit watch(destination& d) : target(d), changed(d.world.time()) {}

    destination& target;
    std::set<patterns::process_identity> living{};
    supe::timer changed;
    bool noisy = false;   ///< another program has left a connection that never closes
    bool silent = false;  ///< the kernel does not answer

    bool alive(const patterns::process_identity& holder) override {
        return living.contains(holder);
    }
    supe::awaitable<> gone(patterns::process_identity holder) override {
        while (alive(holder)) co_await changed.wait();
    }
    std::optional<std::uint64_t> resets() override { return target.reset; }
    std::optional<patterns::connections_left> left() override {
        using state = patterns::left_socket::state;
        if (silent) return std::nullopt;
        std::vector<patterns::left_socket> left{{9, "app:80", state::closing},
                                                {9, "elsewhere:80", state::closing}};
        if (!noisy) left.erase(left.begin());
        target.connections();
        for (const auto& o : target.orphans)
            if (o.in_kernel)
                left.push_back(
                    {o.port, "app:80",
                     o.closed_at > target.world.time().now() ? state::closing : state::closed});
        return patterns::connections_left{std::move(left), resets()};
    }
};

/// A process is alive from here to the end of its coroutine, when its sockets are closed already.
class life {
public:
    life(watch& w, const supe::component& self)
        : watch_(w), process_{w.target.world.pid_of(self.address()), ++lives_} {
        watch_.living.insert(process_);
    }
    ~life() {
        watch_.living.erase(process_);
        watch_.changed.notify();
    }
    life(const life&) = delete;
    life& operator=(const life&) = delete;
    patterns::process_identity process() const { return process_; }

private:
    static inline std::uint64_t lives_ = 0;
    watch& watch_;
    patterns::process_identity process_;
};

/// Outlives the lock, as a file would.
struct memory final : patterns::lock_memory {
    std::optional<patterns::lock_record> record{};
    std::optional<patterns::lock_record> unclean_end() override { return record; }
    void begin(const std::vector<patterns::used_permit>& in_use) override {
        record.emplace();
        for (const auto& p : in_use) note(p);
    }
    void note(const patterns::used_permit& p) override {
        record->permits.insert_or_assign(p.name, p);
    }
    void forget(const std::string& permit) override { record->permits.erase(permit); }
    void ended_cleanly() override { record.reset(); }
};

}  // namespace simulated
