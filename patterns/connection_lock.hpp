// Never more than N connections to a destination, whatever is killed: a lock component grants
// permits.
#pragma once

#include "patterns/permit_table.hpp"
#include "supe/component/component.hpp"

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
    permit(permit&& other) noexcept { *this = std::move(other); }
    permit& operator=(permit&& other) noexcept;
    ~permit() { give_back(unclean_); }

    /// Its connection has this local port and this peer. To be told as soon as it is open: after a
    /// crash the lock then waits for this connection, and not for every one to the same peer.
    void connected(std::uint16_t port, const std::string& peer);
    void release() { give_back("release"); }
    explicit operator bool() const { return self_ != nullptr; }

private:
    friend supe::awaitable<permit> acquire(supe::component& self, std::string lock,
                                           std::vector<std::string> peers,
                                           process_identity process);
    permit(supe::component& self, std::string lock, std::string name)
        : self_(&self), lock_(std::move(lock)), name_(std::move(name)) {}
    void give_back(const char* how);

    supe::component* self_ = nullptr;
    std::string lock_, name_;
    const char* unclean_ = "release";  ///< until it is granted: nothing was opened with it
};

/// Waits for a permit of the lock at address `lock`. `peers`: the `ADDRESS:PORT`s that it is used
/// for (an IPv6 address in brackets); after a crash the lock looks for connections to them that are
/// left. An empty permit when the component is asked to shut down meanwhile: the lock may be down
/// by then, until we have ended. Throws system_error(mail_error) when the lock cannot be reached,
/// std::runtime_error when it refuses. Whoever stops waiting, for whatever reason, has given the
/// permit back. `process`: where several components share one.
///
///     auto permit = co_await patterns::acquire(self, "/connection_lock", peers);
///     if (!permit) co_return;
///     … open …
///     permit.connected(local_port, peer);
///     … use, close and see it closed …
///     permit.release();
supe::awaitable<permit> acquire(supe::component& self, std::string lock,
                                std::vector<std::string> peers,
                                process_identity process = own_process());

/// True for a recall, which is no work. A holder gets the mail
/// `{"recall":{"pid":N,"started":TICKS}}` when other processes wait, also while it waits itself: it
/// should release the permits that it does not need now. Such a mail may come before the acquire()
/// that it is about has returned.
///
/// It may name another process: that of a child that has got instances since it asked. The lock
/// knows that one by its old name, and mail to it reaches any instance. The recall goes on to the
/// first instance then (`NAME.1`), which that process is now.
bool take_recall(supe::component& self, const supe::mail& mail,
                 process_identity process = own_process());

// --- the lock's side ---

/// What the lock must know about processes and sockets: those of the operating system, or of a
/// test.
class holder_watch {
public:
    virtual ~holder_watch() = default;
    /// False only where it is gone for certain.
    virtual bool alive(const process_identity& holder) = 0;
    /// Resumes when the process is gone, and never for another reason.
    virtual supe::awaitable<> gone(process_identity holder) = 0;
    /// Nothing where that cannot be said now.
    virtual std::optional<connections_left> left() = 0;
    /// connections_left::resets alone.
    virtual std::optional<std::uint64_t> resets() = 0;
};

/// What a lock that did not end cleanly had in use.
struct lock_record {
    std::map<std::string, used_permit> permits{};  ///< by name
    bool whole = true;                             ///< false: there may have been others
    std::vector<std::string> peers{};              ///< of the others, where that is known
};

/// What must outlive the lock.
class lock_memory {
public:
    virtual ~lock_memory() = default;
    /// Nothing after a clean end, and at the very first start.
    virtual std::optional<lock_record> unclean_end() = 0;
    /// A life of the lock begins with these in use: what was noted before them does not count any
    /// more.
    virtual void begin(const std::vector<used_permit>& in_use) = 0;
    /// Called before a permit is granted, when its connection is known, and when it begins to rest.
    virtual void note(const used_permit& permit) = 0;
    virtual void forget(const std::string& permit) = 0;
    virtual void ended_cleanly() = 0;
};

/// A lock component's body: takes calls
/// `{"acquire":{"permit":NAME,"pid":N,"started":TICKS,"peers":[…]}}`, answered `{"permit":NAME}` or
/// `{"refused":WHY}`, and mails `{"connected":{"permit":NAME,"port":N,"peer":…}}`,
/// `{"release":NAME}` and `{"abandon":NAME}`. The holder chooses the names. While a request waits,
/// it recalls the permits of all other processes (take_recall()). Ends when asked to shut down: it
/// takes what is given back in mail that has arrived by then, and refuses those that wait. Put it
/// before its holders, so that it ends after them. Its crash need not be theirs (one_for_one): in
/// its next life they keep their permits, and ask again for what they wait for.
supe::awaitable<> serve_connection_lock(supe::component& self, permit_limits limits,
                                        holder_watch& watch, lock_memory& memory);

}  // namespace patterns
