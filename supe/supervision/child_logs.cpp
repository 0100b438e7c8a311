#include "supe/supervision/child_logs.hpp"

namespace supe {

void child_logs::write(const log_spec& where, std::string_view line) {
    auto found = files_.find(where.file);
    if (found == files_.end())
        found = files_.emplace(where.file, entry{rotating_file(where.file), {}}).first;
    found->second.limits = {where.size, where.count};
    found->second.file.write(line);
}

std::vector<std::string> child_logs::flush(time_point now) {
    std::vector<std::string> reports;
    for (auto it = files_.begin(); it != files_.end();) {
        std::string report = it->second.file.flush(it->second.limits, now);
        if (!report.empty()) reports.push_back(std::move(report));
        it = it->second.file.is_clean() ? files_.erase(it) : std::next(it);
    }
    return reports;
}

}  // namespace supe
