// Saves the mail of a child that was given up (contract §3, §4 `excessive-crash`).
//
// A mailbox may hold hundreds of MiB. So the copy is made in slices: the loop makes the text of
// some mails, then it is written beside the loop, and the loop does other work meanwhile. In
// between mail may come, be delivered, or go (`supe start`, `supe remove`). The copy has what was
// in the mailbox when it began and is still there when its turn comes: mailbox::read_next() goes on
// behind the mail that was read last, by its number. What left meanwhile was delivered, or is a
// dead letter.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/mail/mailbox.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace supe {

/// Runs what blocks, beside the event loop, and resumes at its end: run_blocking().
using blocking_runner = std::function<awaitable<>(std::function<void()>)>;

struct mailbox_copy {
    std::string file;       ///< its path; empty where there is none
    std::size_t mails = 0;  ///< in it
    bool failed = false;    ///< the file cannot be written; else there is no mail without a file
};

/// Copies the mailbox of the child at `address` to a new file `STATE/mailboxes/NAME.N.jsonl`, with
/// a line of JSON for each mail: state_directory.md. Mail that its sender keeps is left out, and
/// without a `state` there is no file. Cancelled, it leaves no file. When the copy is whole,
/// the file `earlier` is deleted, unless it is empty: what the mailbox still holds is in the new
/// one.
awaitable<mailbox_copy> save_mailbox(std::shared_ptr<const mailbox> box, std::string address,
                                     std::filesystem::path state, blocking_runner beside,
                                     std::string earlier);

/// What came of save_journals().
struct saved_journals {
    std::size_t mails = 0;    ///< in the files
    std::size_t kept = 0;     ///< that their senders keep: in no file, and in no journal any more
    std::size_t letters = 0;  ///< dead letters that stay where they are
    std::vector<std::string> files;
    std::string problem;  ///< one line; empty when all of it is saved
};

/// Moves the mail that the nested supervisor at `address`, and those below it, left in their
/// journals to files as above, one for each mailbox: the supervisor was removed. Their dead letters
/// stay. Blocks. Precondition: none of them runs.
saved_journals save_journals(const std::filesystem::path& state, const std::string& address);

}  // namespace supe
