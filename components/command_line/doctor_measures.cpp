#include "components/command_line/doctor_measures.hpp"

#include "components/command_line/doctor_scratch.hpp"
#include "components/connection_lock/kernel_sockets.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/storage/sqlite_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>
#include <cerrno>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <thread>

namespace components {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::microseconds;
using clock_of_time = std::chrono::steady_clock;

constexpr int rounds = 300;
constexpr auto longest = 4s;  // for each kind of write

template <class F>
std::vector<microseconds> times_of(F work) {
    std::vector<microseconds> all;
    const auto end = clock_of_time::now() + longest;
    for (int i = 0; i < rounds && clock_of_time::now() < end && !held_signals::waiting(); ++i) {
        const auto began = clock_of_time::now();
        work();
        all.push_back(std::chrono::duration_cast<microseconds>(clock_of_time::now() - began));
    }
    return all;
}

std::vector<microseconds> time_syncs(const fs::path& file) {
    const supe::unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string page(4096, 'x');
    return times_of([&] {
        if (!fd || !supe::write_all(fd.get(), page) || ::fdatasync(fd.get()) != 0)
            throw std::system_error(errno, std::generic_category(), file.string());
    });
}

std::vector<microseconds> time_commits(const fs::path& file) {
    supe::sqlite_file store(file,
                            {.schema = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, "
                                       "text BLOB)"});
    SQLite::Statement insert(store.database(), "INSERT INTO t (text) VALUES (zeroblob(1024))");
    return times_of([&] {
        store.begin();
        insert.exec();
        insert.reset();
        store.commit();
    });
}

/// The state directory, or what is there in its stead: the nearest one above it, or a file.
fs::path nearest_there(const fs::path& state) {
    std::error_code none;
    fs::path at = fs::absolute(state).lexically_normal();
    while (!fs::exists(at, none) && at.has_relative_path()) at = at.parent_path();
    return at;
}

/// Type and options of the file system: the last mount whose point is above the directory.
void find_mount(machine_measures& m) {
    std::ifstream in("/proc/self/mountinfo");
    std::size_t best = 0;
    const std::string inside = m.directory + "/";
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string skipped, point, options, type, of_disk;
        words >> skipped >> skipped >> skipped >> skipped >> point >> options;
        while (words >> skipped && skipped != "-") {}
        words >> type >> skipped >> of_disk;
        const std::string below = point == "/" ? point : point + "/";
        if (!inside.starts_with(below) || below.size() < best) continue;
        best = below.size();
        m.file_system = type;
        m.mount_options = options + "," + of_disk;
    }
}

void measure_disk(machine_measures& m, const fs::path& state) {
    std::error_code none;
    const fs::path real = fs::canonical(nearest_there(state), none);
    m.directory = (none ? nearest_there(state) : real).string();
    find_mount(m);
    struct statvfs disk{};
    if (::statvfs(m.directory.c_str(), &disk) == 0)
        m.free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (!fs::is_directory(m.directory, none)) {
        m.disk_problem = fmt::format("{}: {}", m.directory, supe::file_error(ENOTDIR));
        return;
    }
    try {
        const held_signals held;
        const scratch folder(m.directory);
        m.syncs = time_syncs(folder / "file");
        m.commits = time_commits(folder / "queue.db");
    } catch (const std::system_error& e) {
        m.disk_problem = fmt::format("{}: {}", m.directory, e.code().message());
        m.disk_fault = e.code();
    } catch (const std::exception& e) {
        m.disk_problem = e.what();
    }
}

/// A number in a file; nothing for `max`, or where there is none.
std::optional<std::uint64_t> number_in_file(const fs::path& file) {
    std::ifstream in(file);
    std::uint64_t n = 0;
    constexpr std::uint64_t no_limit_of_v1 = std::uint64_t(1) << 62;
    return in >> n && n < no_limit_of_v1 ? std::optional(n) : std::nullopt;
}

void read_cgroup(machine_measures& m) {
    std::ifstream in("/proc/self/cgroup");
    fs::path v2, of_memory, of_pids;
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string kinds = line.substr(first + 1, second - first - 1);
        const std::string path = line.substr(second + 1);
        if (kinds.empty()) v2 = path;
        if (kinds == "memory") of_memory = path;
        if (kinds == "pids") of_pids = path;
        if (m.cgroup.empty() || kinds.empty()) m.cgroup = path;
    }
    const fs::path top = "/sys/fs/cgroup";
    const auto least = [](std::optional<std::uint64_t>& into, std::optional<std::uint64_t> n) {
        if (n && (!into || *n < *into)) into = n;
    };
    // A limit of any group above counts too. In a namespace of its own the path is `/`.
    for (fs::path at = v2; !v2.empty(); at = at.parent_path()) {
        const fs::path group = top / at.relative_path();
        least(m.memory_of_cgroup, number_in_file(group / "memory.max"));
        least(m.processes_of_cgroup, number_in_file(group / "pids.max"));
        std::ifstream cpu(group / "cpu.max");
        double quota = 0, period = 0;
        if (cpu >> quota >> period && period > 0)
            m.cpus_of_cgroup = std::min(m.cpus_of_cgroup.value_or(m.cpus), quota / period);
        if (!at.has_relative_path()) break;
    }
    for (const fs::path& at : {of_memory, fs::path("/")})
        least(m.memory_of_cgroup,
              number_in_file(top / "memory" / at.relative_path() / "memory.limit_in_bytes"));
    least(m.processes_of_cgroup,
          number_in_file(top / "pids" / of_pids.relative_path() / "pids.max"));
}

void read_memory(machine_measures& m) {
    std::ifstream in("/proc/meminfo");
    std::string name;
    std::uint64_t kibibytes = 0;
    if (in >> name >> kibibytes && name == "MemTotal:") m.memory_of_machine = kibibytes << 10;
}

}  // namespace

machine_measures measure_machine(const fs::path& state) {
    machine_measures m;
    measure_disk(m, state);
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) m.descriptors = descriptors.rlim_max;
    m.cpus = std::max(1u, std::thread::hardware_concurrency());
    read_memory(m);
    read_cgroup(m);
    timex state_of_clock{};
    m.clock_is_synchronised =
        ::adjtimex(&state_of_clock) != -1 && (state_of_clock.status & STA_UNSYNC) == 0;
    m.now = std::chrono::system_clock::now();
    m.has_sock_diag = sockets_left().has_value();
    m.counts_resets = resets_so_far().has_value();
    return m;
}

}  // namespace components
