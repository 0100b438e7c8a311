// Which paths the webhooks of the file have, block by block in order of arrival: a search for a
// rare path reads the blocks alone in which it may stand (supe/state_directory.md, table `paths`).
#pragma once

#include "components/queue/webhook_search.hpp"
#include "supe/storage/sqlite_file.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace components {

/// What stands for the path of a target in a block: a number for the path, and one for each `/a/`
/// that it begins with, up to eight of them. Two paths may have one number.
std::vector<std::uint32_t> path_keys(std::string_view target);
/// That of all paths which fit (path_fits); nothing where each path may.
std::optional<std::uint32_t> key_of_search(std::string_view wanted);

/// A block is written when it is full, in the transaction that filled it. Where one is missing, any
/// path may stand. All but the constructor inside webhook_store's guarded().
class path_blocks {
public:
    /// Goes on with the block that was not full when the file was used last. Precondition: the file
    /// has its tables.
    explicit path_blocks(supe::sqlite_file& file);

    /// A webhook with this number has come. Numbers only grow.
    void add(std::int64_t seq, std::string_view target);

    /// The first part of the range in which this key may stand; nothing where no part may have it,
    /// or where as much was looked at as may be in one turn. `range` begins at the part then, or
    /// behind all that was looked at: it is empty where nothing is left.
    std::optional<search_range> next_part(search_range& range, std::uint32_t key);

private:
    void go_on();
    void begin_at(std::int64_t first);
    void write();
    void remove_empty_ones();

    supe::sqlite_file& file_;
    std::int64_t first_ = 1, last_ = 0;  // of the block that is being filled
    std::size_t count_ = 0;              // of its webhooks
    std::unordered_set<std::uint32_t> keys_;
    std::int64_t swept_ = 0;  // blocks up to here were looked at, whether they are empty
    std::unique_ptr<SQLite::Statement> insert_, some_, is_used_, remove_;
};

}  // namespace components
