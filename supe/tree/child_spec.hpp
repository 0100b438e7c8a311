// What a tree file says of each child and each supervisor (contract §5). Plain data with the
// defaults.
#pragma once

#include "supe/mail/mailbox.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/orders.hpp"
#include "supe/tree/seldom.hpp"
#include "supe/tree/shared_json.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace supe {

enum class strategy_kind : unsigned char { one_for_one, one_for_all, rest_for_one };
enum class restart_type : unsigned char { permanent, transient, temporary };
enum class auto_shutdown_kind : unsigned char { never, any_significant, all_significant };
enum class on_excessive_kind : unsigned char { stop, escalate, retry };
enum class ready_kind : unsigned char { started, signal, notify };
enum class kill_mode_kind : unsigned char { group, mixed };
enum class stdin_kind : unsigned char { null, open };
enum class on_full_kind : unsigned char { reject, block };

/// At most `count` restarts within `within`; one more is too many.
struct restart_limit {
    unsigned count = 10;
    milliseconds within = std::chrono::seconds(60);
};

/// The limit of all children of a supervisor together (contract §5).
struct common_limit {
    std::optional<unsigned> count;  ///< none: by the number of children
    milliseconds within = std::chrono::seconds(10);
    /// In figures, for a supervisor with this many children. Each instance is one.
    restart_limit of(std::size_t children) const {
        constexpr unsigned least = 10, a_child = 3;
        return {count.value_or(std::max(least, a_child * static_cast<unsigned>(children))), within};
    }
};

struct backoff_spec {
    milliseconds first{0};
    double factor = 2;
    milliseconds max = std::chrono::seconds(30);
    double jitter = 0.1;  ///< a share of the delay, added or taken away
    milliseconds reset_after =
        std::chrono::seconds(60);  ///< a run this long starts anew with `first`
    bool operator==(const backoff_spec&) const = default;
};

/// How long a stop may take until SIGKILL: a time, at once, or for ever.
struct shutdown_spec {
    std::optional<milliseconds> limit = std::chrono::seconds(8);  ///< none: infinity
    bool at_once() const { return limit && *limit == milliseconds(0); }
};

struct mail_spec {
    mailbox_limits limits;
    on_full_kind on_full = on_full_kind::reject;
    /// The limits with what happens at them.
    mailbox_limits mailbox() const {
        mailbox_limits all = limits;
        all.block = on_full == on_full_kind::block;
        return all;
    }
    bool operator==(const mail_spec&) const = default;
};

/// A file of its own for a child's output.
struct log_spec {
    std::string file;              ///< absolute; empty: none
    std::size_t size = 10u << 20;  ///< bytes
    unsigned count = 5;            ///< files in all
    bool operator==(const log_spec&) const = default;
};

/// Exit codes, each from 0 to 255.
struct exit_codes {
    std::vector<int> all = {0};
    bool contains(int code) const { return std::ranges::find(all, code) != all.end(); }
    bool operator==(const exit_codes&) const = default;
};

/// Whom a child runs as: names or numbers; empty: as its supervisor does.
struct run_as_spec {
    std::string user, group;
    bool operator==(const run_as_spec&) const = default;
};

struct supervisor_spec;

/// Fields of one size stand together, for the same reason as seldom.
struct child_spec {
    std::string name;

    // Exactly one of the three.
    std::vector<std::string> command;
    std::string component;                        ///< a built-in role
    std::shared_ptr<supervisor_spec> supervisor;  ///< where it has `children`

    shared_json config;     ///< null: none
    std::string directory;  ///< absolute
    seldom<std::map<std::string, std::string>> env;
    seldom<run_as_spec> run_as;
    seldom<std::vector<std::string>> stop_command;  ///< empty: none
    seldom<log_spec> log;
    seldom<exit_codes> clean_exits;
    std::vector<std::string> listen;

    restart_type restart = restart_type::permanent;
    on_excessive_kind on_excessive = on_excessive_kind::stop;
    ready_kind ready = ready_kind::started;
    kill_mode_kind kill_mode = kill_mode_kind::group;
    stdin_kind input = stdin_kind::null;
    order_set may;
    bool channel = true;  ///< false: no socket (contract §2)
    bool significant = false;
    bool ask = false;
    bool demand = false;
    unsigned instances = 1;
    int stop_signal = SIGTERM;

    restart_limit limit;  ///< of this child alone (not used for supervisors)
    seldom<backoff_spec> backoff;
    milliseconds retry_after = std::chrono::minutes(5);  ///< on_excessive: retry
    milliseconds start_timeout = std::chrono::seconds(30);
    shutdown_spec shutdown;
    std::optional<milliseconds> watchdog;
    seldom<mail_spec> mail;
};

struct supervisor_spec {
    std::string name;
    strategy_kind strategy = strategy_kind::one_for_one;
    common_limit limit;
    auto_shutdown_kind auto_shutdown = auto_shutdown_kind::never;
    std::vector<std::string> forward;
    std::vector<child_spec> children;
    bool journal = false;
};

}  // namespace supe
