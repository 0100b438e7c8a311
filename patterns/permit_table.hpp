// Who holds which permit of a connection lock. Pure: no waiting, no mail; `now` is an argument.
#pragma once

#include "patterns/process_identity.hpp"
#include "supe/async/clock.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace patterns {

/// A request for a permit. Its process is who asks; an address may change hands, and a child that
/// gets instances goes on as the first of them (`NAME.1`).
struct permit_request {
    std::string permit;  ///< the name that the asker chose: no other request ever has it
    process_identity holder;
    std::string address;             ///< of the asker, as the supervisor says
    std::string call;                ///< what the answer answers
    std::vector<std::string> peers;  ///< `ADDRESS:PORT` of each that it may connect to
};

/// A permit that is not free, as far as it must outlive the lock.
struct used_permit {
    std::string name;
    process_identity holder;  ///< pid 0: not known
    std::string address;
    std::vector<std::string> peers;  ///< once it is connected, the one peer
    std::uint16_t port = 0;          ///< the local one of its connection; 0: not known
    /// Its holder ended uncleanly before then. The steady clock goes on from life to life, within
    /// one boot. Nothing while it is held.
    std::optional<supe::time_point> rests_since{};
};

/// A TCP socket of this machine that no process has any more.
struct left_socket {
    enum class state {
        closing,  ///< its peer has not closed it yet
        closed    ///< both sides have (TIME_WAIT and the like)
    };
    std::uint16_t port = 0;  ///< the local one
    std::string peer;        ///< `ADDRESS:PORT`, an IPv6 address in brackets
    state is = state::closing;
};

/// What the kernel says of connections whose process has ended.
struct connections_left {
    std::vector<left_socket> sockets{};
    /// How many connections of this machine were ever reset because data was unread at their end,
    /// or came after it; of these no socket is left. Nothing where that is not known.
    std::optional<std::uint64_t> resets{};
};

/// The peer as the kernel lists it: without the scope of an IPv6 address (`[fe80::1%eth0]:80`).
std::string without_scope(std::string_view peer);

/// `/dam/forwarder` of `/dam/forwarder.2`; empty where it is the address of no instance.
std::string common_name(const std::string& address);

struct permit_limits {
    unsigned permits = 4;
    /// How long a permit rests at least (contract §7 `permit_rest`).
    supe::duration rest = std::chrono::seconds(1);
    /// The same where the connection may have been reset, by an end with unread data: the
    /// destination may not have noticed.
    supe::duration reset_rest = std::chrono::seconds(30);
    /// When the kernel forgets a socket that no process has.
    supe::duration forgotten_after = std::chrono::seconds(61);
    std::size_t waiting = 1 << 16;  ///< requests; more are refused
};

/// N permits. Each is free, held by a process, or rests: its holder ended uncleanly, and its
/// connection may still be open. First come, first served. After a change of N, or a restart of the
/// lock, more may be in use than there are: then none is granted until enough are given back.
class permit_table {
public:
    explicit permit_table(permit_limits limits) : limits_(limits) {}

    enum class reply { waits, waited_already, has_it, refused };
    /// `has_it`: it holds this permit already, and the answer was lost. `waited_already`: it was
    /// sent again, and its answer goes to the newer call.
    reply ask(const permit_request& request);
    /// Grants the free permits to those that wait.
    std::vector<permit_request> give();
    /// Its connection: from now on only a socket with this port and peer is its own. The permit;
    /// null where it is not in use.
    const used_permit* connected(const std::string& permit, std::uint16_t port, std::string peer);
    /// Its connection is closed on both sides, or was never opened: it is free, or no longer waited
    /// for. True where it was in use.
    bool release(const std::string& permit);
    /// Its connection is in an unknown state: it rests, and is nobody's any more. The permit; null
    /// where it was not in use.
    const used_permit* abandon(const std::string& permit, supe::time_point now);
    /// The process is gone: its permits rest, its requests are forgotten. Those permits.
    std::vector<used_permit> gone(const process_identity& holder, supe::time_point now);

    /// A permit of an earlier life of the lock. Its process lives; or it rests: since then, where
    /// that is known, and at the latest since now.
    void restore(used_permit permit);
    void restore_resting(used_permit permit, supe::time_point now);
    /// What an earlier life had in use is not known: all that is not in use now rests.
    void rest_all(const std::vector<std::string>& peers, supe::time_point now);

    /// Resets so far, once in a while.
    void note_resets(std::optional<std::uint64_t> resets);
    /// When to look at the sockets for a permit that rests; `never` when none does.
    supe::time_point next_look() const;
    /// Frees what has rested for long enough, by the sockets that are left now. Their names.
    std::vector<std::string> look(const connections_left& left, supe::time_point now);

    bool all_free() const { return used_.empty() && waiting_.empty(); }
    std::vector<used_permit> used() const;
    std::set<process_identity> holders() const;
    /// The holders that another process waits for, with their addresses: they may have idle
    /// permits, also where they wait for one more themselves.
    std::map<process_identity, std::string> to_recall() const;
    /// Forgets the requests that wait, for their answer.
    std::vector<permit_request> refuse_all();

private:
    struct rest {
        supe::time_point look_at;
        std::optional<std::uint64_t> resets;  ///< before the end of its process
        bool was_reset = true;                ///< as far as we know
        bool looked = false;
        bool was_closing = false;  // its socket was seen, before its peer had closed it
    };
    struct permit {
        used_permit use;
        std::optional<rest> resting{};  // where use.rests_since says since when

        void begin_rest(supe::time_point since, std::optional<std::uint64_t> resets);
    };
    void note_address(const permit_request& request);
    bool is_over(permit& p, const connections_left& left, supe::time_point now) const;

    permit_limits limits_;
    std::map<std::string, permit> used_;
    std::deque<permit_request> waiting_;
    /// The last three samples, the oldest first. The end of a process is heard of at the next look
    /// at the descriptors, and there is one between two samples: so the latest may have been taken
    /// after an end that we don't know of yet, and the one before it in the same moment. The third
    /// was not.
    std::array<std::optional<std::uint64_t>, 3> resets_{};
};

}  // namespace patterns
