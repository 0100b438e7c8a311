#include "tests/bench/relay_cost.hpp"

#include "supe/async/unique_fd.hpp"
#include "tests/bench/programs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <vector>

namespace bench {
namespace {

namespace fs = std::filesystem;

constexpr int syncs = 200;

std::string text_in(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The number behind `name:` in a file of /proc.
std::uint64_t number_in(const fs::path& file, const std::string& name) {
    const std::string text = "\n" + text_in(file);
    const auto at = text.find("\n" + name + ":");
    return at == text.npos ? 0 : std::strtoull(text.c_str() + at + name.size() + 2, nullptr, 10);
}

/// `supe component queue /queue` is queue; a nested supervisor goes by its address.
std::string name_of(const fs::path& process) {
    std::vector<std::string> words;
    std::istringstream line(text_in(process / "cmdline"));
    for (std::string word; std::getline(line, word, '\0');) words.push_back(word);
    if (words.size() < 2) return "?";
    if (words[1] != "component" || words.size() < 3) return words[1];
    return words[2] == "supervisor" && words.size() > 3 ? words[3] : words[2];
}

void add_process(relay_cost& all, pid_t pid, const fs::path& counts) {
    const fs::path process = fs::path("/proc") / std::to_string(pid);
    std::vector<pid_t> children;
    double cpu_ns = 0;
    std::error_code gone;
    for (const auto& task : fs::directory_iterator(process / "task", gone)) {
        double ns = 0;
        std::istringstream(text_in(task.path() / "schedstat")) >> ns;
        cpu_ns += ns;
        all.switches += number_in(task.path() / "status", "voluntary_ctxt_switches") +
                        number_in(task.path() / "status", "nonvoluntary_ctxt_switches");
        std::istringstream below(text_in(task.path() / "children"));
        for (pid_t child = 0; below >> child;) children.push_back(child);
    }
    all.cpu_us[name_of(process)] += cpu_ns / 1000;
    for (const char* what : {"syscr", "syscw"}) all.file_calls += number_in(process / "io", what);
    for (const char* what : {"rchar", "wchar"}) all.file_bytes += number_in(process / "io", what);
    all.memory += double(number_in(process / "smaps_rollup", "Pss")) / 1024;
    if (!counts.empty()) {
        std::ifstream in(counts / std::to_string(pid), std::ios::binary);
        in.read(reinterpret_cast<char*>(&all.calls[name_of(process)]), sizeof(call_counts));
    }
    for (const pid_t child : children) add_process(all, child, counts);
}

/// The counter in the header of the WAL's index, which each transaction raises (WalIndexHdr).
std::uint64_t commits_of(const fs::path& shm) {
    std::uint32_t header[3] = {};
    std::ifstream(shm, std::ios::binary).read(reinterpret_cast<char*>(header), sizeof header);
    return header[2];
}

/// A row for each process that has at least a tenth for each of `n`, beside that of all.
void add_calls_of(table& figures, const relay_cost& from, const relay_cost& to, double n,
                  const std::string& what, std::uint64_t call_counts::* count) {
    std::map<std::string, double> each;
    double whole = 0;
    for (const auto& [name, after] : to.calls) {
        const auto before = from.calls.find(name);
        const std::uint64_t was = before == from.calls.end() ? 0 : before->second.*count;
        whole += each[name] = double(after.*count - was) / n;
    }
    for (const auto& [name, one] : each)
        if (one >= 0.1)
            figures.add({"the same, " + what + " of each", "", {name, one}, {"all", whole}});
}

}  // namespace

std::map<std::string, std::string> counting_in(const fs::path& directory) {
    fs::create_directories(directory);
    return {{"LD_PRELOAD", child_program("libbench_count_calls.so")}, {counts_variable, directory}};
}

double relay_cost::cpu() const {
    return std::accumulate(cpu_us.begin(), cpu_us.end(), 0.0,
                           [](double sum, const auto& one) { return sum + one.second; });
}

relay_cost cost_of(pid_t root, const fs::path& state, const fs::path& counts) {
    relay_cost all;
    add_process(all, root, counts);
    all.commits = commits_of(state / "queue.db-shm");
    return all;
}

void add_costs(table& figures, const relay_cost& from, const relay_cost& to, double n) {
    const double whole = (to.cpu() - from.cpu()) / n;
    for (const auto& [name, us] : to.cpu_us) {
        const auto before = from.cpu_us.find(name);
        const double one = (us - (before == from.cpu_us.end() ? 0 : before->second)) / n;
        if (one >= 0.1)
            figures.add({"the same, CPU of each", "us", {name, one}, {"all processes", whole}});
    }
    figures.add({"the same, changes of thread of each",
                 "",
                 {"all processes", double(to.switches - from.switches) / n},
                 {"", 0}});
    figures.add({"the same, calls on files of each",
                 "",
                 {"all processes", double(to.file_calls - from.file_calls) / n},
                 {fmt::format("{:.0f} bytes", double(to.file_bytes - from.file_bytes) / n), 0}});
    const double commits = std::max(1.0, double(to.commits - from.commits));
    figures.add({"the same, webhooks a commit", "", {"relay", n / commits}, {"", 0}});
    figures.add({"the same, memory", "MiB", {"all processes", to.memory}, {"", 0}});
}

void add_calls(table& figures, const relay_cost& from, const relay_cost& to, double n) {
    add_calls_of(figures, from, to, n, "system calls", &call_counts::system_calls);
    add_calls_of(figures, from, to, n, "allocations", &call_counts::allocations);
    add_calls_of(figures, from, to, n, "bytes copied", &call_counts::copied_bytes);
    add_calls_of(figures, from, to, n, "frames sent", &call_counts::frames);
    add_calls_of(figures, from, to, n, "bytes of frames", &call_counts::channel_bytes);
}

sync_times time_syncs(const fs::path& directory) {
    const fs::path file = directory / "syncs";
    const supe::unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string page(4096, 'x');
    std::vector<double> took;
    for (int i = 0; i < syncs; ++i)
        took.push_back(milliseconds_of([&] {
            if (::write(fd.get(), page.data(), page.size()) < 0 || ::fdatasync(fd.get()) != 0)
                throw std::runtime_error("the disk does not take it");
        }));
    fs::remove(file);
    std::ranges::sort(took);
    return {took[took.size() / 2], took[took.size() * 99 / 100]};
}

}  // namespace bench
