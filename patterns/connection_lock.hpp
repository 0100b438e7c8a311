// Never more than N connections to something, whatever is killed: permits that a lock component
// gives out.
#pragma once

#include "patterns/permit_table.hpp"
#include "supe/component/component.hpp"

#include <unistd.h>
#include <string>
#include <utility>
#include <vector>

namespace patterns {

// --- the holder's side ---

/// Leave to have one connection open. Give it back with release() once the other end has closed the
/// connection too. A permit that is destroyed without that rests at the lock until the connection
/// must be gone, as after a crash.
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

/// Waits for a permit of the lock at address `lock`. `peers`: the `ADDRESS:PORT`s that this one
/// will be used for (an IPv6 address in brackets); after a crash the lock looks for what is left of
/// connections to them. An empty permit when the component is asked to shut down meanwhile: the
/// lock itself may be down then, and wait for us. Throws system_error(mail_error) when the lock
/// cannot be reached. `pid`: where several components share a process.
///
///     auto permit = co_await patterns::acquire(self, "/connection_lock", peers);
///     if (!permit) co_return;
///     … open, use, close and see it closed …
///     permit.release();
supe::awaitable<permit> acquire(supe::component& self, std::string lock,
                                std::vector<std::string> peers, pid_t pid = ::getpid());

/// A holder gets mail `{"recall":true}` when others wait: it should give back what it does not need
/// now. It may be seen before the acquire() that it is about has returned.
bool is_recall(const supe::mail& mail);

// --- the lock's side ---

/// What the lock must know about processes and sockets; the operating system's in components/, a
/// fake in tests.
class holder_watch {
public:
    virtual ~holder_watch() = default;
    /// Whether it is alive, and the process that its address says it is.
    virtual bool alive(const permit_holder& holder) = 0;
    /// Resumes when the process is gone, and never for another reason.
    virtual supe::awaitable<> gone(permit_holder holder) = 0;
    /// No socket without a process is left that one of `peers` has not closed yet.
    virtual bool quiet(const std::set<std::string>& peers) = 0;
};

/// What must outlive the lock: whether its last end was clean, and whom the permits were used for.
class lock_memory {
public:
    virtual ~lock_memory() = default;
    /// Peers of a lock that did not end cleanly; nothing after a clean end, and at the very first
    /// start.
    virtual std::optional<std::set<std::string>> unclean_peers() = 0;
    /// Before a permit is given out for them. `peers` holds the earlier ones too.
    virtual void remember(const std::set<std::string>& peers) = 0;
    virtual void ended_cleanly() = 0;
};

struct lock_settings {
    unsigned permits = 4;
    supe::duration rest = std::chrono::seconds(1);
};

/// A lock component's body: takes `{"acquire":{"pid":N,"peers":[…]}}` as calls, answered
/// `{"permit":"N"}`, and mails
/// `{"release":"N"}` and `{"abandon":"N"}`. While somebody waits, it calls back what holders do not
/// need. Ends when asked to shut down. Its place in the tree is before its holders, under
/// rest_for_one: a lock that died takes its holders with it.
supe::awaitable<> serve_connection_lock(supe::component& self, lock_settings settings,
                                        holder_watch& watch, lock_memory& memory);

}  // namespace patterns
