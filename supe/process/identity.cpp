#include "supe/process/identity.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>

namespace supe {
namespace {

constexpr std::size_t most_text = 1u << 20;  // bytes of one entry of the user database

struct user_entry {
    uid_t uid;
    gid_t gid;
    std::string name, home, shell;
};

std::optional<unsigned> id_in(const std::string& text) {
    unsigned id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && id != static_cast<unsigned>(-1) ? std::optional(id) : std::nullopt;
}

/// Calls one of the functions getpwnam_r and so on, with as much room as it needs. Null: no such
/// entry, or it cannot be had.
template <class Entry, class Look>
const Entry* look(Entry& entry, std::vector<char>& room, Look call) {
    for (room.resize(1024); room.size() <= most_text; room.resize(2 * room.size())) {
        Entry* found = nullptr;
        const int failed = call(&entry, room.data(), room.size(), &found);
        if (failed == EINTR) continue;
        if (failed != ERANGE) return found;
    }
    return nullptr;
}

std::optional<user_entry> find_user(const std::string& named) {
    passwd entry{};
    std::vector<char> room;
    const auto id = id_in(named);
    const passwd* const found = look(entry, room, [&](auto... out) {
        return id ? ::getpwuid_r(*id, out...) : ::getpwnam_r(named.c_str(), out...);
    });
    if (!found) return std::nullopt;
    return user_entry{found->pw_uid, found->pw_gid, found->pw_name, found->pw_dir, found->pw_shell};
}

std::optional<gid_t> find_group(const std::string& named) {
    if (const auto id = id_in(named)) return *id;
    group entry{};
    std::vector<char> room;
    const group* const found =
        look(entry, room, [&](auto... out) { return ::getgrnam_r(named.c_str(), out...); });
    return found ? std::optional(found->gr_gid) : std::nullopt;
}

/// Those of the user database, and `first`.
std::vector<gid_t> groups_of(const std::string& user, gid_t first) {
    std::vector<gid_t> groups(64);
    for (;;) {
        int count = static_cast<int>(groups.size());
        if (::getgrouplist(user.c_str(), first, groups.data(), &count) >= 0) {
            groups.resize(static_cast<std::size_t>(count));
            return groups;
        }
        groups.resize(std::max(2 * groups.size(), static_cast<std::size_t>(count)));
    }
}

launch_error unknown(const char* kind, const std::string& name) {
    return {"ENOENT", fmt::format("{} {}: this machine has no such {}", kind, name, kind)};
}

}  // namespace

std::variant<identity, launch_error> look_up_identity(const std::string& user,
                                                      const std::string& group) {
    if (::geteuid() != 0) {
        return launch_error{
            "EPERM", fmt::format("{} {}: only a supervisor that runs as root can change it",
                                 user.empty() ? "group" : "user", user.empty() ? group : user)};
    }
    std::optional<gid_t> gid;
    if (!group.empty() && !(gid = find_group(group))) return unknown("group", group);
    if (user.empty()) return identity{std::nullopt, *gid, {*gid}, {}};
    const auto entry = find_user(user);
    const auto number = id_in(user);
    if (!entry && !number) return unknown("user", user);
    if (!entry && !gid) {
        return launch_error{"ENOENT", fmt::format("user {}: this machine has no entry for it, so "
                                                  "its group must be given too",
                                                  user)};
    }
    const user_entry who = entry.value_or(user_entry{number.value_or(0), 0, user, "/", "/bin/sh"});
    identity made{who.uid, gid.value_or(who.gid), {}, {}};
    made.groups = entry ? groups_of(who.name, made.group) : std::vector<gid_t>{made.group};
    made.variables = {{"HOME", who.home.empty() ? "/" : who.home},
                      {"USER", who.name},
                      {"LOGNAME", who.name},
                      {"SHELL", who.shell.empty() ? "/bin/sh" : who.shell}};
    return made;
}

}  // namespace supe
