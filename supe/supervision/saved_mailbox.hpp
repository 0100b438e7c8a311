// Saves the mail of a child that was given up (contract §3, §4 `excessive-crash`).
#pragma once

#include "supe/mail/mailbox.hpp"

#include <filesystem>
#include <string>

namespace supe {

/// Copies the mailbox to a new file `STATE/mailboxes/NAME.N.jsonl`, with a line of JSON for each
/// mail: `{"id","from","attempt","msg"}`. Returns the file's path; empty when there is no mail, or
/// the file cannot be written.
std::string save_mailbox(const mailbox& box, const std::string& address,
                         const std::filesystem::path& state);

}  // namespace supe
