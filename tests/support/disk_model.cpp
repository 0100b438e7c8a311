#include "tests/support/disk_model.hpp"

#include "tests/support/power_cut/record.hpp"

#include <algorithm>
#include <cstring>

namespace support {
namespace {

constexpr std::uint64_t sector = 512;

}  // namespace

disk_model::disk_model(const files& safe) {
    for (const auto& [path, bytes] : safe)
        safe_[path] = std::make_shared<file>(file{bytes, bytes, {}});
    current_ = safe_;
}

/// A file that was made in a way that nobody saw begins empty.
disk_model::file& disk_model::at(const std::string& path) {
    create(path);
    return *current_[path];
}

void disk_model::change_name(const std::string& path, file_pointer what, bool is_there,
                             bool first_half) {
    unsynced_names_.push_back({path, what, is_there, first_half});
    apply_name(current_, unsynced_names_.back());
}

void disk_model::apply_name(names& all, const name_change& c) {
    if (c.is_there) {
        all[c.path] = c.what;
    } else {
        all.erase(c.path);
    }
}

void disk_model::create(const std::string& path) {
    if (!current_.contains(path)) change_name(path, std::make_shared<file>(), true, false);
}

void disk_model::write(const std::string& path, std::uint64_t offset, std::string_view bytes) {
    apply_unsynced(path, {false, offset, std::string(bytes)});
}

void disk_model::truncate(const std::string& path, std::uint64_t size) {
    apply_unsynced(path, {true, size, {}});
}

void disk_model::apply_unsynced(const std::string& path, change c) {
    file& f = at(path);
    apply(f.seen, c);
    f.unsynced.push_back(std::move(c));
}

void disk_model::rename(const std::string& from, const std::string& to) {
    const auto found = current_.find(from);
    if (found == current_.end()) return;
    const file_pointer what = found->second;
    change_name(to, what, true, true);
    change_name(from, what, false, false);
}

void disk_model::remove(const std::string& path) {
    const auto found = current_.find(path);
    if (found != current_.end()) change_name(path, found->second, false, false);
}

void disk_model::sync(const std::string& path) {
    const auto found = current_.find(path);
    const file_pointer what = found == current_.end() ? nullptr : found->second;
    std::size_t names_saved = 0;
    for (std::size_t i = 0; i < unsynced_names_.size(); ++i) {
        const name_change& c = unsynced_names_[i];
        const bool is_inside = c.path.substr(0, c.path.rfind('/')) == path;
        if (what ? c.what == what : is_inside) names_saved = i + 1;
    }
    save_names(names_saved);
    if (!what) return;
    for (const change& c : what->unsynced) apply(what->safe, c);
    what->unsynced.clear();
}

void disk_model::fail_sync(const std::string& path) {
    const auto found = current_.find(path);
    if (found != current_.end()) found->second->unsynced.clear();
}

void disk_model::save_names(std::size_t count) {
    const auto end = unsynced_names_.begin() + static_cast<std::ptrdiff_t>(count);
    std::for_each(unsynced_names_.begin(), end,
                  [this](const name_change& c) { apply_name(safe_, c); });
    unsynced_names_.erase(unsynced_names_.begin(), end);
}

void disk_model::apply(std::string& bytes, const change& c) {
    if (c.is_truncation) {
        bytes.resize(c.at);
        return;
    }
    bytes.resize(std::max<std::size_t>(bytes.size(), c.at + c.bytes.size()));
    bytes.replace(c.at, c.bytes.size(), c.bytes);
}

/// All of it, nothing, or each sector or not.
void disk_model::apply_torn(std::string& bytes, const change& c, const dice& roll) {
    const std::uint64_t fate = roll(3);
    if (fate == 0) return;
    if (fate == 1 || c.is_truncation) return apply(bytes, c);
    for (std::uint64_t done = 0; done < c.bytes.size();) {
        const std::uint64_t in_sector = sector - (c.at + done) % sector;
        const std::uint64_t size = std::min<std::uint64_t>(in_sector, c.bytes.size() - done);
        if (roll(2) == 0) apply(bytes, {false, c.at + done, c.bytes.substr(done, size)});
        done += size;
    }
}

disk_model::files disk_model::now() const {
    files all;
    for (const auto& [path, what] : current_) all[path] = what->seen;
    return all;
}

disk_model::files disk_model::after_cut(damage how, const dice& roll) const {
    names left = safe_;
    std::size_t names_there =
        how == damage::lost ? 0 : static_cast<std::size_t>(roll(unsynced_names_.size() + 1));
    while (names_there > 0 && unsynced_names_[names_there - 1].goes_with_next) --names_there;
    for (std::size_t i = 0; i < names_there; ++i) apply_name(left, unsynced_names_[i]);
    files all;
    for (const auto& [path, what] : left) {
        std::string& bytes = all[path] = what->safe;
        if (how == damage::lost) continue;
        for (const change& c : what->unsynced) apply_torn(bytes, c, roll);
    }
    return all;
}

void play_records(disk_model& disk, std::string_view records) {
    using power_cut::change;
    power_cut::record head{};
    while (records.size() >= sizeof head) {
        std::memcpy(&head, records.data(), sizeof head);
        records.remove_prefix(sizeof head);
        if (records.size() < std::size_t(head.path_size) + head.data_size) return;
        const std::string path(records.substr(0, head.path_size));
        const std::string_view data = records.substr(head.path_size, head.data_size);
        records.remove_prefix(std::size_t(head.path_size) + head.data_size);
        switch (head.what) {
            case change::create: disk.create(path); break;
            case change::write: disk.write(path, head.at, data); break;
            case change::truncate: disk.truncate(path, head.at); break;
            case change::sync: disk.sync(path); break;
            case change::rename: disk.rename(path, std::string(data)); break;
            case change::remove: disk.remove(path); break;
            case change::failed_sync: disk.fail_sync(path); break;
        }
    }
}

}  // namespace support
