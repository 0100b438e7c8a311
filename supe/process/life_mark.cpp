#include "supe/process/life_mark.hpp"

#include "supe/storage/proc_text.hpp"

#include <sys/prctl.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

namespace supe {
namespace {

constexpr int life_bits = 22;  // PID_MAX_LIMIT of Linux
constexpr int tree_bits = 41;  // the rest but the first, so that a mark is never RLIM_INFINITY
constexpr std::string_view row = "Max file locks";

constexpr slack_mark usual_slack = 50'000;  // ns, of Linux
constexpr slack_mark slack_marks = 16'384;  // of which each is another nanosecond

bool is_slack_mark(slack_mark slack) {
    return slack > usual_slack && slack <= usual_slack + slack_marks;
}

}  // namespace

rlim_t life_mark::as_limit() const { return tree << life_bits | static_cast<rlim_t>(life); }

std::optional<life_mark> life_mark::from_limit(rlim_t soft) {
    const std::uint64_t tree = soft >> life_bits;
    if (tree < least_tree || tree >> tree_bits != 0) return std::nullopt;
    return life_mark{tree, static_cast<pid_t>(soft & ((rlim_t{1} << life_bits) - 1))};
}

std::uint64_t new_tree_mark() {
    std::random_device random;
    const std::uint64_t most = (std::uint64_t{1} << tree_bits) - 1;
    return std::uniform_int_distribution<std::uint64_t>(life_mark::least_tree, most)(random);
}

/// Not by prlimit(2), which refuses processes of a setuid program.
std::optional<life_mark> mark_of(pid_t pid) {
    std::ifstream limits("/proc/" + std::to_string(pid) + "/limits");
    for (std::string line; std::getline(limits, line);) {
        if (!line.starts_with(row)) continue;
        std::istringstream columns(line.substr(row.size()));
        rlim_t soft = 0;  // stays 0 where it is `unlimited`
        columns >> soft;
        return life_mark::from_limit(soft);
    }
    return std::nullopt;
}

slack_mark slack_mark_for(pid_t life) {
    return usual_slack + 1 + static_cast<slack_mark>(life) % slack_marks;
}

slack_mark slack_mark_of(pid_t pid) {
    const std::string text = proc_text("/proc/" + std::to_string(pid) + "/timerslack_ns");
    const slack_mark slack = std::strtoul(text.c_str(), nullptr, 10);
    return is_slack_mark(slack) ? slack : 0;
}

/// A supervisor that is a child itself has a mark, and gives each child another one.
void set_slack_mark() {
    const auto ours = static_cast<slack_mark>(::prctl(PR_GET_TIMERSLACK));
    if (ours == usual_slack || is_slack_mark(ours))
        ::prctl(PR_SET_TIMERSLACK, slack_mark_for(::getpid()));
}

}  // namespace supe
