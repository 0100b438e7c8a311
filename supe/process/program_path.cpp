#include "supe/process/program_path.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <string_view>

namespace supe {
namespace {

std::string from_here(const launch_request& request, const std::string& file) {
    return file.starts_with('/') || request.directory.empty() ? file
                                                              : request.directory + "/" + file;
}

std::string_view search_path(const launch_request& request) {
    for (const std::string& entry : request.environment) {
        if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

/// 0 when this file can be executed, else errno.
int refusal_of(const std::string& file) {
    struct stat found{};
    if (::stat(file.c_str(), &found) != 0) return errno;
    if (!S_ISREG(found.st_mode) || ::access(file.c_str(), X_OK) != 0) return EACCES;
    return 0;
}

}  // namespace

std::variant<std::string, launch_error> find_program(const launch_request& request) {
    if (!request.program.empty()) return request.program;
    const std::string& name = request.command.front();
    if (name.find('/') != std::string::npos) return name;
    int failure = ENOENT;
    for (std::string_view rest = search_path(request);;) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        std::string candidate(
            end == 0 ? "." : rest.substr(0, end));  // an empty entry is the current directory
        candidate += '/';
        candidate += name;
        const int refusal = refusal_of(from_here(request, candidate));
        if (refusal == 0) return candidate;
        if (refusal == EACCES) failure = EACCES;
        if (end == rest.size()) return launch_error::from_errno(failure, name);
        rest.remove_prefix(end + 1);
    }
}

launch_error exec_error(const launch_request& request, const std::string& program, int number) {
    launch_error error = launch_error::from_errno(number, request.command.front());
    const bool there = ::access(from_here(request, program).c_str(), F_OK) == 0;
    if (number == ENOENT && there) error.text += " (the interpreter that its first line names)";
    if (number == E2BIG) error.text += " (command and environment together)";
    return error;
}

}  // namespace supe
