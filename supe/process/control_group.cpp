#include "supe/process/control_group.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

namespace supe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "supe-";

std::string content_of(const fs::path& file) {
    std::ifstream in(file);
    std::ostringstream all;
    all << in.rdbuf();
    return std::move(all).str();
}

bool write_word(const fs::path& file, std::string_view word) {
    std::ofstream out(file);
    out << word << std::flush;
    return out.good();
}

/// systemd manages all groups, and ours is not delegated to us: it may move or remove what we make.
bool is_kept_by_systemd(const fs::path& group) {
    std::error_code none;
    if (!fs::exists("/run/systemd/system", none)) return false;
    for (const char* name : {"trusted.delegate", "user.delegate"}) {
        char value = '0';
        if (::getxattr(group.c_str(), name, &value, 1) == 1 && value == '1') return false;
    }
    return true;
}

/// `path` without the leading `root`; nothing where it does not lie below it.
std::optional<std::string_view> behind(std::string_view path, std::string_view root) {
    if (root == "/") return path;
    if (!path.starts_with(root)) return std::nullopt;
    path.remove_prefix(root.size());
    if (!path.empty() && path.front() != '/') return std::nullopt;
    return path;
}

/// The groups below a group, and itself, the deepest first.
std::vector<fs::path> groups_in(const fs::path& group) {
    std::vector<fs::path> found;
    std::error_code failed;
    for (fs::recursive_directory_iterator entry(group, failed), end; !failed && entry != end;
         entry.increment(failed))
        if (entry->is_directory(failed)) found.push_back(entry->path());
    std::ranges::reverse(found);
    found.push_back(group);
    return found;
}

}  // namespace

fs::path control_group_directory(std::string_view cgroup, std::string_view mountinfo) {
    std::string path;
    std::istringstream groups{std::string(cgroup)};
    for (std::string line; std::getline(groups, line);)
        if (line.starts_with("0::")) path = line.substr(3);
    if (path.empty() || path.starts_with("/..")) return {};  // outside what we are shown
    std::istringstream mounts{std::string(mountinfo)};
    for (std::string line; std::getline(mounts, line);) {
        // ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS… - TYPE SOURCE OPTIONS
        const auto dash = line.find(" - ");
        if (dash == std::string::npos || !line.substr(dash + 3).starts_with("cgroup2 ")) continue;
        std::istringstream fields(line);
        std::string id, parent, device, root, mount_point;
        fields >> id >> parent >> device >> root >> mount_point;
        if (const auto rest = behind(path, root))
            return (fs::path(mount_point) / fs::path(*rest).relative_path()).lexically_normal();
    }
    return {};
}

std::optional<control_group> control_group::of(std::uint64_t tree) {
    const fs::path own = control_group_directory(content_of("/proc/self/cgroup"),
                                                 content_of("/proc/self/mountinfo"));
    if (own.empty() || is_kept_by_systemd(own)) return std::nullopt;
    return below(own, tree);
}

std::optional<control_group> control_group::below(fs::path own, std::uint64_t tree) {
    // A root that was killed could not remove its group, and may never come back.
    std::error_code failed;
    for (fs::directory_iterator entry(own, failed), end; !failed && entry != end;
         entry.increment(failed))
        if (entry->path().filename().string().starts_with(prefix))
            ::rmdir(entry->path().c_str());  // no effect where it has members
    fs::path path = own / fmt::format("{}{:016x}", prefix, tree);
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
    return control_group(std::move(own), std::move(path));
}

bool control_group::enter() {
    ::mkdir(path_.c_str(), 0755);  // another root that starts now may have removed it
    return write_word(path_ / "cgroup.procs", "0");
}
bool control_group::leave() { return write_word(own_ / "cgroup.procs", "0"); }

std::vector<pid_t> control_group::members() const {
    std::vector<pid_t> all;
    for (const fs::path& group : groups_in(path_)) {
        std::ifstream in(group / "cgroup.procs");
        // A process of another PID namespace is listed as 0, and kill(0) would end our own group.
        for (pid_t pid = 0; in >> pid;)
            if (pid > 0) all.push_back(pid);
    }
    return all;
}

void control_group::kill() const {
    if (write_word(path_ / "cgroup.kill", "1")) return;
    for (const pid_t pid : members()) ::kill(pid, SIGKILL);
}

void control_group::remove() const {
    for (const fs::path& group : groups_in(path_)) ::rmdir(group.c_str());
}

}  // namespace supe
