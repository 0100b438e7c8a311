// The steps of a journal that wait for their commit. Pure.
#pragma once

#include "supe/mail/journal.hpp"

#include <memory>
#include <string>
#include <vector>

namespace supe {

/// One step that waits for its commit.
struct journal_step {
    enum class kind { put, erase, put_back, keep, discard };
    kind what;
    std::uint64_t sequence = 0;
    std::string text = {};  ///< erase: the finished id; put_back: the history; discard: the
                            ///< letter's name
    std::string id = {};    ///< keep: the letter's name
    unsigned attempt = 0, charges = 0;
    bool suspect = false;
    std::unique_ptr<journaled_mail> mail = {};       ///< put
    std::shared_ptr<const dead_letter> letter = {};  ///< keep
};
using journal_steps = std::vector<journal_step>;

/// Removes the steps that a later one makes pointless: a put_back before another put_back or the
/// erase of its mail, and a letter that is kept and discarded. What is left is bounded by what the
/// supervisor holds, however long the disk cannot be written. Returns the rest, in order.
journal_steps without_pointless_steps(journal_steps steps);

}  // namespace supe
