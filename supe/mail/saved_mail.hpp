// A mail as a line of a saved mailbox (state_directory.md, `mailboxes/`). Pure.
#pragma once

#include "supe/mail/envelope.hpp"

#include <string>
#include <string_view>

namespace supe {

/// Appends the line, with its end. `recipient`: a child, or `NAME.i` where that instance alone may
/// have the mail, which the line says then.
void append_saved_mail(std::string& text, const envelope& mail, std::string_view recipient);

/// A line, read again.
struct saved_mail : stored_mail {
    unsigned instance = 0;  ///< the one that alone may have it, from 1; 0: any
};

/// Returns why the line is no saved mail, or empty.
std::string read_saved_mail(std::string_view line, saved_mail& mail);

}  // namespace supe
