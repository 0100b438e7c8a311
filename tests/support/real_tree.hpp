// A supervisor with real processes in the test's own thread: the tree, its notices, and its output.
#pragma once

#include "supe/process/posix_launcher.hpp"
#include "supe/supervision/supervisor.hpp"
#include "tests/support/event_loop.hpp"
#include "tests/support/temporary_directory.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace support {

/// The JSON of a child with the command `["sh", "-c", SCRIPT]` and further members, as `"restart":
/// "transient"`.
std::string shell(const std::string& name, const std::string& script,
                  const std::string& members = {});
/// The JSON of a child with one of the roles of helper.cpp.
std::string helper(const std::string& name, const std::string& role,
                   const std::string& members = {});
/// The JSON of a tree of these children.
std::string tree_of(const std::vector<std::string>& children, const std::string& members = {});

/// An address for `listen`, with a port that was free.
std::string free_address();

/// The parent of a living process; 0 when it is dead.
pid_t parent_of(pid_t pid);
bool is_alive(pid_t pid);
std::size_t open_descriptors(const std::string& pid = "self");

class real_tree {
public:
    explicit real_tree(event_loop& loop, std::string_view tree);
    /// Kills what still runs.
    ~real_tree();

    /// Runs until the notice has been published `n` times in all; false after 20 s.
    bool sees(const std::string& notice, std::size_t n = 1);
    bool prints(const std::string& line, std::size_t n = 1);
    /// Stops the tree, and waits.
    bool stop(supe::duration limit = std::chrono::seconds(20));
    bool ends(supe::duration limit = std::chrono::seconds(20));

    std::size_t count(const std::string& notice) const;
    /// The last message of a notice; empty before the first one.
    std::string last(const std::string& notice) const;
    const std::vector<std::string>& lines() const { return sink_.lines; }
    /// The rest of the last line that begins with `beginning`; empty when there is no such line.
    std::string after(const std::string& beginning) const;
    bool ended() const { return ended_; }
    bool clean() const { return clean_; }

    supe::child& operator[](std::string_view name) { return *root_.find(name); }
    const auto& deaths(std::string_view name) { return root_.entry_of((*this)[name]).deaths; }
    pid_t pid(std::string_view name) { return root_.find(name)->pid(); }
    supe::supervisor& root() { return root_; }
    const std::filesystem::path& state() const { return state_.path(); }
    supe::posix_launcher& processes() { return launcher_; }

private:
    struct recorder final : supe::line_sink {
        std::vector<std::string> lines;
        void write(supe::stream, std::string_view address, std::string_view line) override;
    };
    supe::awaitable<> run();

    event_loop& loop_;
    temporary_directory state_;
    supe::posix_launcher launcher_;
    recorder sink_;
    struct notice_log {
        std::size_t times = 0;
        std::string last;
    };
    std::map<std::string, notice_log> notices_;
    supe::supervisor root_;
    supe::nursery tasks_;
    bool ended_ = false;
    bool clean_ = false;
};

}  // namespace support
