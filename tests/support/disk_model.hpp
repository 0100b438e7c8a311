// What a power cut leaves of a directory: a disk that has what was synced, and of the rest whatever
// it likes. Pure: it knows changes and bytes, and no file.
//
// A sync of a file makes its bytes safe, and its name with all changes of names before (ext4, xfs).
// A sync of a directory makes the names in it safe. Changes of names survive in their order, so
// that some are there and all later ones are not. Of bytes that were written and not synced any
// part may be there, in any order, down to a sector.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace support {

class disk_model {
public:
    /// Bytes by path.
    using files = std::map<std::string, std::string>;
    /// A number below `n`, which is at least 1.
    using dice = std::function<std::uint64_t(std::uint64_t n)>;
    /// What becomes of what was not synced: nothing of it is there, or parts of it are.
    enum class damage { lost, torn };

    /// All of these are safe.
    explicit disk_model(const files& safe = {});

    void create(const std::string& path);
    void write(const std::string& path, std::uint64_t at, std::string_view bytes);
    void truncate(const std::string& path, std::uint64_t size);
    void sync(const std::string& path);  ///< of a file, or of a directory
    /// Of a file: programs see what was written to it and not synced, and no later sync saves it.
    void fail_sync(const std::string& path);
    void rename(const std::string& from, const std::string& to);
    void remove(const std::string& path);

    /// As programs see it without a cut.
    files now() const;
    files after_cut(damage how, const dice& roll) const;

private:
    struct change {
        bool is_truncation;
        std::uint64_t at;
        std::string bytes;
    };
    struct file {
        std::string safe, seen;
        std::vector<change> unsynced;
    };
    void apply_unsynced(const std::string& path, change c);
    using file_pointer = std::shared_ptr<file>;
    using names = std::map<std::string, file_pointer>;
    /// `is_there`: the path means the file from now on; else it means nothing.
    struct name_change {
        std::string path;
        file_pointer what;
        bool is_there;
        bool goes_with_next;  ///< the first half of a rename
    };

    file& at(const std::string& path);
    void change_name(const std::string& path, file_pointer what, bool is_there, bool first_half);
    void save_names(std::size_t count);
    static void apply(std::string& bytes, const change& c);
    static void apply_torn(std::string& bytes, const change& c, const dice& roll);
    static void apply_name(names& all, const name_change& c);

    names current_, safe_;
    std::vector<name_change> unsynced_names_;
};

/// Plays the records that the shim wrote (power_cut/record.hpp). What is cut off at the end is
/// left.
void play_records(disk_model& disk, std::string_view records);

}  // namespace support
