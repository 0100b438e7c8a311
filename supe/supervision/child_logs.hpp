// The files that children have for their output (contract §5, `log`).
#pragma once

#include "supe/output/rotating_file.hpp"
#include "supe/tree/child_spec.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// Of one supervisor. It holds what a turn has gathered, and the files that cannot be written.
class child_logs {
public:
    void write(const log_spec& where, std::string_view line);
    /// Writes what was gathered. Returns what our log is to say.
    std::vector<std::string> flush(time_point now);

private:
    struct entry {
        rotating_file file;
        rotation limits;
    };
    std::map<std::string, entry, std::less<>> files_;
};

}  // namespace supe
