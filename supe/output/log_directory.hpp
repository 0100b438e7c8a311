// The files of the kept output by their names, and the share of each child in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace supe {

struct log_limits {
    std::size_t file_bytes = 8u << 20;  ///< a file of this size is followed by a new one
    std::size_t files = 8;              ///< so many are kept whole
    /// Of the older files the last lines of each address are kept: those within its last so many
    /// bytes …
    std::size_t share_bytes = 128u << 10;
    std::size_t shares_bytes = 16u << 20;  ///< … and so many of all: many addresses get less each
};

/// What a directory has, by number, in ascending order.
struct log_listing {
    std::vector<std::uint64_t> files;   ///< `output.NNNNNNNN.jsonl`
    std::vector<std::uint64_t> shares;  ///< `kept.NNNNNNNN.jsonl`
};
log_listing list_logs(const std::filesystem::path& directory);

std::filesystem::path log_file(const std::filesystem::path& directory, std::uint64_t number);
/// What is kept of the files up to `number`.
std::filesystem::path shares_file(const std::filesystem::path& directory, std::uint64_t number);

/// Replaces the oldest files, those beyond `limits.files`, by one file with the last lines that
/// each address has in them, in their order. So an address that prints much never pushes out the
/// last lines of another one. Where the disk is full, nothing is removed. Blocks, for some 50 ms at
/// the usual limits; a writer may go on meanwhile.
void keep_shares(const std::filesystem::path& directory, const log_limits& limits);

}  // namespace supe
