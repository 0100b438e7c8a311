#include "components/queue/path_blocks.hpp"

#include "components/queue/leading_members.hpp"

#include <algorithm>
#include <string>

namespace components {
namespace {

using direction = search_range::direction;

constexpr std::size_t full_count = 1024, full_keys = 4096;
constexpr std::size_t most_levels = 8;
constexpr int swept_at_once = 4;  // for each block that is written
// In one turn:
constexpr std::size_t most_blocks = 2048, most_joined = 16;
constexpr std::size_t most_key_bytes = 2 << 20;

/// FNV-1a, which stays as it is: the numbers stand in files.
constexpr std::uint32_t begun_key = 2166136261u;
std::uint32_t with_character(std::uint32_t key, char c) {
    return (key ^ static_cast<unsigned char>(c)) * 16777619u;
}

/// Sorted, so that a search needs to look at few of them; each in four bytes, the lowest first.
std::string packed(const std::unordered_set<std::uint32_t>& keys) {
    std::vector<std::uint32_t> sorted(keys.begin(), keys.end());
    std::ranges::sort(sorted);
    std::string bytes;
    bytes.reserve(4 * sorted.size());
    for (const std::uint32_t key : sorted)
        for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(key >> shift);
    return bytes;
}

std::uint32_t key_at(const unsigned char* bytes) {
    return std::uint32_t(bytes[0]) | std::uint32_t(bytes[1]) << 8 | std::uint32_t(bytes[2]) << 16 |
           std::uint32_t(bytes[3]) << 24;
}

bool has_key(const SQLite::Column& packed, std::uint32_t key) {
    const auto* bytes = static_cast<const unsigned char*>(packed.getBlob());
    std::size_t low = 0, high = static_cast<std::size_t>(packed.getBytes()) / 4;
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        const std::uint32_t found = key_at(bytes + 4 * middle);
        if (found == key) return true;
        (found < key ? low : high) = found < key ? middle + 1 : middle;
    }
    return false;
}

/// Joins neighbours in which the key may stand, as they come in the order of the search. Pure.
class part_of_range {
public:
    explicit part_of_range(search_range& range) : range_(range) {}

    /// The numbers between `after` and `before`. False: the part is complete.
    bool take(std::int64_t after, std::int64_t before, bool may_have_it) {
        after = std::max(after, range_.after);
        before = std::min(before, range_.before);
        if (search_range{range_.order, after, before}.is_empty()) return true;
        if (!may_have_it) {
            if (part_) return false;
            range_.pass_all_of({range_.order, after, before});
            return true;
        }
        if (!part_) part_ = {range_.order, after, before};
        part_->after = std::min(part_->after, after);
        part_->before = std::max(part_->before, before);
        return ++joined_ < most_joined;
    }
    std::int64_t from_here() const { return part_ ? part_end() : range_begin(); }
    const std::optional<search_range>& part() const { return part_; }

private:
    bool is_descending() const { return range_.order == direction::newest_first; }
    std::int64_t part_end() const { return is_descending() ? part_->after + 1 : part_->before - 1; }
    std::int64_t range_begin() const { return is_descending() ? range_.before : range_.after; }

    search_range& range_;
    std::optional<search_range> part_;
    std::size_t joined_ = 0;
};

}  // namespace

std::vector<std::uint32_t> path_keys(std::string_view target) {
    std::vector<std::uint32_t> keys;
    keys.reserve(most_levels + 1);
    std::uint32_t key = begun_key;
    const std::string_view path = target.substr(0, target.find('?'));
    for (std::size_t i = 0; i < path.size(); ++i) {
        key = with_character(key, path[i]);
        if (path[i] == '/' && i > 0 && keys.size() < most_levels) keys.push_back(key);
    }
    keys.push_back(key);
    return keys;
}

std::optional<std::uint32_t> key_of_search(std::string_view wanted) {
    if (!wanted.ends_with('*')) return path_keys(wanted).back();
    // What all of them begin with, up to its last `/`.
    const std::string_view begun = wanted.substr(0, wanted.size() - 1);
    const auto slash = begun.rfind('/');
    if (slash == begun.npos || slash == 0 || begun.find('?') != begun.npos) return std::nullopt;
    const auto keys = path_keys(begun.substr(0, slash + 1));
    return keys[std::min(keys.size(), most_levels) - 1];
}

path_blocks::path_blocks(supe::sqlite_file& file) : file_(file) {
    file_.guarded([&] { go_on(); });
}

void path_blocks::go_on() {
    SQLite::Database& db = file_.database();
    const std::int64_t next =
        db.execAndGet("SELECT coalesce(max(last), 0) + 1 FROM paths").getInt64();
    SQLite::Statement rows(db, "SELECT seq, text FROM webhooks WHERE seq >= ? ORDER BY seq");
    rows.bind(1, next);
    begin_at(next);
    while (count_ < full_count && rows.executeStep()) {
        const SQLite::Column text = rows.getColumn(1);
        const std::string_view webhook(static_cast<const char*>(text.getBlob()),
                                       static_cast<std::size_t>(text.getBytes()));
        last_ = rows.getColumn(0).getInt64();
        for (const std::uint32_t key : path_keys(request_in(webhook).target)) keys_.insert(key);
        ++count_;
    }
    // So many are of an earlier version: they have no blocks.
    if (count_ == full_count)
        begin_at(db.execAndGet("SELECT coalesce(max(seq), 0) + 1 FROM webhooks").getInt64());
}

void path_blocks::begin_at(std::int64_t first) {
    first_ = first;
    last_ = first - 1;
    count_ = 0;
    keys_.clear();
}

void path_blocks::add(std::int64_t seq, std::string_view target) {
    for (const std::uint32_t key : path_keys(target)) keys_.insert(key);
    last_ = seq;
    if (++count_ < full_count && keys_.size() < full_keys) return;
    write();
    remove_empty_ones();
    begin_at(seq + 1);
}

void path_blocks::write() {
    auto& s = file_.prepared(insert_, "INSERT OR REPLACE INTO paths VALUES (?, ?, ?)");
    const std::string keys = packed(keys_);
    s.bind(1, first_);
    s.bind(2, last_);
    s.bind(3, static_cast<const void*>(keys.data()), static_cast<int>(keys.size()));
    s.exec();
}

/// Those whose webhooks are all gone, a few at a time, and from the beginning again behind the
/// last.
void path_blocks::remove_empty_ones() {
    auto& some = file_.prepared(
        some_, "SELECT first, last FROM paths WHERE first > ? ORDER BY first LIMIT ?");
    some.bind(1, swept_);
    some.bind(2, swept_at_once);
    std::vector<std::int64_t> empty;
    int found = 0;
    for (; some.executeStep(); ++found) {
        swept_ = some.getColumn(0).getInt64();
        auto& used =
            file_.prepared(is_used_, "SELECT 1 FROM webhooks WHERE seq BETWEEN ? AND ? LIMIT 1");
        used.bind(1, swept_);
        used.bind(2, some.getColumn(1).getInt64());
        if (!used.executeStep()) empty.push_back(swept_);
        used.tryReset();
    }
    some.tryReset();
    if (found < swept_at_once) swept_ = 0;
    for (const std::int64_t first : empty) {
        auto& s = file_.prepared(remove_, "DELETE FROM paths WHERE first = ?");
        s.bind(1, first);
        s.exec();
    }
}

std::optional<search_range> path_blocks::next_part(search_range& range, std::uint32_t key) {
    const bool descending = range.order == direction::newest_first;
    SQLite::Statement blocks(
        file_.database(),
        descending ? "SELECT first, last, paths FROM paths WHERE first < ? ORDER BY first DESC"
                   : "SELECT first, last, paths FROM paths WHERE first >= (SELECT "
                     "coalesce(max(first), 0) FROM paths WHERE first <= ? + 1) ORDER BY first");
    blocks.bind(1, descending ? range.before : range.after);
    part_of_range part(range);
    std::size_t looked_at = 0, bytes = 0;
    for (; blocks.executeStep(); ++looked_at) {
        if (looked_at == most_blocks || bytes > most_key_bytes) return part.part();
        const std::int64_t first = blocks.getColumn(0).getInt64(),
                           last = blocks.getColumn(1).getInt64();
        const SQLite::Column keys = blocks.getColumn(2);
        bytes += static_cast<std::size_t>(keys.getBytes());
        if (descending ? last <= range.after : first >= range.before) break;
        // What lies between two blocks belongs to none.
        const std::int64_t here = part.from_here();
        const bool goes_on =
            descending ? part.take(last, here, true) : part.take(here, first, true);
        if (!goes_on || !part.take(first - 1, last + 1, has_key(keys, key))) return part.part();
    }
    const std::int64_t here = part.from_here();
    part.take(descending ? range.after : here, descending ? here : range.before, true);
    return part.part();
}

}  // namespace components
