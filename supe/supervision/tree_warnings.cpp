#include "supe/supervision/tree_warnings.hpp"

#include "supe/supervision/restart_intensity.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_warnings = 50;

std::string shown(const restart_limit& limit) {
    return fmt::format("max_restarts {} within {}", limit.count, print_duration(limit.within));
}

/// The restarts within `window` of a child that runs for `reset_after` in `resets` of its lives,
/// and ends at once in all others. Each run makes the delays begin anew, so that each delay comes
/// once more.
unsigned restarts_with(unsigned resets, const backoff_spec& backoff, milliseconds window,
                       unsigned enough) {
    milliseconds left = window - resets * backoff.reset_after;
    restart_delay delay;
    unsigned restarts = 0;
    while (restarts < enough) {
        const milliseconds next = delay.next(backoff, {}, 0.0);  // 0: the shortest by its jitter
        const auto fitting =
            next == 0ms ? resets + 1LL : std::min<long long>(resets + 1LL, left / next);
        restarts += static_cast<unsigned>(std::min<long long>(fitting, enough - restarts));
        if (fitting <= resets) break;
        left -= fitting * next;
    }
    return restarts;
}

class tree_inspector {
public:
    std::vector<std::string> found;

    void inspect(const supervisor_spec& s, const std::string& address) {
        std::size_t processes = 0;
        for (const child_spec& c : s.children) processes += c.instances;
        const restart_limit common = s.limit.of(processes);
        if (s.limit.count) inspect_common_limit(s, common, address);
        for (const child_spec& c : s.children) {
            const std::string below = fmt::format("{}/{}", address, c.name);
            inspect_directory("directory", c.directory, below);
            inspect_directory("the directory of its log",
                              std::filesystem::path(c.log->file).parent_path(), below);
            if (c.supervisor) {
                inspect(*c.supervisor, below);
            } else {
                inspect_child(c, common, below);
            }
        }
    }

private:
    template <class... Args>
    void warn(const std::string& address, fmt::format_string<Args...> text, Args&&... args) {
        found.push_back(fmt::format("{}: {}", address.empty() ? "/" : address,
                                    fmt::format(text, std::forward<Args>(args)...)));
    }

    /// Only a limit that the file states: the one by default is there for other backoffs too.
    void inspect_common_limit(const supervisor_spec& s, const restart_limit& limit,
                              const std::string& address) {
        if (limit.count == 0)
            return warn(address, "max_restarts 0: the first crash of a child ends this supervisor");
        std::size_t crashes = 0;
        for (const child_spec& c : s.children) {
            if (c.restart == restart_type::temporary) continue;
            crashes += c.instances * (1ull + most_restarts(*c.backoff, limit.within, limit.count));
        }
        if (crashes <= limit.count && !s.children.empty())
            warn(address,
                 "{} can never be passed: the delays of its children (backoff) allow at most {} "
                 "crashes in that time",
                 shown(limit), crashes);
    }

    void inspect_child(const child_spec& c, const restart_limit& common,
                       const std::string& address) {
        const child_spec plain;
        const bool has_own_limit = c.limit.count != plain.limit.count ||
                                   c.limit.within != plain.limit.within ||
                                   c.on_excessive != plain.on_excessive;
        if (c.on_excessive != on_excessive_kind::retry && c.retry_after != plain.retry_after)
            warn(address, "retry_after has no effect: on_excessive is not retry");
        if (c.restart == restart_type::temporary) {
            if (c.demand)
                warn(address,
                     "demand with restart temporary: its first crash takes it out of the "
                     "tree, and its waiting mail to the dead letters");
            if (has_own_limit)
                warn(address,
                     "max_restarts, within and on_excessive have no effect: a temporary "
                     "child is never restarted");
            return;
        }
        if (c.limit.count == 0)
            return warn(address, "max_restarts 0: its first crash passes this limit");
        const unsigned restarts = most_restarts(*c.backoff, c.limit.within, c.limit.count);
        if (restarts < c.limit.count)
            return warn(address,
                        "{} can never be passed, and it is restarted for ever: its delays "
                        "(backoff) allow at most {} crashes in that time",
                        shown(c.limit), restarts + 1);
        if (has_own_limit && common.count <= c.limit.count && common.within >= c.limit.within)
            warn(address, "{} can never be passed: its supervisor fails first ({})", shown(c.limit),
                 shown(common));
    }

    void inspect_directory(const char* what, const std::string& directory,
                           const std::string& address) {
        std::error_code failed;
        if (directory.empty() || std::filesystem::is_directory(directory, failed)) return;
        const bool is_there = std::filesystem::exists(directory, failed);
        warn(address, "{} {} is {}", what, json_quoted(directory),
             is_there ? "no directory" : "not there");
    }
};

}  // namespace

unsigned most_restarts(const backoff_spec& backoff, milliseconds window, unsigned enough) {
    unsigned most = restarts_with(0, backoff, window, enough);
    if (backoff.reset_after == 0ms) return most;  // each life makes the delays begin anew
    const auto resets = std::min<long long>(window / backoff.reset_after, enough);
    for (unsigned n = 1; n <= resets && most < enough; ++n)
        most = std::max(most, restarts_with(n, backoff, window, enough));
    return most;
}

std::vector<std::string> warnings_of(const supervisor_spec& tree) {
    tree_inspector all;
    all.inspect(tree, "");
    if (const std::size_t n = all.found.size(); n > most_warnings) {
        all.found.resize(most_warnings);
        all.found.push_back(fmt::format("and {} warnings more", n - most_warnings));
    }
    return std::move(all.found);
}

}  // namespace supe
