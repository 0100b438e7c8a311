#include "tests/support/real_tree.hpp"

#include "supe/output/output_line.hpp"

#include "supe/process/listening_sockets.hpp"
#include "supe/text/json_text.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace support {
namespace {

supe::supervisor_environment environment(event_loop& loop, supe::posix_launcher& processes,
                                         supe::line_sink& sink,
                                         const std::filesystem::path& state) {
    const char* path = std::getenv("PATH");
    return {loop.time,
            processes,
            sink,
            [] { return 0.5; },
            state,
            {fmt::format("PATH={}", path ? path : "/usr/bin:/bin")},
            {SUPE_BINARY, "component"}};
}

std::string with(const std::string& members) { return members.empty() ? "" : ", " + members; }

}  // namespace

std::string shell(const std::string& name, const std::string& script, const std::string& members) {
    return fmt::format(R"({{"name": "{}", "command": ["sh", "-c", {}]{}}})", name,
                       supe::json_quoted(script), with(members));
}

std::string helper(const std::string& name, const std::string& role, const std::string& members) {
    return fmt::format(
        R"({{"name": "{}", "command": ["/proc/self/exe"], "env": {{"SUPE_TEST_ROLE": "{}"}}{}}})",
        name, role, with(members));
}

std::string tree_of(const std::vector<std::string>& children, const std::string& members) {
    return fmt::format(R"({{"name": "t"{}, "children": [{}]}})", with(members),
                       fmt::join(children, ", "));
}

std::string free_address() {
    return supe::listening_sockets_of_child({"127.0.0.1:0"}, "/").addresses().front();
}

pid_t parent_of(pid_t pid) {
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    std::string stat;
    std::getline(in, stat);
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || stat.at(name_end + 2) == 'Z') return 0;
    return std::atoi(stat.c_str() + name_end + 4);
}

bool is_alive(pid_t pid) { return parent_of(pid) != 0; }

std::size_t open_descriptors(const std::string& pid) {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid)))
        ++n;
    return n;
}

real_tree::real_tree(event_loop& loop, std::string_view tree)
    : loop_(loop), launcher_(loop.io.get_executor()),
      root_(environment(loop, launcher_, sink_, state_.path()), supe::parse_tree(tree, "tree", "/"),
            std::string()),
      tasks_(loop.time) {
    root_.notices().listen({}, [this](const supe::published& notice) {
        notice_log& h = notices_[notice.name];
        ++h.times;
        h.last = notice.message;
    });
    tasks_.start(run());
}

real_tree::~real_tree() {
    if (!ended_) {
        root_.shutdown();
        root_.kill();
        ends();
    }
    loop_.end(tasks_);
}

supe::awaitable<> real_tree::run() {
    clean_ = co_await root_.run();
    ended_ = true;
}

bool real_tree::sees(const std::string& notice, std::size_t n) {
    return loop_.until([&] { return count(notice) >= n; }, std::chrono::seconds(20));
}

bool real_tree::prints(const std::string& line, std::size_t n) {
    return loop_.until(
        [&] { return static_cast<std::size_t>(std::ranges::count(sink_.lines, line)) >= n; },
        std::chrono::seconds(20));
}

bool real_tree::stop(supe::duration limit) {
    root_.shutdown();
    return ends(limit);
}

bool real_tree::ends(supe::duration limit) {
    return loop_.until([this] { return ended_; }, limit);
}

std::size_t real_tree::count(const std::string& notice) const {
    const auto found = notices_.find(notice);
    return found == notices_.end() ? 0 : found->second.times;
}

std::string real_tree::last(const std::string& notice) const {
    const auto found = notices_.find(notice);
    return found == notices_.end() ? std::string() : found->second.last;
}

std::string real_tree::after(const std::string& beginning) const {
    std::string found;
    for (const std::string& line : sink_.lines)
        if (line.starts_with(beginning)) found = line.substr(beginning.size());
    return found;
}

void real_tree::recorder::write(supe::stream, std::string_view address, std::string_view line) {
    lines.push_back(fmt::format("[{}] {}", supe::label_of(address), line));
}

}  // namespace support
