// What the shim says of each change of a file: its reader is read_records() of disk_model.hpp.
#pragma once

#include <cstdint>

namespace power_cut {

enum class change : std::uint32_t {
    create,
    write,
    truncate,
    sync,
    rename,
    remove,
    failed_sync  ///< Linux takes what was written for clean then: no later sync writes it
};

/// In front of `path_size` bytes of the path and `data_size` bytes: what was written, or the new
/// path of a rename.
struct record {
    change what;
    std::uint32_t path_size;
    std::uint32_t data_size;
    std::uint32_t unused;
    std::uint64_t at;  ///< offset of a write, size of a truncation
};

}  // namespace power_cut
