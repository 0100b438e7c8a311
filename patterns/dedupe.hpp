// Which things were done already, known after a crash too.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <cstddef>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>

namespace patterns {

/// A window of the last ids, in a file. Mail arrives at least once; with this its effect happens
/// once for each id, as long as the id is in the window:
///
///     patterns::dedupe seen{"payments.seen", 100'000};
///     while (auto mail = co_await self.receive()) {
///         if (!seen.contains(mail->id())) { pay(*mail); seen.add(mail->id()); }
///         mail->ack();
///     }
///
/// A crash between the effect and add() repeats the effect once; with add() first, such a crash
/// loses it. An id of the sender's (an order number) also finds what the sender sends twice.
///
/// What was added outlives the process, and not a loss of power: nothing is synced. The file holds
/// a JSON string a line, twice the window at most. One process uses it at a time.
class dedupe {
public:
    /// Reads what an earlier life left. `file`: relative to the tree's state directory. Throws
    /// std::runtime_error, with the path, where it cannot be had. Precondition: `window` is more
    /// than 0.
    dedupe(const std::filesystem::path& file, std::size_t window);

    bool contains(std::string_view id) const { return known_.contains(id); }
    /// It is in the file when this returns. Nothing where it is known. Throws std::runtime_error
    /// where it cannot be written: then it is not known.
    void add(const std::string& id);
    std::size_t size() const { return order_.size(); }

private:
    void remember(std::string id);
    void rewrite();
    [[noreturn]] void fail(int error) const;

    std::filesystem::path file_;
    std::size_t window_;
    std::deque<std::string> order_;               // the oldest first
    std::unordered_set<std::string_view> known_;  // in order_
    supe::unique_fd open_;
    std::size_t bytes_ = 0, lines_ = 0;  // of the file
};

}  // namespace patterns
