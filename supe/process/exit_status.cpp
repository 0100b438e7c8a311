#include "supe/process/exit_status.hpp"

#include <sys/wait.h>
#include <csignal>
#include <cstring>

namespace supe {

exit_status exit_status::from_wait(int wait_status) {
    if (WIFSIGNALED(wait_status)) return killed(WTERMSIG(wait_status), WCOREDUMP(wait_status));
    return exited(WEXITSTATUS(wait_status));
}

std::string exit_status::json() const {
    if (signal == 0) return "{\"code\":" + std::to_string(code) + "}";
    return "{\"signal\":\"" + signal_name(signal) + "\",\"core\":" + (core ? "true" : "false") +
           "}";
}

std::string exit_status::text() const {
    if (signal == 0) return "exit code " + std::to_string(code);
    return signal_name(signal) + (core ? " (core dumped)" : "");
}

std::string signal_name(int signal) {
    if (const char* name = ::sigabbrev_np(signal)) return std::string("SIG") + name;
    if (signal >= SIGRTMIN && signal <= SIGRTMAX)
        return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
    return "SIG" + std::to_string(signal);
}

int signal_number(const std::string& name) {
    if (name.empty()) return 0;
    for (int number = 1; number < NSIG; ++number) {
        const std::string known = signal_name(number);
        if (name == known || "SIG" + name == known || name == std::to_string(number)) return number;
    }
    return 0;
}

}  // namespace supe
