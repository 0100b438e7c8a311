// Never more than N connections to a destination, whatever is killed: a lock component grants
// permits.
#pragma once

#include "patterns/permit_table.hpp"
#include "supe/component/component.hpp"

#include <unistd.h>
#include <string>
#include <utility>
#include <vector>

namespace patterns {

// --- the holder's side ---

/// The right to have one connection open. release() it once the other end has closed the connection
/// too. A permit that is destroyed without that rests at the lock until the connection must be
/// gone, as after a crash.
class permit {
public:
    permit() = default;
    permit(supe::component& self, std::string lock, std::string number)
        : self_(&self), lock_(std::move(lock)), number_(std::move(number)) {}
    permit(permit&& other) noexcept { *this = std::move(other); }
    permit& operator=(permit&& other) noexcept;
    ~permit() { give_back("abandon"); }

    void release() { give_back("release"); }
    explicit operator bool() const { return self_ != nullptr; }

private:
    void give_back(const char* how);

    supe::component* self_ = nullptr;
    std::string lock_, number_;
};

/// Waits for a permit of the lock at address `lock`. `peers`: the `ADDRESS:PORT`s that it is used
/// for (an IPv6 address in brackets); after a crash the lock looks for connections to them that are
/// left. An empty permit when the component is asked to shut down meanwhile: the lock may be down
/// by then, until we have ended. Throws system_error(mail_error) when the lock cannot be reached.
/// `pid`: where several components share a process.
///
///     auto permit = co_await patterns::acquire(self, "/connection_lock", peers);
///     if (!permit) co_return;
///     … open, use, close and see it closed …
///     permit.release();
supe::awaitable<permit> acquire(supe::component& self, std::string lock,
                                std::vector<std::string> peers, pid_t pid = ::getpid());

/// A holder gets mail `{"recall":true}` when others wait: it should release the permits that it
/// does not need now. Such a mail may come before the acquire() that it is about has returned.
bool is_recall(const supe::mail& mail);

// --- the lock's side ---

/// What the lock must know about processes and sockets: those of the operating system, or of a
/// test.
class holder_watch {
public:
    virtual ~holder_watch() = default;
    /// Whether it is alive, and the process that its address says it is.
    virtual bool alive(const permit_holder& holder) = 0;
    /// Resumes when the process is gone, and never for another reason.
    virtual supe::awaitable<> gone(permit_holder holder) = 0;
    /// Every socket without a process is closed by the one of `peers` that it was connected to.
    virtual bool quiet(const std::set<std::string>& peers) = 0;
};

/// What must outlive the lock: whether its last end was clean, and the peers that its permits were
/// for.
class lock_memory {
public:
    virtual ~lock_memory() = default;
    /// Peers of a lock that did not end cleanly; nothing after a clean end, and at the very first
    /// start.
    virtual std::optional<std::set<std::string>> unclean_peers() = 0;
    /// Called before a permit for them is granted. `peers` includes the earlier ones.
    virtual void remember(const std::set<std::string>& peers) = 0;
    virtual void ended_cleanly() = 0;
};

struct lock_settings {
    unsigned permits = 4;
    supe::duration rest = std::chrono::seconds(1);
};

/// A lock component's body: takes `{"acquire":{"pid":N,"peers":[…]}}` as calls, answered
/// `{"permit":"N"}`, and mails
/// `{"release":"N"}` and `{"abandon":"N"}`. While a request waits, it recalls the permits of
/// holders that have none waiting. Ends when asked to shut down. Put it before its holders under
/// rest_for_one: they are restarted with a lock that died.
supe::awaitable<> serve_connection_lock(supe::component& self, lock_settings settings,
                                        holder_watch& watch, lock_memory& memory);

}  // namespace patterns
