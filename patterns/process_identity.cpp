#include "patterns/process_identity.hpp"

#include "supe/storage/proc_text.hpp"

#include <unistd.h>
#include <cstdlib>
#include <string>

namespace patterns {

process_identity process_of(pid_t pid) {
    const std::string stat = supe::proc_text("/proc/" + std::to_string(pid) + "/stat");
    // The name of the program, field 2, may hold blanks and parentheses; the start is field 22.
    std::size_t at = stat.rfind(')');
    for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
    return {pid, at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at, nullptr, 10)};
}

process_identity own_process() {
    static process_identity own;
    if (own.started == 0) own = process_of(::getpid());  // not where no descriptor was left
    return own;
}

}  // namespace patterns
