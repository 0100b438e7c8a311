#include "supe/mail/journal_steps.hpp"

#include <algorithm>
#include <unordered_set>

namespace supe {
namespace {

/// Looks at the steps from the last one to the first.
class later_steps {
public:
    bool make_pointless(const journal_step& step) {
        using kind = journal_step::kind;
        switch (step.what) {
            case kind::put: return false;
            case kind::erase: counters_.insert(step.sequence); return false;
            case kind::put_back: return !counters_.insert(step.sequence).second;
            case kind::keep: return discarded_.contains(step.id);
            case kind::discard: return !discarded_.insert(step.text).second;
        }
        return false;
    }

private:
    std::unordered_set<std::uint64_t> counters_;  // of which mail a later step sets or ends them
    std::unordered_set<std::string> discarded_;   // letters
};

}  // namespace

journal_steps without_pointless_steps(journal_steps steps) {
    later_steps later;
    journal_steps left;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step)
        if (!later.make_pointless(*step)) left.push_back(std::move(*step));
    std::ranges::reverse(left);
    return left;
}

}  // namespace supe
