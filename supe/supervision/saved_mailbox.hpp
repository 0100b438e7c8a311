// The mail of a child that was given up, in a file (contract §3, §4 `excessive-crash`).
#pragma once

#include "supe/mail/mailbox.hpp"

#include <filesystem>
#include <string>

namespace supe {

/// Writes a copy of the mailbox to a new file `STATE/mailboxes/NAME.N.jsonl`, a line of JSON a
/// mail:
/// `{"id","from","attempt","msg"}`.
/// Returns the file's name; empty where there is nothing to save, or where it cannot be written.
std::string save_mailbox(const mailbox& box, const std::string& address,
                         const std::filesystem::path& state);

}  // namespace supe
