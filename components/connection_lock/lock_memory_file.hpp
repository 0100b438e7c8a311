// The file that outlives the connection lock (supe/state_directory.md, connection_lock.open).
#pragma once

#include "patterns/connection_lock.hpp"

#include <filesystem>
#include <fstream>

namespace components {

/// Exists from the start to the clean end. A line for each permit that comes into use, is
/// connected, begins to rest, or is free again, each given to the kernel at once: a SIGKILL loses
/// none. No fsync: when the power fails, all holders do too.
class lock_memory_file final : public patterns::lock_memory {
public:
    /// `boot`: of the machine; empty: the present one.
    explicit lock_memory_file(std::filesystem::path file, std::string boot = {});
    std::optional<patterns::lock_record> unclean_end() override;
    void begin(const std::vector<patterns::used_permit>& in_use) override;
    void note(const patterns::used_permit& permit) override;
    void forget(const std::string& permit) override;
    void ended_cleanly() override;

private:
    void append(const std::string& line);
    bool rewrite();

    std::filesystem::path file_;
    std::string boot_;
    std::map<std::string, patterns::used_permit> in_use_;
    std::ofstream out_;
    std::size_t lines_ = 0;  // in the file
    bool reported_ = false;  // that it cannot be written
};

}  // namespace components
