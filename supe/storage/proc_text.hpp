// Files that the kernel makes while they are read: those of proc(5).
#pragma once

#include <string>

namespace supe {

/// All text of such a file. Empty when it cannot be read: a process may end while its file is read,
/// and the read fails with ESRCH. (std::istreambuf_iterator throws then.)
std::string proc_text(const std::string& file);

}  // namespace supe
