// The file that outlives the connection lock (supe/state_directory.md, connection_lock.open).
#pragma once

#include "patterns/connection_lock.hpp"
#include "supe/async/unique_fd.hpp"

#include <filesystem>
#include <string_view>

namespace components {

/// Exists from the start to the clean end. A line for each permit that comes into use, is
/// connected, begins to rest, or is free again, each given to the kernel at once: a SIGKILL loses
/// none. No fsync: when the power fails, all holders do too.
///
/// A lock may crash beside its holders while the disk is full. So the file has its blocks from the
/// start: a head of one line, and two halves, of which the head names the one that counts. Lines
/// are added to that one, up to the first zero. When it is full, what is in use now is written into
/// the other half, and then the head is changed.
class lock_memory_file final : public patterns::lock_memory {
public:
    /// `boot`: of the machine; empty: the present one.
    explicit lock_memory_file(std::filesystem::path file, std::string boot = {});
    std::optional<patterns::lock_record> unclean_end() override;
    void begin(const std::vector<patterns::used_permit>& in_use) override;
    void note(const patterns::used_permit& permit) override;
    void forget(const std::string& permit) override;
    void ended_cleanly() override;
    /// Writes it again where somebody deleted or moved it, or where it could not be written. For
    /// now and then: each of the others does so too.
    void keep_in_place();

private:
    void append(const std::string& line);
    std::string lines_in_use() const;
    bool write_at(std::size_t offset, std::string_view bytes) const;
    bool write_half(unsigned half, std::string lines);
    void take_over();
    bool rewrite();
    bool make_anew(const std::string& lines);

    std::filesystem::path file_;
    std::string boot_;
    std::map<std::string, patterns::used_permit> in_use_;
    supe::unique_fd out_;
    std::size_t half_size_ = 0;
    unsigned half_ = 0;         // the one that counts
    std::size_t end_ = 0;       // of its lines
    bool is_behind_ = true;     // a line is missing in the file
    bool has_begun_ = false;    // and has not ended cleanly
    bool is_reported_ = false;  // that it cannot be written
};

}  // namespace components
