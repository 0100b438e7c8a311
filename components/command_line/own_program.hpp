// The command line of a program of a user's own (supe/run/main.hpp), and what `supe` shares with
// it.
#pragma once

namespace components {

/// Files that we open must never become descriptor 0, 1 or 2: what is printed would end up in them.
void hold_standard_descriptors();

}  // namespace components
